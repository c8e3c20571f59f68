//! How a client's row changes.

use letopis_core::events::client::{ProfileChanged, Registered};
use letopis_core::events::{ClientEvent, Event, InteractionEvent};
use letopis_core::fact::Fact;
use letopis_core::personal::Personal;

use super::parts::{Access, Consent, ContactPoint, NotedDate, Person, Planned, Relation};
use super::{ClientRow, name_key};
use crate::engine::projection::Context;

pub(super) fn fold(row: &mut ClientRow, fact: &Fact, cx: &Context<'_>) {
    row.identified = cx.identified;
    row.first_seen.get_or_insert(fact.occurred.at);
    match &fact.event {
        Event::Client(event) => client(row, event, fact, cx),
        Event::Interaction(event) => interaction(row, event, fact),
        Event::Case(_)
        | Event::Process(_)
        | Event::Letter(_)
        | Event::Service(_)
        | Event::Deal(_)
        | Event::Lead(_)
        | Event::Plan(_)
        | Event::Market(_)
        | Event::Order(_)
        | Event::Campaign(_)
        | Event::Asset(_)
        | Event::Contract(_)
        | Event::Article(_)
        | Event::Task(_)
        | Event::Exception(_)
        | Event::Automation(_)
        | Event::Document(_)
        | Event::Finance(_)
        | Event::Pricing(_)
        | Event::Text(_)
        | Event::Definition(_)
        | Event::Knowledge(_)
        | Event::Log(_)
        | Event::Custom(_) => {}
    }
}

/// Notes the state of a personal value and gives what is known of it.
fn open<T: Clone>(state: &mut Option<Access>, value: &Personal<T>) -> Option<T> {
    *state = (*state).max(Access::of(value));
    value.known().cloned()
}

fn client(row: &mut ClientRow, event: &ClientEvent, fact: &Fact, cx: &Context<'_>) {
    match event {
        ClientEvent::Registered(e) => registered(row, e, fact, cx),
        ClientEvent::ProfileChanged(e) => profile_changed(row, e),
        ClientEvent::AttributeChanged(e) => match &e.new {
            Some(new) => drop(row.attributes.0.insert(e.attribute.clone(), new.clone())),
            None => drop(row.attributes.0.remove(&e.attribute)),
        },
        ClientEvent::ManagerAssigned(e) => row.manager = e.manager,
        ClientEvent::IdentityUnresolved(e) => {
            // Those of one contact have no order among themselves.
            if let Err(place) = row.unresolved.0.binary_search(&e.scheme) {
                row.unresolved.0.insert(place, e.scheme.clone());
            }
        }
        ClientEvent::LanguagePreferred(e) => row.language = Some(e.language.clone()),
        ClientEvent::ContactPointAdded(e) => {
            let mut state = None;
            let value = open(&mut state, &e.value);
            let label = open(&mut state, &e.label);
            row.personal_state = row.personal_state.max(state);
            row.contact_points.0.retain(|point| point.id != e.contact_point);
            row.contact_points.0.push(ContactPoint { id: e.contact_point, kind: e.kind, value, label, state });
        }
        ClientEvent::ContactPointRemoved(e) => row.contact_points.0.retain(|point| point.id != e.contact_point),
        ClientEvent::DateNoted(e) => {
            let mut state = None;
            let date = open(&mut state, &e.date);
            row.personal_state = row.personal_state.max(state);
            row.noted_dates.0.retain(|noted| noted.kind != e.date_kind);
            row.noted_dates.0.push(NotedDate { kind: e.date_kind.clone(), yearly: e.yearly, date, state });
        }
        ClientEvent::RelationEstablished(e) => {
            row.relations.0.retain(|relation| relation.id != e.relation);
            let since = fact.occurred;
            row.relations.0.push(Relation { id: e.relation, kind: e.kind.clone(), to: e.to, since });
        }
        ClientEvent::RelationEnded(e) => row.relations.0.retain(|relation| relation.id != e.relation),
        ClientEvent::ContactPersonAdded(e) => {
            let known = row.people.0.iter().position(|person| person.id == e.person);
            let since = known.map_or(fact.occurred, |index| row.people.0.remove(index).since);
            let mut state = None;
            row.people.0.push(Person {
                id: e.person,
                role: e.role.clone(),
                decision_maker: e.decision_maker,
                since,
                name: open(&mut state, &e.name),
                phone: open(&mut state, &e.phone),
                email: open(&mut state, &e.email),
                job_title: open(&mut state, &e.job_title),
                state,
            });
        }
        ClientEvent::ContactPersonRemoved(e) => row.people.0.retain(|person| person.id != e.person),
        ClientEvent::ConsentGiven(e) => {
            let (purpose, channel) = (e.purpose.clone(), e.channel.clone());
            let (since, event) = (fact.occurred, fact.id);
            consent(row, Consent { purpose, channel, given: true, since, until: e.until, event });
        }
        ClientEvent::ConsentWithdrawn(e) => {
            let (purpose, channel) = (e.purpose.clone(), e.channel.clone());
            let (since, event) = (fact.occurred, fact.id);
            consent(row, Consent { purpose, channel, given: false, since, until: None, event });
        }
        // A hold is asked about when something is to be erased, see `letopis_core::erasure`.
        ClientEvent::HoldPlaced(_) | ClientEvent::HoldReleased(_) => {}
        // Filtered by the recorded clock only: the engine acts on them, a row does not.
        ClientEvent::IdentityLinked(_)
        | ClientEvent::IdentityUnlinked(_)
        | ClientEvent::Merged(_)
        | ClientEvent::Unmerged(_) => {}
    }
}

