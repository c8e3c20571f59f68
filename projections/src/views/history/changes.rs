//! The history of one field: every edit with the value before and after.

use letopis_core::code::Code;
use letopis_core::events::{ClientEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::EventId;
use letopis_core::personal::Personal;
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

/// One field got another value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The event that says so.
    pub event: EventId,
    /// When.
    pub occurred_at: Moment,
    /// When we learnt it.
    pub recorded_at: Timestamp,
    /// Which field: `name`, a key of the profile, a coded attribute.
    pub field: Code,
    /// What it was, as the editor saw it.
    pub old: Personal<String>,
    /// What it has been since.
    pub new: Personal<String>,
    /// What it had been by what we know now; differs from `old` when an edit was based on something stale.
    pub before: Personal<String>,
    /// Why.
    pub reason: Personal<String>,
}

/// Every change of a client's profile and attributes, in the order of `facts`, which is fold order; of
/// one field, when given. Values are as open as the facts are.
pub fn changes<'a>(facts: impl IntoIterator<Item = &'a Fact>, field: Option<&Code>) -> Vec<Change> {
    let mut known: std::collections::HashMap<Code, Personal<String>> = std::collections::HashMap::new();
    let mut out = Vec::new();
    let language = Code::slug("language");
    let coded = |code: &Option<Code>| code.as_ref().map_or(Personal::Absent, |code| Personal::Known(code.to_string()));
    for fact in facts {
        let Event::Client(event) = &fact.event else { continue };
        let (name, old, new, reason) = match event {
            ClientEvent::Registered(e) => {
                if let (false, Ok(name)) = (e.name.is_absent(), "name".parse()) {
                    known.insert(name, e.name.clone());
                }
                if let Personal::Known(profile) = &e.profile {
                    known.extend(profile.iter().map(|(key, value)| (key.clone(), value.clone().into())));
                }
                known.extend(language.clone().zip(e.language.as_ref().map(|code| code.to_string().into())));
                known.extend(e.attributes.iter().map(|(key, value)| (key.clone(), value.to_string().into())));
                continue;
            }
            ClientEvent::ProfileChanged(e) => (&e.field, e.old.clone(), e.new.clone(), e.reason.clone()),
            ClientEvent::AttributeChanged(e) => (&e.attribute, coded(&e.old), coded(&e.new), e.reason.clone()),
            ClientEvent::LanguagePreferred(e) => match &language {
                Some(language) => (language, Personal::Absent, e.language.to_string().into(), Personal::Absent),
                None => continue,
            },
            ClientEvent::ContactPointAdded(_)
            | ClientEvent::ContactPointRemoved(_)
            | ClientEvent::IdentityLinked(_)
            | ClientEvent::IdentityUnlinked(_)
            | ClientEvent::Merged(_)
            | ClientEvent::Unmerged(_)
            | ClientEvent::DateNoted(_)
            | ClientEvent::RelationEstablished(_)
            | ClientEvent::RelationEnded(_)
            | ClientEvent::ContactPersonAdded(_)
            | ClientEvent::ContactPersonRemoved(_)
            | ClientEvent::ConsentGiven(_)
            | ClientEvent::ConsentWithdrawn(_)
            | ClientEvent::HoldPlaced(_)
            | ClientEvent::HoldReleased(_)
            | ClientEvent::ManagerAssigned(_)
            | ClientEvent::IdentityUnresolved(_) => continue,
        };
        let before = known.insert(name.clone(), new.clone()).unwrap_or_default();
        if field.is_none_or(|field| field == name) {
            let (occurred_at, recorded_at) = (fact.occurred, fact.recorded_at);
            out.push(Change {
                event: fact.id,
                occurred_at,
                recorded_at,
                field: name.clone(),
                old,
                new,
                before,
                reason,
            });
        }
    }
    out
}
