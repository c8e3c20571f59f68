//! Ids of entities that are posted as what other systems call them: `"deal": "shop:D-7"`.
//!
//! The fact gets an id derived by keyed hash; the name goes into the sealed part.

use serde_json::{Map, Value};

use super::envelope::ClientRef;
use super::outcome::{Rejection, Stop};
use super::wave::Wave;
use super::{Caller, Intake};
use crate::events::TypeInfo;
use crate::ids::{ClientId, EventId};

/// The kind under which ids of this Rust type are derived.
fn kind(ty: &str) -> Option<&'static str> {
    Some(match ty {
        "ClientId" => "client",
        "EventId" => "event",
        "ContactId" => "contact",
        "ContactPointId" => "contact_point",
        "RelationId" => "relation",
        "MeetingId" => "meeting",
        "CaseId" => "case",
        "DealId" => "deal",
        "LeadId" => "lead",
        "PresaleActionId" => "presale_action",
        "OrderId" => "order",
        "InvoiceId" => "invoice",
        "PaymentId" => "payment",
        "EmployeeId" => "employee",
        _ => return None,
    })
}

/// Longest name of an entity in another system, in bytes.
const MAX_NAME: usize = 300;

impl Intake {
    /// Puts our ids in the place of foreign ones, and returns what was there.
    pub(super) async fn take_refs(
        &self,
        caller: &Caller,
        wave: &Wave,
        info: &TypeInfo,
        prefix: &str,
        data: &mut Map<String, Value>,
    ) -> Result<Map<String, Value>, Stop> {
        let mut refs = Map::new();
        for field in info.fields {
            let Some(kind) = kind(field.ty) else { continue };
            let Some(Value::String(name)) = data.get(field.name) else { continue };
            if name.parse::<EventId>().is_ok() || !name.contains(':') {
                continue;
            }
            let path = format!("{prefix}{}", field.name);
            if name.len() > MAX_NAME || name.chars().any(char::is_control) {
                let message = format!("an id in another system has at most {MAX_NAME} bytes and no control characters");
                return Err(Rejection::new("invalid_field", path, message).into());
            }
            let name = name.clone();
            let id = match kind {
                "event" => self.foreign_event(&name).0,
                "client" => self.foreign_client(caller, wave, &path, &name).await?.0,
                kind => self.identity.derive(kind, &[&name]),
            };
            data.insert(field.name.to_owned(), EventId(id).to_string().into());
            refs.insert(field.name.to_owned(), name.into());
        }
        Ok(refs)
    }

    /// `source:id` as the id that an event of that source and id has.
    pub(super) fn foreign_event(&self, name: &str) -> EventId {
        let (source, id) = name.split_once(':').unwrap_or(("", name));
        EventId(self.identity.derive("event", &[source, id]))
    }

    async fn foreign_client(&self, caller: &Caller, wave: &Wave, path: &str, name: &str) -> Result<ClientId, Stop> {
        let client: ClientRef = self.client_ref(path, name.into())?;
        let source = caller.source.as_deref().unwrap_or_default();
        Ok(self.resolve(wave, &client, source).await?.client)
    }
}
