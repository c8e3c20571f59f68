//! Lost clients by a declared rule, without a model; the loyal share.
//!
//! The rule `own-rhythm`, as of day E, *gap* = E − last purchase day, all in whole days and exact:
//!
//! - a client with `x > 0` gaps between purchase days: his mean gap is drawn to the mean gap of the base
//!   (all gaps of all clients) with a weight of 3 gaps; **lost** if `gap > max(90, 3 × mean)`, **at risk**
//!   if `gap > max(90, 2 × mean)`;
//! - a client with one purchase day: **lost** if gap is beyond the 0.9 quantile (nearest rank) of the days
//!   to the second purchase day of those who have one, or beyond 90 days where nobody has; the rule has no
//!   at-risk bound for him;
//! - else **active**.

use letopis_core::ids::ClientId;
use letopis_core::time::Day;
use serde::Serialize;

use super::days::{Which, each, purchase_days};
use super::ratio::Ratio;
use super::{Basis, Window};
use crate::engine::list;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Atom;
use crate::views::orders::answer::Page;

/// Days of silence that nobody is lost for.
pub const FLOOR_DAYS: i64 = 90;
/// Mean gaps after which a client is lost.
pub const LOST_FACTOR: i64 = 3;
/// Mean gaps after which a client is at risk.
pub const AT_RISK_FACTOR: i64 = 2;
/// Gaps of the base's mean that every client is given.
pub const SHRINKAGE: i64 = 3;
/// Of the times to a second purchase, in tenths.
pub const QUANTILE_TENTHS: usize = 9;

/// What became of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Within his rhythm.
    Active,
    /// Silent for longer than usual.
    AtRisk,
    /// Silent for too long.
    Lost,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Against his own rhythm.
    OwnRhythm,
    /// One purchase day, against the time others took to come back.
    TimeToSecondPurchase,
    /// One purchase day, and nobody ever came back.
    Floor,
}

/// The rule with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Days of silence that nobody is lost for.
    pub floor_days: i64,
    /// Mean gaps after which a client is lost.
    pub lost_factor: i64,
    /// Mean gaps after which a client is at risk.
    pub at_risk_factor: i64,
    /// Weight of the base's mean gap.
    pub shrinkage: i64,
    /// Sum of all gaps of the base, in days,
    pub base_gap_days: i64,
    /// and how many there are.
    pub base_gaps: i64,
    /// Quantile of the time to the second purchase day.
    pub one_time_quantile: f64,
    /// What it came to, in days; null where nobody has a second.
    pub one_time_days: Option<i64>,
}

/// How many clients are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Active.
    pub active: i64,
    /// At risk.
    pub at_risk: i64,
    /// Lost.
    pub lost: i64,
}

/// One client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    /// The client.
    pub client: ClientId,
    /// His state.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// Last purchase day.
    pub last_day: Day,
    /// Purchase days.
    pub purchase_days: i64,
    /// Days since the last.
    pub gap_days: i64,
    /// At risk after so many whole days, where the rule says.
    pub at_risk_after_days: Option<i64>,
    /// Lost after so many whole days.
    pub lost_after_days: i64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Which orders count.
    pub basis: Basis,
    /// The last day that is covered.
    pub as_of: Day,
    /// The rule.
    pub rule: Rule,
    /// Of all clients with a purchase.
    pub counts: Counts,
    /// The clients in the state asked for, or all, by id.
    pub page: Page<Client>,
}

/// Clients by state.
///
/// # Errors
/// When the cursor is of another question or the view cannot be read.
pub fn lost(
    reader: &Reader<'_>,
    state: Option<State>,
    basis: Basis,
    paging: &list::Window,
) -> Result<Answer, QueryError> {
    let query = format!("lost?{state:?}&{basis:?}&day={}", reader.day());
    let (limit, _) = paging.wanted()?;
    let after = match paging.place(&query, 1)?.as_deref() {
        Some([Atom::Text(id)]) => Some(id.parse::<ClientId>().map_err(|_| QueryError::Cursor)?),
        Some(_) => return Err(QueryError::Cursor),
        None => None,
    };
    let (rule, mut clients) = judge(reader, basis, |_| ())?;
    let mut counts = Counts::default();
    for (client, ()) in &clients {
        match client.state {
            State::Active => counts.active += 1,
            State::AtRisk => counts.at_risk += 1,
            State::Lost => counts.lost += 1,
        }
    }
    clients.retain(|(client, ())| {
        state.is_none_or(|state| client.state == state) && after.is_none_or(|after| client.client > after)
    });
    clients.truncate(limit + 1);
    let items = clients.into_iter().map(|(client, ())| client).collect();
    let page = Page::cut(items, limit, &query, |client| vec![Atom::Text(client.client.to_string().into())]);
    Ok(Answer { basis, as_of: reader.day(), rule, counts, page })
}

