//! Checks of documents, packs and envelopes.

use super::{Check, ensure, fault, goods};
use crate::code::Code;
use crate::events::{DocumentEvent, canonical};

fn digest(field: &str, digits: &Code) -> Check {
    let text = digits.as_str();
    ensure(text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()), field, || {
        format!("{text:?} is not 64 hexadecimal digits")
    })
}

pub(super) fn document(event: &DocumentEvent) -> Check {
    match event {
        DocumentEvent::TemplateDefined(e) => {
            ensure(!e.forms.is_empty(), "forms", || "a template has at least one form".into())?;
            for (i, form) in e.forms.iter().enumerate() {
                crate::form::check(form.text.as_str())
                    .or_else(|error| fault(format!("forms[{i}].text"), error.to_string()))?;
                let twice = e.forms[..i].iter().any(|other| other.name == form.name);
                ensure(!twice, &format!("forms[{i}].name"), || format!("{} stands in it twice", form.name))?;
            }
            Ok(())
        }
        DocumentEvent::Issued(e) => {
            goods(&e.lines)?;
            e.sha256.as_ref().map_or(Ok(()), |sha256| digest("sha256", sha256))
        }
        DocumentEvent::PackProduced(e) => {
            digest("sha256", &e.sha256)?;
            digest("snapshot_sha256", &e.snapshot_sha256)?;
            let Some(snapshot) = e.snapshot.known() else {
                return fault("snapshot", "the data of the pack is missing");
            };
            let found = crate::form::sha256(&canonical(snapshot));
            ensure(e.snapshot_sha256 == *found, "snapshot_sha256", || format!("the data has the SHA-256 {found}"))
        }
        DocumentEvent::EnvelopeExchanged(e) => digest("sha256", &e.sha256),
        DocumentEvent::EnvelopeMatched(e) => {
            let named = e.order.is_some() || e.invoice.is_some() || e.payment.is_some() || e.document.is_some();
            ensure(named, "order", || "neither an order nor an invoice, a payment or a document is named".into())
        }
        DocumentEvent::EnvelopeStatusChanged(_) | DocumentEvent::Voided(_) => Ok(()),
    }
}
