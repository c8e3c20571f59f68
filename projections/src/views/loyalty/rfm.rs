//! Recency, frequency, monetary value: scores by quintile.
//!
//! In one window and currency: R is the days from the last purchase day to the as-of day, F the orders,
//! M the net revenue. Cut k (1 to 4) is the value at rank ⌈n·k/5⌉ of the ascending order; the score is 1
//! plus the number of cuts strictly below the value, for R 5 minus that number. Equal values get equal
//! scores, so a score may stay empty.

use std::collections::BTreeMap;

use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use super::days::{Which, each, purchase_days};
use super::{Basis, Window, currencies, one_currency};
use crate::engine::list;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Atom;
use crate::views::orders::answer::{Amount, ExactSum, Page};

/// A client's values and scores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    /// The client.
    pub client: ClientId,
    /// Days since the last purchase day.
    pub recency_days: i64,
    /// Orders.
    pub frequency: i64,
    /// Net revenue.
    pub monetary: Amount,
    /// Scores of R, F and M, 5 best.
    pub scores: [u8; 3],
}

/// The four cuts of each value; none when there is no client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cuts {
    /// Of R, days.
    pub recency_days: [i64; 4],
    /// Of F, orders.
    pub frequency: [i64; 4],
    /// Of M, exact.
    pub monetary: [ExactSum; 4],
}

/// Clients with the same scores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RfmCell {
    /// Scores of R, F and M.
    pub scores: [u8; 3],
    /// How many.
    pub clients: i64,
    /// Their net revenue.
    pub monetary: Amount,
}

/// How clients spread over the scores, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The currency.
    pub currency: Currency,
    /// The last day that is covered.
    pub as_of: Day,
    /// Clients with a purchase in the window.
    pub clients: i64,
    /// The cuts.
    pub cuts: Option<Cuts>,
    /// Scores that anybody has, ascending.
    pub cells: Vec<RfmCell>,
}

/// A question for a list of clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Which days.
    pub window: Window,
    /// Which currency; may be left out where there is only one.
    pub currency: Option<Currency>,
    /// Which orders count.
    pub basis: Basis,
    /// Only clients with these scores.
    pub scores: Option<[u8; 3]>,
}

/// The clients of a window with their scores, by id.
///
/// # Errors
/// When a parameter is wrong, a currency has to be named, or the view cannot be read.
pub fn rfm(reader: &Reader<'_>, question: &Question, paging: &list::Window) -> Result<Page<Client>, QueryError> {
    question.window.check()?;
    let query = format!("rfm?{question:?}&day={}", reader.day());
    let (limit, _) = paging.wanted()?;
    let after = match paging.place(&query, 1)?.as_deref() {
        Some([Atom::Text(id)]) => Some(id.parse::<ClientId>().map_err(|_| QueryError::Cursor)?),
        Some(_) => return Err(QueryError::Cursor),
        None => None,
    };
    let Some(currency) = one_currency(reader, question.currency)? else {
        return Ok(Page { items: Vec::new(), next: None });
    };
    let (mut clients, _) = score(reader, question.window, currency, question.basis)?;
    clients.retain(|client| question.scores.is_none_or(|scores| client.scores == scores));
    let start = clients.partition_point(|client| after.is_some_and(|after| client.client <= after));
    clients.drain(..start);
    clients.truncate(limit + 1);
    Ok(Page::cut(clients, limit, &query, |client| vec![Atom::Text(client.client.to_string().into())]))
}

/// How clients spread over the scores: one table per currency, or the one asked for.
///
/// # Errors
/// When the window is empty or the view cannot be read.
pub fn rfm_table(
    reader: &Reader<'_>,
    window: Window,
    currency: Option<Currency>,
    basis: Basis,
) -> Result<Vec<Table>, QueryError> {
    window.check()?;
    let known = currency.map_or_else(|| currencies(reader), |one| Ok(vec![one]))?;
    known
        .into_iter()
        .map(|currency| {
            let (clients, cuts) = score(reader, window, currency, basis)?;
            let mut cells: BTreeMap<[u8; 3], (i64, i128)> = BTreeMap::new();
            for client in &clients {
                let (count, sum) = cells.entry(client.scores).or_default();
                *count += 1;
                *sum += client.monetary.exact.0;
            }
            let cells = cells.into_iter().map(|(scores, (clients, sum))| RfmCell {
                scores,
                clients,
                monetary: Amount::new(sum, currency),
            });
            Ok(Table { currency, as_of: reader.day(), clients: clients.len() as i64, cuts, cells: cells.collect() })
        })
        .collect()
}

fn score(
    reader: &Reader<'_>,
    window: Window,
    currency: Currency,
    basis: Basis,
) -> Result<(Vec<Client>, Option<Cuts>), QueryError> {
    let (today, mut clients) = (reader.day(), Vec::new());
    each(reader, Which { client: None, currency: Some(currency) }, |client, entries| {
        let days = purchase_days(entries, basis, window);
        let Some((last, _)) = days.last() else { return };
        let net = entries.iter().filter(|entry| window.holds(entry.effect_day)).map(|entry| entry.net()).sum();
        clients.push(Client {
            client,
            recency_days: i64::from(today.0) - i64::from(last.0),
            frequency: days.iter().map(|(_, count)| count).sum(),
            monetary: Amount::new(net, currency),
            scores: [0; 3],
        });
    })?;
    let cut = |value: &dyn Fn(&Client) -> i128| cuts(clients.iter().map(value).collect());
    let (Some(r), Some(f), Some(m)) = (
        cut(&|client| client.recency_days.into()),
        cut(&|client| client.frequency.into()),
        cut(&|client| client.monetary.exact.0),
    ) else {
        return Ok((clients, None));
    };
    for client in &mut clients {
        let below = |cuts: &[i128; 4], value: i128| cuts.iter().filter(|cut| **cut < value).count() as u8;
        client.scores = [
            5 - below(&r, client.recency_days.into()),
            1 + below(&f, client.frequency.into()),
            1 + below(&m, client.monetary.exact.0),
        ];
    }
    let small = |cuts: [i128; 4]| cuts.map(|cut| cut as i64);
    Ok((clients, Some(Cuts { recency_days: small(r), frequency: small(f), monetary: m.map(ExactSum) })))
}

/// Values at the ranks ⌈n·k/5⌉, k = 1 to 4, of the ascending order.
fn cuts(mut values: Vec<i128>) -> Option<[i128; 4]> {
    values.sort_unstable();
    let at = |k: usize| values.get((values.len() * k).div_ceil(5).checked_sub(1)?).copied();
    Some([at(1)?, at(2)?, at(3)?, at(4)?])
}
