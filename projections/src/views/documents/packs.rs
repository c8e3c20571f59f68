//! Packs: forms filled in with the data of an order, and the same again whenever somebody asks.
//!
//! The event keeps the template's version, the data (sealed), and the SHA-256 of the data and of the pack; the pack
//! itself is kept nowhere, because it can be made again bit for bit. After an erasure the data is gone and the
//! hashes stay.

use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition};
use letopis_core::events::document::TemplateDefined;
use letopis_core::events::{DocumentEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::form;
use letopis_core::ids::{ClientId, OrderId, PackId};
use letopis_core::time::Moment;
use serde::Serialize;
use serde_json::{Value, json as value};

use crate::engine::projection::{Context, Projection};
use crate::engine::question::{Answer, Params, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::row;
use crate::views::client::{Access, ClientRow};
use crate::views::orders::card;

row! {
    /// A pack that was produced.
    pub struct PackRow in "pack", index ["order_id"] {
        /// The pack.
        key pack: PackId,
        owner client,
        /// The template.
        template: Option<Code>,
        /// Its version.
        template_version: i64,
        /// The order whose data it holds.
        order_id: Option<OrderId>,
        /// When it was produced.
        produced_at: Option<Moment>,
        /// SHA-256 of the data as canonical JSON.
        snapshot_sha256: Option<Code>,
        /// SHA-256 of the pack.
        sha256: Option<Code>,
        /// Whether the data may be read.
        @apart state: Option<Access>,
        /// The data, while it may be read.
        @apart snapshot: Option<String>,
    }
}

/// The view of packs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packs;

impl Projection for Packs {
    const NAME: &'static str = "packs";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["document"];
    const OPENS: &'static [&'static str] = &["document"];
    type Row = PackRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Document(DocumentEvent::PackProduced(e)) = &fact.event {
            keys.push(e.pack.0);
        }
    }

    fn fold(&self, row: &mut PackRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Document(DocumentEvent::PackProduced(e)) = &fact.event else { return };
        row.template = Some(e.template.clone());
        row.template_version = i64::try_from(e.template_version).unwrap_or(i64::MAX);
        (row.order_id, row.produced_at) = (Some(e.order), Some(fact.occurred));
        (row.snapshot_sha256, row.sha256) = (Some(e.snapshot_sha256.clone()), Some(e.sha256.clone()));
        row.state = Access::of(&e.snapshot);
        row.snapshot = e.snapshot.known().and_then(|snapshot| serde_json::to_string(snapshot).ok());
    }
}

#[derive(Serialize)]
struct Preview {
    template: Code,
    template_version: u64,
    order: OrderId,
    snapshot: Value,
    snapshot_sha256: String,
    sha256: String,
    text: String,
}

#[derive(Serialize)]
struct Again {
    pack: PackId,
    client: ClientId,
    order: Option<OrderId>,
    /// `document-template:offer@2`.
    template: String,
    produced_at: Option<Moment>,
    snapshot_sha256: Option<Code>,
    sha256: Option<Code>,
    /// Whether the data may be read.
    snapshot: Option<Access>,
    /// The pack, made again; none without the data or the template.
    text: Option<String>,
    /// Whether it is the same, bit for bit.
    same: Option<bool>,
}

pub(super) fn preview(reader: &Reader<'_>, params: &mut Params, order: u128) -> Answer {
    let (order, code) = (OrderId(order), params.required::<Code>("template")?);
    let Some(card) = card::order(reader, order)? else { return json(()) };
    let definitions = reader.definitions(&[TemplateDefined::KIND])?;
    let Some(template) = definitions.latest::<TemplateDefined>(code.as_str()) else {
        return Err(wrong("template", format!("there is no template {code}")));
    };
    let snapshot = snapshot(reader, &card)?;
    let text = form::fill(&template.value.forms, &snapshot)
        .map_err(|error| wrong("template", format!("{} cannot be filled in: {error}", template.name())))?;
    json(Preview {
        template: code,
        template_version: template.version.0,
        order,
        snapshot_sha256: form::sha256_of(&snapshot),
        snapshot,
        sha256: form::sha256(text.as_bytes()),
        text,
    })
}

/// What forms may tell: the order as it is, and who ordered.
fn snapshot(reader: &Reader<'_>, card: &card::OrderCard) -> Result<Value, QueryError> {
    let rows = reader.rows::<ClientRow>("WHERE client = ?1", &[&card.client.put()])?;
    let client = rows.into_iter().next();
    let order = serde_json::to_value(card).map_err(|error| QueryError::Storage(Box::new(error)))?;
    Ok(value!({
        "order": order,
        "client": {
            "id": card.client,
            "name": client.as_ref().and_then(|row| row.name.clone()),
            "language": client.as_ref().and_then(|row| row.language.clone()),
            "profile": client.map(|row| row.profile.0).unwrap_or_default(),
        },
    }))
}

/// Whose pack it is.
pub(super) fn find(reader: &Reader<'_>, pack: u128) -> Result<Option<ClientId>, QueryError> {
    let rows = reader.rows::<PackRow>("WHERE pack = ?1", &[&PackId(pack).put()])?;
    Ok(rows.first().map(|row| row.client.client()))
}

pub(super) fn again(reader: &Reader<'_>, _: &mut Params, pack: u128) -> Answer {
    let rows = reader.rows::<PackRow>("WHERE pack = ?1", &[&PackId(pack).put()])?;
    let Some(row) = rows.into_iter().next() else { return json(()) };
    let definitions = reader.definitions(&[TemplateDefined::KIND])?;
    let code = row.template.as_ref().map_or("", Code::as_str);
    let versions = definitions.versions::<TemplateDefined>(code);
    let used = |dated: &&Dated<'_, TemplateDefined>| i64::try_from(dated.version.0) == Ok(row.template_version);
    let template = versions.iter().find(used);
    let data: Option<Value> = row.snapshot.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let text = template.zip(data.as_ref()).and_then(|(template, data)| form::fill(&template.value.forms, data).ok());
    let same =
        text.as_ref().map(|text| row.sha256.as_ref().is_some_and(|hash| *hash == *form::sha256(text.as_bytes())));
    json(Again {
        pack: row.pack,
        client: row.client.client(),
        order: row.order_id,
        template: format!("{}:{code}@{}", TemplateDefined::KIND, row.template_version),
        produced_at: row.produced_at,
        snapshot_sha256: row.snapshot_sha256,
        sha256: row.sha256,
        snapshot: row.state,
        text,
        same,
    })
}
