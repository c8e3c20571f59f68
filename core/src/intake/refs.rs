//! Ids of entities that are posted as what other systems call them: `"deal": "shop:D-7"`.
//!
//! The fact gets an id derived by keyed hash; the name goes into the sealed part.

use std::collections::BTreeMap;

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
        "TaskId" => "task",
        "CaseId" => "case",
        "DealId" => "deal",
        "LeadId" => "lead",
        "PresaleActionId" => "presale_action",
        "OrderId" => "order",
        "InvoiceId" => "invoice",
        "PaymentId" => "payment",
        "DocumentId" => "document",
        "EnvelopeId" => "envelope",
        "PackId" => "pack",
        "QuoteId" => "quote",
        "OfferId" => "offer",
        "EmployeeId" => "employee",
        "AssetId" => "asset",
        "ContractId" => "contract",
        _ => return None,
    })
}

/// Longest name of an entity in another system, in bytes.
const MAX_NAME: usize = 300;

/// The fields that name an entity as another system does, with the kind of the entity and its name there.
fn foreign<'a>(
    info: &'static TypeInfo,
    data: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'static str, &'static str, &'a str)> {
    info.fields.iter().filter_map(move |field| {
        let (kind, name) = (kind(field.ty)?, data.get(field.name)?.as_str()?);
        (name.contains(':') && name.parse::<EventId>().is_err()).then_some((field.name, kind, name))
    })
}

/// Whether a payload names a client as another system does, so that the log has to be asked who that is.
pub(super) fn names_foreign_client(info: &'static TypeInfo, data: &Map<String, Value>) -> bool {
    foreign(info, data).any(|(_, kind, _)| kind == "client")
}

fn check_name(path: &str, name: &str) -> Result<(), Rejection> {
    if name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let message = format!("an id in another system has at most {MAX_NAME} bytes and no control characters");
        return Err(Rejection::new("invalid_field", path, message));
    }
    Ok(())
}

impl Intake {
    /// Who the clients are that a payload names as other systems do, by field.
    pub(super) async fn foreign_clients(
        &self,
        caller: &Caller,
        wave: &Wave,
        info: &'static TypeInfo,
        prefix: &str,
        data: &Map<String, Value>,
    ) -> Result<BTreeMap<&'static str, ClientId>, Stop> {
        let mut clients = BTreeMap::new();
        for (field, _, name) in foreign(info, data).filter(|(_, kind, _)| *kind == "client") {
            let path = format!("{prefix}{field}");
            check_name(&path, name)?;
            clients.insert(field, self.foreign_client(caller, wave, &path, name).await?);
        }
        Ok(clients)
    }

    /// Puts our ids in the place of foreign ones, and returns what was there.
    pub(super) fn take_refs(
        &self,
        info: &'static TypeInfo,
        prefix: &str,
        data: &mut Map<String, Value>,
        clients: &BTreeMap<&'static str, ClientId>,
    ) -> Result<Map<String, Value>, Rejection> {
        let mut ids = Vec::new();
        for (field, kind, name) in foreign(info, data) {
            check_name(&format!("{prefix}{field}"), name)?;
            let id = match (kind, clients.get(field)) {
                (_, Some(client)) => client.0,
                ("event", None) => self.foreign_event(name).0,
                (kind, None) => self.identity.derive(kind, &[name]),
            };
            ids.push((field, EventId(id).to_string()));
        }
        let mut refs = Map::new();
        for (field, id) in ids {
            let name = data.insert(field.to_owned(), id.into()).unwrap_or_default();
            refs.insert(field.to_owned(), name);
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