/// The registration of the record that stayed is what the client said of himself; those of records merged
/// into it fill what is still empty.
fn registered(row: &mut ClientRow, event: &Registered, fact: &Fact, cx: &Context<'_>) {
    let own = fact.client == Some(cx.owner.client());
    row.registered_at.get_or_insert(fact.occurred.at);
    if own || row.kind.is_none() {
        row.kind = Some(event.kind);
    }
    if event.language.is_some() && (own || row.language.is_none()) {
        row.language.clone_from(&event.language);
    }
    for (attribute, value) in &event.attributes {
        if own || !row.attributes.0.contains_key(attribute) {
            row.attributes.0.insert(attribute.clone(), value.clone());
        }
    }
    let name = open(&mut row.personal_state, &event.name);
    if name.is_some() && (own || row.name.is_none()) {
        set_name(row, name);
    }
    for (field, value) in open(&mut row.personal_state, &event.profile).unwrap_or_default() {
        if own || !row.profile.0.contains_key(&field) {
            row.profile.0.insert(field, value);
        }
    }
}

fn profile_changed(row: &mut ClientRow, event: &ProfileChanged) {
    // An old value that the editor did not know changes nothing: the last word counts.
    let new = open(&mut row.personal_state, &event.new);
    if event.field == *"name" {
        set_name(row, new);
    } else if let Some(new) = new {
        row.profile.0.insert(event.field.clone(), new);
    } else {
        row.profile.0.remove(&event.field);
    }
}

fn set_name(row: &mut ClientRow, name: Option<String>) {
    row.name_key = name.as_deref().map(name_key);
    row.name = name;
}

fn consent(row: &mut ClientRow, said: Consent) {
    row.consents.0.retain(|known| (&known.purpose, &known.channel) != (&said.purpose, &said.channel));
    row.consents.0.push(said);
}

fn interaction(row: &mut ClientRow, event: &InteractionEvent, fact: &Fact) {
    use InteractionEvent as I;
    match event {
        I::CallLogged(_) | I::VisitLogged(_) | I::LetterLogged(_) | I::WebRequestLogged(_) | I::ChatLogged(_) => {
            row.last_contact_at = Some(fact.occurred.at);
        }
        I::MeetingHeld(e) => {
            row.last_contact_at = Some(fact.occurred.at);
            row.meetings.0.retain(|meeting| meeting.id != e.meeting);
        }
        I::MeetingMissed(e) => row.meetings.0.retain(|meeting| meeting.id != e.meeting),
        I::MeetingCancelled(e) => row.meetings.0.retain(|meeting| meeting.id != e.meeting),
        I::MeetingScheduled(e) => {
            let meeting = planned(row, e.meeting);
            meeting.starts_at = Some(e.starts_at);
            meeting.ends_at = e.ends_at;
            meeting.employee = e.employee;
        }
        I::MeetingRescheduled(e) => {
            let meeting = planned(row, e.meeting);
            meeting.starts_at = Some(e.starts_at);
            meeting.ends_at = e.ends_at;
            meeting.moved += 1;
        }
        I::InteractionHandled(_) | I::DocumentAttached(_) => {}
    }
}

fn planned(row: &mut ClientRow, id: letopis_core::ids::MeetingId) -> &mut Planned {
    let meetings = &mut row.meetings.0;
    let index = meetings.iter().position(|meeting| meeting.id == id).unwrap_or_else(|| {
        meetings.push(Planned { id, starts_at: None, ends_at: None, employee: None, moved: 0 });
        meetings.len() - 1
    });
    &mut meetings[index]
}
