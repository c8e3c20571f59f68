//! The level of service of a client, by the schemes that count at the bound, and why.

use std::collections::BTreeMap;

use letopis_core::code::{Code, Label};
use letopis_core::definitions::Definition;
use letopis_core::events::contract::SchemeDefined;
use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;
use serde_json::{Value, json};

use super::list::{State, rows_of, state};
use crate::engine::question::{Answer, Params, json as answer};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner, cell};
use crate::views::client::ClientRow;

/// A scheme and what its rule found.
#[derive(Debug, Serialize)]
struct Judged {
    /// `service-scheme:code@version`.
    scheme: String,
    label: Option<Label>,
    rank: i32,
    condition: String,
    /// Null when it cannot be decided.
    holds: Option<bool>,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Level {
    /// `service-scheme:code@version` of the highest rank that holds; null when none does.
    scheme: Option<String>,
    label: Option<Label>,
    rank: Option<i32>,
    gives: BTreeMap<Code, i64>,
    /// Every scheme, the highest rank first.
    why: Vec<Judged>,
    /// What the conditions were asked of.
    facts: Value,
}

/// Days that `bought` looks back.
const YEAR: i32 = 365;

pub(super) fn level(reader: &Reader<'_>, _params: &mut Params, root: ClientId) -> Answer {
    let facts = facts(reader, root)?;
    let definitions = reader.definitions(&[SchemeDefined::KIND])?;
    let mut schemes = definitions.all::<SchemeDefined>();
    schemes.sort_by_key(|dated| (-i64::from(dated.value.rank), dated.code));
    let mut level =
        Level { scheme: None, label: None, rank: None, gives: BTreeMap::new(), why: Vec::new(), facts: facts.clone() };
    for dated in schemes {
        let scheme = dated.value;
        let held = scheme.when.holds(&facts);
        if level.scheme.is_none() && held == Ok(true) {
            (level.scheme, level.label, level.rank) = (Some(dated.name()), scheme.label.clone(), Some(scheme.rank));
            level.gives.clone_from(&scheme.gives);
        }
        level.why.push(Judged {
            scheme: dated.name(),
            label: scheme.label.clone(),
            rank: scheme.rank,
            condition: scheme.when.as_str().to_owned(),
            reason: held.as_ref().err().map(|error| error.reason.clone()),
            holds: held.ok(),
        });
    }
    answer(level)
}

/// What conditions may name.
fn facts(reader: &Reader<'_>, root: ClientId) -> Result<Value, QueryError> {
    let owner = Owner::from(root).put();
    let card = reader.rows::<ClientRow>("WHERE client = ?1", &[&owner])?.into_iter().next();
    let (kind, attributes) = card.map_or((None, BTreeMap::new()), |card| (card.kind, card.attributes.0));
    let in_force = rows_of(reader, root)?.into_iter().filter(|row| state(row, reader.day()) == State::InForce);
    let contracts: Vec<Value> = in_force.map(|row| json!({ "kind": row.kind, "scheme": row.scheme })).collect();
    let mut assets = reader.conn.prepare_cached(
        "SELECT product FROM asset WHERE client = ?1 AND removed_at IS NULL AND product IS NOT NULL ORDER BY asset_id",
    )?;
    let assets = assets.query_map([&owner], |row| cell::<Code>(row, 0))?.collect::<Result<Vec<_>, _>>()?;
    let assets: Vec<Value> = assets.into_iter().map(|product| json!({ "product": product })).collect();
    Ok(json!({
        "client": { "kind": kind, "attributes": attributes },
        "contracts": contracts,
        "assets": assets,
        "bought": bought(reader, root)?,
    }))
}

/// Whole major units ordered and not cancelled in the year before the bound, by currency.
fn bought(reader: &Reader<'_>, root: ClientId) -> Result<BTreeMap<Currency, i64>, QueryError> {
    let today = reader.day();
    let mut select = reader.conn.prepare_cached(
        "SELECT currency, SUM(ordered_micro / 1000000) FROM client_order WHERE client = ?1 AND placed_on > ?2 \
         AND placed_on <= ?3 AND cancelled_at IS NULL AND currency IS NOT NULL GROUP BY currency",
    )?;
    let from = Day(today.0.saturating_sub(YEAR));
    let rows = select.query_map((Owner::from(root).put(), from.put(), today.put()), |row| {
        Ok((cell::<Currency>(row, 0)?, row.get::<_, i64>(1)?))
    })?;
    rows.map(|row| row.map_err(Into::into)).collect()
}