/// The loyal share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loyal {
    /// Which orders count.
    pub basis: Basis,
    /// The last twelve months up to the as-of day.
    pub window: Window,
    /// The rule that says who is active.
    pub rule: Rule,
    /// Active clients with at least two purchase days in the window, of those with at least one.
    pub share: Ratio,
}

/// The loyal share of the last twelve months.
///
/// # Errors
/// When the view cannot be read.
pub fn loyal_share(reader: &Reader<'_>, basis: Basis) -> Result<Loyal, QueryError> {
    let to = Day(reader.day().0.saturating_add(1));
    let from = Day::from_date(to.date().saturating_sub(jiff::Span::new().months(12)));
    let window = Window { from, to };
    let (rule, clients) = judge(reader, basis, |days| days.iter().filter(|(day, _)| window.holds(*day)).count())?;
    let bought = clients.iter().filter(|(_, days)| *days > 0).count() as i64;
    let loyal = clients.iter().filter(|(client, days)| *days > 1 && client.state == State::Active).count() as i64;
    Ok(Loyal { basis, window, rule, share: Ratio::new(loyal, bought) })
}

/// The state of every client, and something else of his purchase days.
fn judge<T>(
    reader: &Reader<'_>,
    basis: Basis,
    more: impl Fn(&[(Day, i64)]) -> T,
) -> Result<(Rule, Vec<(Client, T)>), QueryError> {
    struct Seen<T>(ClientId, Day, i64, i64, T);
    let (mut seen, mut seconds, mut base_days, mut base_gaps) = (Vec::new(), Vec::new(), 0, 0);
    each(reader, Which::default(), |client, entries| {
        let days = purchase_days(entries, basis, Window::ALL);
        let ([(first, _), rest @ ..], Some((last, _))) = (days.as_slice(), days.last()) else { return };
        let (gaps, sum) = (rest.len() as i64, i64::from(last.0) - i64::from(first.0));
        if let Some((second, _)) = rest.first() {
            seconds.push(i64::from(second.0) - i64::from(first.0));
        }
        base_gaps += gaps;
        base_days += sum;
        seen.push(Seen(client, *last, gaps, sum, more(&days)));
    })?;
    seconds.sort_unstable();
    let rank = (seconds.len() * QUANTILE_TENTHS).div_ceil(10);
    let one_time_days = rank.checked_sub(1).and_then(|rank| seconds.get(rank)).copied();
    let today = i64::from(reader.day().0);
    let clients = seen.into_iter().map(|Seen(client, last_day, gaps, sum, more)| {
        let gap_days = today - i64::from(last_day.0);
        // `gap > f·(sum + 3·base)/(gaps + 3)` for a whole gap is `gap > ⌊…⌋`; base = base_days / base_gaps.
        let bound = |factor: i64| {
            let above = i128::from(sum) * i128::from(base_gaps) + i128::from(SHRINKAGE) * i128::from(base_days);
            let below = i128::from(gaps + SHRINKAGE) * i128::from(base_gaps.max(1));
            ((i128::from(factor) * above / below) as i64).max(FLOOR_DAYS)
        };
        let (reason, at_risk, lost) = match one_time_days {
            _ if gaps > 0 => (Reason::OwnRhythm, Some(bound(AT_RISK_FACTOR)), bound(LOST_FACTOR)),
            Some(days) => (Reason::TimeToSecondPurchase, None, days),
            None => (Reason::Floor, None, FLOOR_DAYS),
        };
        let state = match at_risk {
            _ if gap_days > lost => State::Lost,
            Some(bound) if gap_days > bound => State::AtRisk,
            _ => State::Active,
        };
        let client = Client {
            client,
            state,
            reason,
            last_day,
            purchase_days: gaps + 1,
            gap_days,
            at_risk_after_days: at_risk,
            lost_after_days: lost,
        };
        (client, more)
    });
    let rule = Rule {
        name: "own-rhythm",
        floor_days: FLOOR_DAYS,
        lost_factor: LOST_FACTOR,
        at_risk_factor: AT_RISK_FACTOR,
        shrinkage: SHRINKAGE,
        base_gap_days: base_days,
        base_gaps,
        one_time_quantile: QUANTILE_TENTHS as f64 / 10.0,
        one_time_days,
    };
    Ok((rule, clients.collect()))
}
