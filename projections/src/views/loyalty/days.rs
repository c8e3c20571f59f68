//! Reads purchase days, client by client.

use std::collections::BTreeMap;

use jiff::civil;
use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use rusqlite::types::ValueRef;

use super::{Basis, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};

/// What one day did to what a client bought on another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) order_day: Day,
    pub(crate) effect_day: Day,
    pub(crate) currency: Currency,
    purchases: i64,
    sales: i64,
    /// Ordered less cancelled.
    pub(crate) ordered: i64,
    pub(crate) returned: i64,
}

impl Entry {
    pub(crate) fn count(&self, basis: Basis) -> i64 {
        match basis {
            Basis::Purchases => self.purchases,
            Basis::Sales => self.sales,
        }
    }

    pub(crate) fn net(&self) -> i128 {
        i128::from(self.ordered) - i128::from(self.returned)
    }
}

/// Which clients and what of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Which {
    pub(crate) client: Option<ClientId>,
    pub(crate) currency: Option<Currency>,
}

/// Gives the entries of each identified client (or of the one asked for) up to the reader's day, in the
/// order of their ids.
pub(crate) fn each(
    reader: &Reader<'_>,
    which: Which,
    mut take: impl FnMut(ClientId, &[Entry]),
) -> Result<(), QueryError> {
    let mut sql = String::from(
        "SELECT client, order_day, effect_day, currency, purchases, orders - cancelled_orders,
         gross_micro - cancelled_micro, returned_micro FROM purchase_day WHERE effect_day <= ?1",
    );
    let mut params = vec![reader.day().put()];
    match which.client {
        Some(client) => {
            sql.push_str(" AND client = ?2");
            params.push(client.put());
        }
        None => sql.push_str(" AND identified = 1"),
    }
    if let Some(currency) = which.currency {
        sql.push_str(if which.client.is_some() { " AND currency = ?3" } else { " AND currency = ?2" });
        params.push(currency.put());
    }
    sql.push_str(" ORDER BY client");
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    let (mut text, mut client, mut entries) = (Vec::new(), ClientId::default(), Vec::new());
    while let Some(row) = rows.next()? {
        let id = row.get_ref(0)?.as_bytes().unwrap_or_default();
        if id != text.as_slice() || entries.is_empty() {
            if !entries.is_empty() {
                take(client, &entries);
                entries.clear();
            }
            client = cell(row, 0)?;
            text.clear();
            text.extend_from_slice(id);
        }
        let order_day = day(row, 1)?;
        let effect_day = if row.get_ref(1)? == row.get_ref(2)? { order_day } else { day(row, 2)? };
        entries.push(Entry {
            order_day,
            effect_day,
            currency: cell(row, 3)?,
            purchases: row.get(4)?,
            sales: row.get(5)?,
            ordered: row.get(6)?,
            returned: row.get(7)?,
        });
    }
    if !entries.is_empty() {
        take(client, &entries);
    }
    Ok(())
}

/// A day column, read without a general parser: this is most of the work of a scan.
fn day(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Day> {
    let fast = |text: &[u8]| -> Option<Day> {
        let number = |digits: &[u8]| {
            digits
                .iter()
                .try_fold(0i16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0')))
        };
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
        let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
        let date = civil::Date::new(number(&[y1, y2, y3, y4])?, month as i8, day as i8).ok()?;
        Some(Day::from_date(date))
    };
    match row.get_ref(index)? {
        ValueRef::Text(text) => fast(text).map_or_else(|| cell(row, index), Ok),
        _ => cell(row, index),
    }
}

/// The orders of each day that counts, ascending: within a window, in one currency or all.
pub(crate) fn purchase_days(entries: &[Entry], basis: Basis, window: Window) -> Vec<(Day, i64)> {
    let mut days: Vec<(Day, i64)> = Vec::with_capacity(entries.len());
    let mut sorted = true;
    for entry in entries.iter().filter(|entry| window.holds(entry.order_day)) {
        match days.last_mut() {
            Some((day, count)) if *day == entry.order_day => *count += entry.count(basis),
            last => {
                sorted &= last.is_none_or(|(day, _)| *day < entry.order_day);
                days.push((entry.order_day, entry.count(basis)));
            }
        }
    }
    if !sorted {
        let mut by_day = BTreeMap::new();
        for (day, count) in days {
            *by_day.entry(day).or_insert(0i64) += count;
        }
        days = by_day.into_iter().collect();
    }
    days.retain(|(_, count)| *count > 0);
    days
}
