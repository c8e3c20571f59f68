//! A recorded event as it would be posted.

use anyhow::Result;
use letopis_core::events::{Event, KnowledgeEvent};
use letopis_core::fact::{Fact, Opener};
use letopis_core::log::Recorded;
use letopis_core::personal::{Opened, Personal};
use letopis_core::trust::vault::Vault;
use serde_json::{Map, Value, json};

/// A recorded event as it would be posted.
pub(super) struct Posted {
    pub(super) event: Value,
    /// Whether all personal fields are in it.
    pub(super) is_whole: bool,
}

/// Turns a recorded event back into what was posted: with its own id and the ULID of its client.
pub(super) fn posted(recorded: Recorded, vault: &Vault) -> Result<Posted> {
    let fact = Fact::decode(recorded, Opener::Vault(vault))?;
    let meta = fact.meta()?;
    let data = match &fact.event {
        Event::Knowledge(KnowledgeEvent::Corrected(corrected)) => {
            let mut inner = corrected.facts.as_object().cloned().unwrap_or_default();
            if let Personal::Known(personal) = &corrected.personal {
                inner.extend(personal.clone());
            }
            let mut data = Map::from_iter([
                ("target".to_owned(), json!(corrected.target)),
                ("data".to_owned(), Value::Object(inner)),
            ]);
            if let Some(at) = corrected.occurred_at {
                data.insert("occurred_at".into(), json!(at));
            }
            if let Some(order) = corrected.order {
                data.insert("order".into(), json!(order));
            }
            if let Personal::Known(reason) = &corrected.reason {
                data.insert("reason".into(), json!(reason));
            }
            Value::Object(data)
        }
        event => match &fact.opened {
            // Markers of what is closed are for readers; nobody can post them.
            Opened::Sealed | Opened::Erased => event.to_json(&Opened::Nothing),
            opened => event.to_json(opened),
        },
    };
    let mut event = json!({
        "id": fact.id, "type": fact.event.type_name(), "schema": fact.event.schema(), "occurred_at": fact.occurred,
        "data": data,
    });
    if let Some(client) = fact.client {
        event["client"] = json!(client);
    }
    if fact.order != 0 {
        event["order"] = fact.order.into();
    }
    if !meta.source.is_empty() {
        event["source"] = meta.source.into();
    }
    if let Some(id) = meta.correlation {
        event["correlation"] = json!(id);
    }
    if let Some(id) = meta.causation {
        event["causation"] = json!(id);
    }
    if !fact.refs.is_empty() {
        event["refs"] = Value::Object(fact.refs.clone());
    }
    Ok(Posted { event, is_whole: !matches!(fact.opened, Opened::Sealed | Opened::Erased) })
}
