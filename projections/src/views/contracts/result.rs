//! What service earned and cost: sums over the events of a period, and the events themselves.

use letopis_core::ids::{AssetId, CaseId, ClientId, ContractId, EmployeeId, EventId, OrderId};
use letopis_core::money::Currency;
use letopis_core::time::Moment;
use serde::Serialize;

use super::ServiceLineRow;
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::{Atom, Cell, cell};

/// One line of the profit and loss of service.
#[derive(Debug, Serialize)]
struct Line {
    /// The contract, client (the head of his group), month (YYYY-MM) or kind; null for what is of no contract.
    key: Option<String>,
    currency: Currency,
    earned_minor: i64,
    cost_minor: i64,
    /// `earned - cost`.
    result_minor: i64,
    labour_s: i64,
    /// How many events.
    events: i64,
}

/// Merged clients are answered as one.
const ROOT: &str = "coalesce((SELECT root FROM subject s WHERE s.client = service_line.client), client)";

pub(super) fn result(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = [("contract", "contract"), ("client", ROOT), ("month", "substr(day, 1, 7)"), ("kind", "kind")];
    let key = params.word("by", &by)?.unwrap_or("contract");
    let (from, to) = params.period(reader)?;
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("service result {key} {from} {to} {}", reader.day());
    let mut condition = Condition::default();
    condition.and("day >= ? AND day < ? AND occurred_at < ?", [from.put(), to.put(), reader.now.put()]);
    condition.and("currency IS NOT NULL", []);
    if let Some(place) = window.place(&shape, 2)? {
        condition.and(&format!("(coalesce({key}, ''), currency) > (?, ?)"), place);
    }
    let sql = format!(
        "SELECT {key}, currency, SUM(earned_minor), SUM(cost_minor), SUM(labour_s), COUNT(*) FROM service_line {}",
        condition.sql(&format!("GROUP BY 1, 2 ORDER BY coalesce({key}, ''), currency LIMIT {wanted}"))
    );
    let mut select = reader.conn.prepare_cached(&sql)?;
    let rows = select.query_map(condition.values().as_slice(), |row| {
        let (earned, cost): (i64, i64) = (row.get(2)?, row.get(3)?);
        Ok(Line {
            key: cell(row, 0)?,
            currency: cell(row, 1)?,
            earned_minor: earned,
            cost_minor: cost,
            result_minor: earned.saturating_sub(cost),
            labour_s: row.get(4)?,
            events: row.get(5)?,
        })
    })?;
    let lines = rows.collect::<Result<Vec<Line>, _>>()?;
    json(Page::cut(lines, limit, &shape, |line| {
        vec![Atom::Text(line.key.clone().unwrap_or_default().into()), line.currency.put()]
    }))
}

/// An event that earned or cost something.
#[derive(Debug, Serialize)]
struct Entry {
    event: EventId,
    occurred_at: Moment,
    client: ClientId,
    contract: Option<ContractId>,
    kind: String,
    currency: Option<Currency>,
    earned_minor: i64,
    cost_minor: i64,
    labour_s: i64,
    order: Option<OrderId>,
    asset: Option<AssetId>,
    case: Option<CaseId>,
    employee: Option<EmployeeId>,
}

pub(super) fn lines(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let (contract, client): (Option<ContractId>, Option<ClientId>) = (params.one("contract")?, params.one("client")?);
    let kind: Option<String> = params.one("kind")?;
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("service lines {from} {to} {contract:?} {client:?} {kind:?}");
    let mut condition = Condition::default();
    condition.and("day >= ? AND day < ? AND occurred_at < ?", [from.put(), to.put(), reader.now.put()]);
    condition.is("contract", contract.as_ref()).is("kind", kind.as_ref());
    if let Some(client) = client {
        let group = "client IN (SELECT m.client FROM subject m JOIN subject s ON s.root = m.root WHERE s.client = ?)";
        condition.and(group, [client.put()]);
    }
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(occurred_at, event) > (?, ?)", place);
    }
    let rest = format!("ORDER BY occurred_at, event LIMIT {wanted}");
    let rows = reader.rows::<ServiceLineRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.occurred_at.put(), row.event.put()]);
    json(page.map(|row| Entry {
        event: row.event,
        occurred_at: Moment::utc(row.occurred_at),
        client: row.client.client(),
        contract: row.contract,
        kind: row.kind,
        currency: row.currency,
        earned_minor: row.earned_minor,
        cost_minor: row.cost_minor,
        labour_s: row.labour_s,
        order: row.order_id,
        asset: row.asset,
        case: row.case_id,
        employee: row.employee,
    }))
}
