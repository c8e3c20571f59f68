//! From a cell of the cube to the events it is made of.

use std::collections::BTreeSet;

use letopis_core::ids::{ClientId, EmployeeId, EventId, OrderId};
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::cell::{CELL, Dim, Filter, Joins, Spot};
use super::cube::{cost_spot, costly, spot};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Param, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};
use crate::views::client::members;
use crate::views::history::HistoryRow;
use crate::views::orders::{Move, OrderRow, flows};
use crate::views::presale::PresaleRow;

/// Parameters of the drill-down: those of a cell.
pub(super) const PARAMS: [Param; 12] = {
    let [a, b, c, d, e, f, g, h, i, j] = CELL;
    [a, b, c, d, e, f, g, h, i, j, Param::Text("currency", "Only this currency"), Param::Page]
};

/// What changes revenue, and what costs.
const TYPES: [&str; 5] = ["order.placed", "order.changed", "order.cancelled", "goods.returned", "presale_action.done"];

/// An event that a cell is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellEvent {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub event_type: String,
    /// The day on which it counts.
    pub day: Day,
    /// When it happened.
    pub occurred_at: Moment,
    /// The head of the client's group.
    pub client: ClientId,
    /// The order it belongs to.
    pub order: Option<OrderId>,
}

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let filter = Filter::read(reader, params)?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("drill {filter:?} {}", reader.day());
    let place = window.place(&shape, 3)?;
    let dims: Vec<Dim> = filter.dims().collect();
    let joins = Joins::load(reader, &dims, filter.attribute.as_ref())?;
    let mut found: Vec<CellEvent> = Vec::new();
    for (day, client) in days(reader, &filter, &joins)? {
        let mut there = events(reader, &filter, &joins, day, client)?;
        if let Some(place) = &place {
            there.retain(|item| atoms(item) > *place);
        }
        found.extend(there);
        if found.len() > limit {
            break;
        }
    }
    json(Page::cut(found, limit, &shape, atoms))
}

fn atoms(item: &CellEvent) -> Vec<crate::engine::row::Atom> {
    vec![item.day.put(), item.client.put(), item.event.put()]
}

/// The clients and days that have a part in the cell, in order.
fn days(reader: &Reader<'_>, filter: &Filter, joins: &Joins) -> Result<BTreeSet<(Day, ClientId)>, QueryError> {
    let mut days = BTreeSet::new();
    let condition = filter.condition(reader);
    let some = "GROUP BY 1, 2, 3, 4, 5, 6 HAVING SUM(sale_lines <> 0 OR quantity_micro <> 0 OR gross_micro <> 0 \
                OR returned_micro <> 0 OR cancelled_micro <> 0) > 0";
    let sql = format!("SELECT day, client, product, employee, channel, region FROM revenue {}", condition.sql(some));
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query(condition.values().as_slice())?;
    while let Some(row) = rows.next()? {
        let spot = spot(row)?;
        if filter.holds(joins, &spot) {
            days.insert((spot.day, spot.client));
        }
    }
    for row in costly(reader, filter)? {
        if let Some(spot) = cost_spot(reader, &row)?.filter(|spot| filter.holds(joins, spot)) {
            days.insert((spot.day, spot.client));
        }
    }
    Ok(days)
}

/// The events of a client on a day that have a part in the cell, by id.
fn events(
    reader: &Reader<'_>,
    filter: &Filter,
    joins: &Joins,
    day: Day,
    client: ClientId,
) -> Result<Vec<CellEvent>, QueryError> {
    let mut items = Vec::new();
    for member in members(reader, client.into())? {
        let mut condition = Condition::default();
        let (from, to) = (reader.zone.start(day), reader.zone.end(day).min(reader.now));
        condition.and("occurred_at >= ? AND occurred_at < ?", [from.put(), to.put()]);
        condition.is("client", Some(&Owner::from(member))).one_of("event_type", &TYPES.map(str::to_owned));
        for row in reader.rows::<HistoryRow>(&condition.sql("ORDER BY event"), &condition.values())? {
            if has_part(reader, filter, joins, day, client, &row)? {
                items.push(CellEvent {
                    event: row.event,
                    event_type: row.event_type,
                    day,
                    occurred_at: Moment::utc(row.occurred_at),
                    client,
                    order: row.order_id,
                });
            }
        }
    }
    items.sort_unstable_by_key(|item| item.event);
    Ok(items)
}

fn has_part(
    reader: &Reader<'_>,
    filter: &Filter,
    joins: &Joins,
    day: Day,
    client: ClientId,
    event: &HistoryRow,
) -> Result<bool, QueryError> {
    if event.event_type == "presale_action.done" {
        let rows = reader.rows::<PresaleRow>("WHERE done_by = ?1", &[&event.event.put()])?;
        for row in &rows {
            let currency = filter.currency.is_none_or(|currency| Some(currency) == row.cost_currency);
            if currency && cost_spot(reader, row)?.is_some_and(|spot| filter.holds(joins, &spot)) {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let Some(order) = event.order_id else { return Ok(false) };
    let rest = "WHERE order_id = ?1 AND client = ?2";
    let rows = reader.rows::<OrderRow>(rest, &[&order.put(), &client.put()])?;
    Ok(rows.iter().any(|row| flows(row).iter().any(|flow| counts(filter, joins, day, row, flow))))
}

/// Whether what an order adds somewhere is in the cell on this day.
fn counts(filter: &Filter, joins: &Joins, day: Day, row: &OrderRow, flow: &Move) -> bool {
    let Move(on, (product, placed, currency), sums) = flow;
    let Some(product) = product else { return false };
    let known = |code: &Option<letopis_core::code::Code>| code.as_ref().filter(|_| *placed).map(ToString::to_string);
    let employee: Option<EmployeeId> = row.employee.filter(|_| *placed);
    let spot = Spot {
        day: *on,
        client: row.client.client(),
        product: Some(product.clone()),
        employee,
        channel: known(&row.channel),
        region: known(&row.region),
    };
    *on == day
        && sums.iter().any(|sum| *sum != 0)
        && filter.currency.is_none_or(|wanted| wanted == *currency)
        && filter.holds(joins, &spot)
}
