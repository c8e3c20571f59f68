//! Prices that were lowered to calm a client: to whom, by whom, with whose leave, why.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, EmployeeId, EventId, OrderId};
use letopis_core::money::{Currency, Money};
use letopis_core::time::Day;
use serde::Serialize;

use super::{Kind, MoneyRow};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::definitions::employees;

/// What concessions are summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConcessionsBy {
    /// To whom.
    Client,
    /// Who made them; who allowed them, where nobody else is named.
    Employee,
    /// The manager of who made them, as employees are defined at the bound; himself where he has none.
    Manager,
    /// Who allowed them.
    Approver,
    /// Why.
    Reason,
}

/// Sums of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The client, employee or reason.
    pub key: String,
    /// How many.
    pub concessions: i64,
    /// How many orders.
    pub orders: i64,
    /// What they come to, currency by currency.
    pub amounts: Vec<Money>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concession {
    /// The event.
    pub event: EventId,
    /// The day.
    pub day: Day,
    /// To whom.
    pub client: ClientId,
    /// On which order.
    pub order: Option<OrderId>,
    /// By how much the price was lowered.
    pub amount: Option<Money>,
    /// Why.
    pub reason: Option<Code>,
    /// Who made it.
    pub employee: Option<EmployeeId>,
    /// Who allowed it.
    pub approver: Option<EmployeeId>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concessions {
    /// Sums of the period, by key.
    pub groups: Vec<Group>,
    /// The concessions behind them, the latest first.
    pub page: Page<Concession>,
}

/// Concessions of a period, summed up and one by one.
///
/// # Errors
/// When the cursor is of another query or the views cannot be read.
pub fn concessions(
    reader: &Reader<'_>,
    (from, to): (Day, Day),
    by: ConcessionsBy,
    client: Option<ClientId>,
    window: &Window,
) -> Result<Concessions, QueryError> {
    let query = format!("concessions?{from}&{to}&{by:?}&{client:?}");
    let (limit, wanted) = window.wanted()?;
    let mut condition = Condition::default();
    condition.and("kind = ?", [Kind::Conceded.put()]).and("day >= ? AND day < ?", [from.put(), to.put()]);
    condition.is("client", client.as_ref());
    let groups = groups(reader, &condition, by)?;
    if let Some(place) = window.place(&query, 2)? {
        condition.and("(occurred_at, event) < (?, ?)", place);
    }
    let rest = format!("ORDER BY occurred_at DESC, event DESC LIMIT {wanted}");
    let rows = reader.rows::<MoneyRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &query, |row| vec![row.occurred_at.put(), row.event.put()]);
    let page = page.map(|row| Concession {
        event: row.event,
        day: row.day,
        client: row.client.client(),
        order: row.order_id,
        amount: row.currency.map(|currency| Money { minor: row.minor, currency }),
        reason: row.reason,
        employee: row.employee,
        approver: row.approver,
    });
    Ok(Concessions { groups, page })
}

fn groups(reader: &Reader<'_>, condition: &Condition, by: ConcessionsBy) -> Result<Vec<Group>, QueryError> {
    let staff = if by == ConcessionsBy::Manager { employees(reader)? } else { BTreeMap::new() };
    type Sum = (i64, std::collections::BTreeSet<Option<OrderId>>, BTreeMap<Currency, i64>);
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for row in reader.rows::<MoneyRow>(&condition.sql(""), &condition.values())? {
        let maker = row.employee.or(row.approver);
        let key = match by {
            ConcessionsBy::Client => Some(row.client.to_string()),
            ConcessionsBy::Employee => maker.map(|id| id.to_string()),
            ConcessionsBy::Manager => maker.map(|id| {
                let manager = staff.get(&id).and_then(|employee| employee.manager);
                manager.unwrap_or(id).to_string()
            }),
            ConcessionsBy::Approver => row.approver.map(|id| id.to_string()),
            ConcessionsBy::Reason => row.reason.as_ref().map(Code::to_string),
        };
        let (count, orders, amounts) = sums.entry(key.unwrap_or_default()).or_default();
        *count += 1;
        orders.insert(row.order_id);
        if let Some(currency) = row.currency {
            let sum = amounts.entry(currency).or_default();
            *sum = sum.saturating_add(row.minor);
        }
    }
    let group = |(key, (concessions, orders, amounts)): (String, Sum)| Group {
        key,
        concessions,
        orders: orders.len() as i64,
        amounts: amounts.into_iter().map(|(currency, minor)| Money { minor, currency }).collect(),
    };
    Ok(sums.into_iter().map(group).collect())
}
