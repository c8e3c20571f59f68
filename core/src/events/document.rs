//! Documents that we release, packs of them made from templates, and their exchange with others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::interaction::Direction;
use super::order::Goods;
use crate::code::{Code, Text};
use crate::ids::{DocumentId, EnvelopeId, InvoiceId, OrderId, PackId, PaymentId};

/// One form of a pack: a text with places for the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What the form is called, such as `waybill`.
    pub name: Code,
    /// Its text, in the Jinja language: `{{ order.id }}`, `{% for line in lines %} … {% endfor %}`.
    pub text: Text,
}

area! {
    /// Documents.
    DocumentEvent in Document "document";

    /// Forms that are filled in together, or a new version of them.
    event TemplateDefined = "document_template.defined" @ 1, stream "document-template"(template) {
        /// The template.
        template: Code,
        /// Its forms, in their order.
        forms: Vec<Form>,
    }

    /// A document for goods or services was released. Its number is never used for another document of its kind.
    event Issued = "document.issued" @ 1 {
        /// The document.
        document: DocumentId,
        /// What it is: `waybill`, `act`, `tax-invoice` …
        kind: Code,
        /// Its number.
        number: Code,
        /// The order whose lines it is for.
        order: OrderId,
        /// What it is for; each product is one of the order's.
        lines: Vec<Goods>,
    } optional {
        /// SHA-256 of the file, 64 hexadecimal digits.
        sha256: Code,
    }

    /// A document is void; its number stays used.
    event Voided = "document.voided" @ 1 {
        /// The document.
        document: DocumentId,
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// A pack was made of a template and the data of an order.
    event PackProduced = "pack.produced" @ 1 {
        /// The pack.
        pack: PackId,
        /// The template.
        template: Code,
        /// Its version.
        template_version: u64,
        /// The order whose data it holds.
        order: OrderId,
        /// SHA-256 of the data as canonical JSON (RFC 8785), 64 hexadecimal digits.
        snapshot_sha256: Code,
        /// SHA-256 of the pack, 64 hexadecimal digits.
        sha256: Code,
    } personal {
        /// The data.
        snapshot: BTreeMap<Code, serde_json::Value>,
    }

    /// An electronic document went to, or came from, a counterparty or a bank.
    event EnvelopeExchanged = "envelope.exchanged" @ 1 {
        /// The envelope.
        envelope: EnvelopeId,
        /// Whether it came (`in`) or went (`out`).
        direction: Direction,
        /// From or to which system: an operator, a bank, a portal.
        partner: Code,
        /// What it is written in: `ubl-2.1`, `camt.053` …
        format: Code,
        /// SHA-256 of the bytes, 64 hexadecimal digits.
        sha256: Code,
        /// How far it is: `queued`, `sent`, `received` …
        status: Code,
    } optional {
        /// The order it is for.
        order: OrderId,
        /// The invoice that it carries.
        invoice: InvoiceId,
        /// The payment that it tells of.
        payment: PaymentId,
        /// The document that it carries.
        document: DocumentId,
    } personal {
        /// What the partner calls it.
        reference: String,
    }

    /// An envelope is in another state.
    event EnvelopeStatusChanged = "envelope.status_changed" @ 1 {
        /// The envelope.
        envelope: EnvelopeId,
        /// The state: `delivered`, `signed`, `rejected` …
        status: Code,
    } optional {
        /// Why.
        reason: Code,
    }

    /// It was found out what an envelope is about.
    event EnvelopeMatched = "envelope.matched" @ 1 {
        /// The envelope.
        envelope: EnvelopeId,
    } optional {
        /// An order.
        order: OrderId,
        /// An invoice.
        invoice: InvoiceId,
        /// A payment.
        payment: PaymentId,
        /// A document.
        document: DocumentId,
    }
}
