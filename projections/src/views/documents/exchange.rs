//! The journal of electronic documents.

use letopis_core::code::Code;
use letopis_core::events::interaction::Direction;
use letopis_core::events::{DocumentEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, DocumentId, EnvelopeId, InvoiceId, OrderId, PaymentId};
use letopis_core::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::list::{Condition, Page};
use crate::engine::projection::{Context, Projection};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::{Cell, Json};
use crate::row;

/// A state of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Since when.
    pub since: Moment,
    /// The state.
    pub status: Code,
    /// Why.
    pub reason: Option<Code>,
}

row! {
    /// An electronic document on its way.
    pub struct EnvelopeRow in "envelope", index ["exchanged_at, envelope", "matched, exchanged_at"] {
        /// The envelope.
        key envelope: EnvelopeId,
        owner client,
        /// Whether it came or went.
        direction: Option<Direction>,
        /// From or to which system.
        partner: Option<Code>,
        /// What it is written in.
        format: Option<Code>,
        /// SHA-256 of the bytes.
        sha256: Option<Code>,
        /// How far it is.
        status: Option<Code>,
        /// When it came or went, or the first thing we know of it.
        exchanged_at: Option<Timestamp>,
        /// Everything it went through.
        states: Json<Vec<State>>,
        /// The order it is for.
        order_id: Option<OrderId>,
        /// The invoice that it carries.
        invoice: Option<InvoiceId>,
        /// The payment that it tells of.
        payment: Option<PaymentId>,
        /// The document that it carries.
        document: Option<DocumentId>,
        /// Whether it is known what it is about.
        matched: bool,
    }
}

/// The view of envelopes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Envelopes;

impl Projection for Envelopes {
    const NAME: &'static str = "exchange";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["document"];
    type Row = EnvelopeRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        match &fact.event {
            Event::Document(DocumentEvent::EnvelopeExchanged(e)) => keys.push(e.envelope.0),
            Event::Document(DocumentEvent::EnvelopeStatusChanged(e)) => keys.push(e.envelope.0),
            Event::Document(DocumentEvent::EnvelopeMatched(e)) => keys.push(e.envelope.0),
            _ => {}
        }
    }

    fn fold(&self, row: &mut EnvelopeRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Document(event) = &fact.event else { return };
        row.exchanged_at.get_or_insert(fact.occurred.at);
        let mut state = |status: &Code, reason: Option<&Code>| {
            row.states.0.push(State { since: fact.occurred, status: status.clone(), reason: reason.cloned() });
            row.status = Some(status.clone());
        };
        match event {
            DocumentEvent::EnvelopeExchanged(e) => {
                state(&e.status, None);
                row.exchanged_at = Some(fact.occurred.at);
                (row.direction, row.partner) = (Some(e.direction), Some(e.partner.clone()));
                (row.format, row.sha256) = (Some(e.format.clone()), Some(e.sha256.clone()));
                about(row, e.order, e.invoice, e.payment, e.document);
            }
            DocumentEvent::EnvelopeStatusChanged(e) => state(&e.status, e.reason.as_ref()),
            DocumentEvent::EnvelopeMatched(e) => about(row, e.order, e.invoice, e.payment, e.document),
            DocumentEvent::TemplateDefined(_)
            | DocumentEvent::Issued(_)
            | DocumentEvent::Voided(_)
            | DocumentEvent::PackProduced(_) => {}
        }
    }
}

fn about(
    row: &mut EnvelopeRow,
    order: Option<OrderId>,
    invoice: Option<InvoiceId>,
    payment: Option<PaymentId>,
    document: Option<DocumentId>,
) {
    row.order_id = order.or(row.order_id);
    row.invoice = invoice.or(row.invoice);
    row.payment = payment.or(row.payment);
    row.document = document.or(row.document);
    row.matched = row.order_id.is_some() || row.invoice.is_some() || row.payment.is_some() || row.document.is_some();
}

#[derive(Serialize)]
struct Envelope {
    envelope: EnvelopeId,
    client: ClientId,
    direction: Option<Direction>,
    partner: Option<Code>,
    format: Option<Code>,
    sha256: Option<Code>,
    status: Option<Code>,
    exchanged_at: Option<Moment>,
    states: Vec<State>,
    order: Option<OrderId>,
    invoice: Option<InvoiceId>,
    payment: Option<PaymentId>,
    document: Option<DocumentId>,
    matched: bool,
}

pub(super) fn journal(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (window, (from, to)) = (params.window()?, params.period(reader)?);
    let direction = params.word("direction", &[("in", Direction::In), ("out", Direction::Out)])?;
    let (partner, status) = (params.one::<Code>("partner")?, params.one::<Code>("status")?);
    let matched = params.one::<bool>("matched")?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("exchange {from} {to} {direction:?} {partner:?} {status:?} {matched:?}");
    let mut condition = Condition::default();
    condition
        .and("exchanged_at >= ? AND exchanged_at < ?", [reader.zone.start(from).put(), reader.zone.start(to).put()]);
    condition.is("direction", direction.as_ref()).is("partner", partner.as_ref());
    condition.is("status", status.as_ref()).is("matched", matched.as_ref());
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(exchanged_at, envelope) < (?, ?)", place);
    }
    let rest = format!("ORDER BY exchanged_at DESC, envelope DESC LIMIT {wanted}");
    let rows = reader.rows::<EnvelopeRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.exchanged_at.put(), row.envelope.put()]);
    json(page.map(|row| Envelope {
        envelope: row.envelope,
        client: row.client.client(),
        direction: row.direction,
        partner: row.partner,
        format: row.format,
        sha256: row.sha256,
        status: row.status,
        exchanged_at: row.exchanged_at.map(Moment::utc),
        states: row.states.0,
        order: row.order_id,
        invoice: row.invoice,
        payment: row.payment,
        document: row.document,
        matched: row.matched,
    }))
}
