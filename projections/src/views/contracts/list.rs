//! Single contracts and lists of them.

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, ContractId, EmployeeId};
use letopis_core::money::Money;
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::ContractRow;
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Params, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, Owner};

/// How a contract stands on the day of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its first day is still to come.
    NotBegun,
    /// It holds.
    InForce,
    /// It rests.
    Interrupted,
    /// It was terminated, ran out, or its last day has passed.
    Ended,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContractItem {
    /// The contract.
    pub contract: ContractId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// What it is about.
    pub kind: Option<Code>,
    /// How it stands.
    pub state: State,
    /// When it was signed.
    pub signed_at: Option<Moment>,
    /// Its first day.
    pub from: Option<Day>,
    /// Its last day; null while it is open-ended.
    pub until: Option<Day>,
    /// Days from the day of the answer to its last day, while it is in force.
    pub days_left: Option<i32>,
    /// The service scheme that it promises.
    pub scheme: Option<Code>,
    /// Who of us keeps it.
    pub employee: Option<EmployeeId>,
    /// What it brings, by its last signing or renewal.
    pub fee: Option<Money>,
    /// How often it was renewed.
    pub renewals: u32,
    /// Since when it rests.
    pub interrupted_at: Option<Moment>,
    /// When it was ended.
    pub ended_at: Option<Moment>,
    /// `expired` or `terminated`.
    pub ended_how: Option<Code>,
    /// Why.
    pub ended_why: Option<Code>,
    /// Rules it breaks.
    pub flags: Vec<String>,
}

pub(super) fn state(row: &ContractRow, day: Day) -> State {
    let over = row.ended_at.is_some() || row.last_day.is_some_and(|last| last < day);
    match (over, row.first_day.is_some_and(|first| first > day), row.interrupted_at) {
        (true, ..) => State::Ended,
        (false, true, _) => State::NotBegun,
        (false, false, Some(_)) => State::Interrupted,
        (false, false, None) => State::InForce,
    }
}

impl ContractItem {
    fn new(row: ContractRow, reader: &Reader<'_>) -> Self {
        let state = state(&row, reader.day());
        let left = row.last_day.filter(|_| matches!(state, State::InForce | State::Interrupted));
        Self {
            contract: row.contract_id,
            client: row.client.client(),
            kind: row.kind,
            state,
            signed_at: row.signed_at.map(Moment::utc),
            from: row.first_day,
            until: row.last_day,
            days_left: left.map(|last| last.0 - reader.day().0),
            scheme: row.scheme,
            employee: row.employee,
            fee: row.fee_minor.zip(row.fee_currency).map(|(minor, currency)| Money { minor, currency }),
            renewals: row.renewals,
            interrupted_at: row.interrupted_at.map(Moment::utc),
            ended_at: row.ended_at.map(Moment::utc),
            ended_how: row.ended_how,
            ended_why: row.ended_why,
            flags: row.flags.0,
        }
    }
}

/// An open-ended contract ends after all others.
const LAST: &str = "coalesce(last_day, '9999-12-31')";

fn page(reader: &Reader<'_>, params: &mut Params, condition: &mut Condition, shape: &str) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    if let Some(place) = window.place(shape, 2)? {
        condition.and(&format!("({LAST}, contract_id) > (?, ?)"), place);
    }
    let rest = format!("ORDER BY {LAST}, contract_id LIMIT {wanted}");
    let rows = reader.rows::<ContractRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, shape, |row| {
        let last = row.last_day.map_or_else(|| Atom::Text("9999-12-31".into()), |day| day.put());
        vec![last, row.contract_id.put()]
    });
    json(page.map(|row| ContractItem::new(row, reader)))
}

pub(super) fn contracts(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let words = [
        ("in_force", State::InForce),
        ("interrupted", State::Interrupted),
        ("ended", State::Ended),
        ("not_begun", State::NotBegun),
    ];
    let state = params.word("state", &words)?;
    let within: Option<u16> = params.one("due_within_days")?;
    let kind: Option<Code> = params.one("kind")?;
    let employee: Option<EmployeeId> = params.one("employee")?;
    if within.is_some() && state.is_some_and(|state| state != State::InForce) {
        return Err(wrong("due_within_days", "only contracts in force are due for renewal"));
    }
    let shape = format!("contracts {state:?} {within:?} {kind:?} {employee:?}");
    let today = reader.day();
    let mut condition = Condition::default();
    condition.is("kind", kind.as_ref()).is("employee", employee.as_ref());
    let open = "ended_at IS NULL AND (last_day IS NULL OR last_day >= ?)";
    match state.or(within.map(|_| State::InForce)) {
        None => {}
        Some(State::Ended) => drop(condition.and("(ended_at IS NOT NULL OR last_day < ?)", [today.put()])),
        Some(State::NotBegun) => drop(condition.and(open, [today.put()]).and("first_day > ?", [today.put()])),
        Some(state) => {
            let rests =
                if state == State::Interrupted { "interrupted_at IS NOT NULL" } else { "interrupted_at IS NULL" };
            condition
                .and(open, [today.put()])
                .and("(first_day IS NULL OR first_day <= ?)", [today.put()])
                .and(rests, []);
        }
    }
    if let Some(days) = within {
        condition.and("last_day <= ?", [Day(today.0.saturating_add(days.into())).put()]);
    }
    page(reader, params, &mut condition, &shape)
}

pub(super) fn of_client(reader: &Reader<'_>, params: &mut Params, root: ClientId) -> Answer {
    let mut condition = Condition::default();
    condition.is("client", Some(&Owner::from(root)));
    page(reader, params, &mut condition, &format!("contracts of {root}"))
}

pub(super) fn rows_of(reader: &Reader<'_>, root: ClientId) -> Result<Vec<ContractRow>, QueryError> {
    reader.rows("WHERE client = ?1 ORDER BY contract_id", &[&Owner::from(root).put()])
}

fn row(reader: &Reader<'_>, contract: u128) -> Result<Option<ContractRow>, QueryError> {
    let rest = "WHERE contract_id = ?1 ORDER BY signed_at IS NULL, signed_at, client LIMIT 1";
    Ok(reader.rows::<ContractRow>(rest, &[&ContractId(contract).put()])?.into_iter().next())
}

pub(super) fn owner(reader: &Reader<'_>, contract: u128) -> Result<Option<ClientId>, QueryError> {
    Ok(row(reader, contract)?.map(|row| row.client.client()))
}

pub(super) fn contract(reader: &Reader<'_>, _params: &mut Params, contract: u128) -> Answer {
    json(row(reader, contract)?.map(|row| ContractItem::new(row, reader)))
}
