//! Documents for goods and services.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::order::Goods;
use letopis_core::events::{DocumentEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, DocumentId, OrderId};
use letopis_core::time::{Moment, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::engine::list::{Condition, Page};
use crate::engine::projection::{Context, Projection};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::{Cell, Json};
use crate::row;
use crate::views::orders::card;

row! {
    /// A document that was released.
    pub struct DocumentRow in "document", index ["issued_at, document", "order_id", "kind, number"] {
        /// The document.
        key document: DocumentId,
        owner client,
        /// What it is.
        kind: Option<Code>,
        /// Its number.
        number: Option<Code>,
        /// The order whose lines it is for.
        order_id: Option<OrderId>,
        /// When it was released.
        issued_at: Option<Timestamp>,
        /// What it is for.
        lines: Json<Vec<Goods>>,
        /// SHA-256 of the file.
        sha256: Option<Code>,
        /// When it became void.
        voided_at: Option<Timestamp>,
        /// Why.
        void_reason: Option<Code>,
    }
}

/// The view of documents.
#[derive(Debug, Clone, Copy, Default)]
pub struct Documents;

impl Projection for Documents {
    const NAME: &'static str = "documents";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["document"];
    type Row = DocumentRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        match &fact.event {
            Event::Document(DocumentEvent::Issued(e)) => keys.push(e.document.0),
            Event::Document(DocumentEvent::Voided(e)) => keys.push(e.document.0),
            _ => {}
        }
    }

    fn fold(&self, row: &mut DocumentRow, fact: &Fact, _cx: &Context<'_>) {
        match &fact.event {
            Event::Document(DocumentEvent::Issued(e)) => {
                (row.kind, row.number) = (Some(e.kind.clone()), Some(e.number.clone()));
                (row.order_id, row.issued_at) = (Some(e.order), Some(fact.occurred.at));
                row.lines.0.clone_from(&e.lines);
                row.sha256.clone_from(&e.sha256);
            }
            Event::Document(DocumentEvent::Voided(e)) => {
                (row.voided_at, row.void_reason) = (Some(fact.occurred.at), Some(e.reason.clone()));
            }
            _ => {}
        }
    }
}

#[derive(Serialize)]
struct Document {
    document: DocumentId,
    client: ClientId,
    kind: Option<Code>,
    number: Option<Code>,
    order: Option<OrderId>,
    issued_at: Option<Moment>,
    lines: Vec<Goods>,
    sha256: Option<Code>,
    voided_at: Option<Moment>,
    void_reason: Option<Code>,
}

impl From<DocumentRow> for Document {
    fn from(row: DocumentRow) -> Self {
        Self {
            document: row.document,
            client: row.client.client(),
            kind: row.kind,
            number: row.number,
            order: row.order_id,
            issued_at: row.issued_at.map(Moment::utc),
            lines: row.lines.0,
            sha256: row.sha256,
            voided_at: row.voided_at.map(Moment::utc),
            void_reason: row.void_reason,
        }
    }
}

pub(super) fn list(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (kind, number) = (params.one::<Code>("kind")?, params.one::<Code>("number")?);
    let client = params.one::<ClientId>("client")?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("documents {kind:?} {number:?} {client:?}");
    let mut condition = Condition::default();
    condition.and("issued_at IS NOT NULL", []);
    condition.is("kind", kind.as_ref()).is("number", number.as_ref()).is("client", client.as_ref());
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(issued_at, document) < (?, ?)", place);
    }
    let rest = format!("ORDER BY issued_at DESC, document DESC LIMIT {wanted}");
    let rows = reader.rows::<DocumentRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.issued_at.put(), row.document.put()]);
    json(page.map(Document::from))
}

#[derive(Serialize)]
struct LineDocuments {
    product: Code,
    #[serde(with = "rust_decimal::serde::str")]
    ordered: Decimal,
    /// Pieces in documents that are not void, by kind; decimals as text.
    stated: BTreeMap<Code, String>,
}

#[derive(Serialize)]
struct OrderDocuments {
    order: OrderId,
    documents: Vec<Document>,
    lines: Vec<LineDocuments>,
}

pub(super) fn of_order(reader: &Reader<'_>, _: &mut Params, order: u128) -> Answer {
    let order = OrderId(order);
    let Some(card) = card::order(reader, order)? else { return json(()) };
    let rows = reader.rows::<DocumentRow>("WHERE order_id = ?1 ORDER BY issued_at, document", &[&order.put()])?;
    let mut stated: BTreeMap<Code, BTreeMap<Code, Decimal>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.voided_at.is_none()) {
        for line in &row.lines.0 {
            let Some(kind) = &row.kind else { continue };
            let sum = stated.entry(line.product.clone()).or_default().entry(kind.clone()).or_default();
            *sum = sum.saturating_add(line.quantity);
        }
    }
    let lines = card.products.into_iter().map(|state| LineDocuments {
        stated: stated
            .remove(&state.product)
            .unwrap_or_default()
            .into_iter()
            .map(|(kind, pieces)| (kind, pieces.normalize().to_string()))
            .collect(),
        product: state.product,
        ordered: state.ordered,
    });
    let lines = lines.collect();
    json(OrderDocuments { order, documents: rows.into_iter().map(Document::from).collect(), lines })
}
