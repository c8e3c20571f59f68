//! An event of the log as readers see it.

use letopis_core::fact::{Fact, Opener};
use letopis_core::log::{LogError, Recorded};
use serde_json::{Value, json};

use crate::keys::{Role, Who};
use crate::state::App;

/// Who reads the log itself sees personal fields only with the role for it.
pub fn open<'a>(app: &'a App, who: &Who) -> Opener<'a> {
    if who.may(Role::Audit) { Opener::Vault(&app.vault) } else { Opener::Closed }
}

/// A recorded event as it is shown.
///
/// # Errors
/// When its bytes are damaged.
pub fn shown(recorded: Recorded, opener: Opener<'_>) -> Result<Value, LogError> {
    let schema = recorded.schema;
    let leaf: String = recorded.leaf.iter().map(|byte| format!("{byte:02x}")).collect();
    let fact = Fact::decode(recorded, opener)?;
    let meta = fact.meta()?;
    let mut event = json!({
        "position": fact.position,
        "id": fact.id,
        "stream": fact.stream.as_str(),
        "version": fact.version,
        "client": fact.client,
        "type": fact.event.type_name(),
        "schema": schema,
        "occurred_at": fact.occurred,
        "order": fact.order,
        "recorded_at": fact.recorded_at.to_string(),
        "actor": meta.actor,
        "source": meta.source,
        "correlation": meta.correlation,
        "causation": meta.causation,
        "leaf": leaf,
        "data": fact.event.to_json(&fact.opened),
    });
    if !fact.refs.is_empty() {
        event["refs"] = Value::Object(fact.refs);
    }
    if let Value::Object(map) = &mut event {
        map.retain(|_, value| !value.is_null());
    }
    Ok(event)
}
