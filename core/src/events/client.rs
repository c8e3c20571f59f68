//! Who the client is: registration, profile, contact points, identities, relations, consent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::ids::{ClientId, ContactId, ContactPointId, EmployeeId, RelationId};
use crate::time::Day;

/// A person or a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A private person.
    Person,
    /// A company or another organisation.
    Company,
}

/// A way to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A fax number.
    Fax,
    /// A postal address.
    Address,
    /// An account in a messenger.
    Messenger,
    /// A web page.
    Web,
}

area! {
    /// Who the client is.
    ClientEvent in Client "client";

    /// A client was entered in the register, perhaps long before the first sale.
    event Registered = "client.registered" @ 1 {
        /// A person or a company.
        kind: ClientKind,
        /// Coded attributes, such as `sector: software`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<Code, Code>,
    } optional {
        /// Preferred language.
        language: Code,
    } personal {
        /// Full name of the person, or name of the company.
        name: String,
        /// Attributes in words, such as `city: Tver`.
        profile: BTreeMap<Code, String>,
    }

    /// One field of the profile got another value. A save that changes five fields is five of these in one commit.
    event ProfileChanged = "client.profile_changed" @ 1 {
        /// The field: `name`, or a key of the profile.
        field: Code,
    } personal {
        /// The value before, as the editor saw it.
        old: String,
        /// The value after; none when the field was emptied.
        new: String,
        /// Why.
        reason: String,
    }

    /// One coded attribute got another value.
    event AttributeChanged = "client.attribute_changed" @ 1 {
        /// The attribute, such as `sector`.
        attribute: Code,
    } optional {
        /// The value before, as the editor saw it.
        old: Code,
        /// The value after; none when the attribute was dropped.
        new: Code,
    } personal {
        /// Why.
        reason: String,
    }

    /// Somebody of us looks after the client from now on, until the next of these; nobody when none is named.
    event ManagerAssigned = "client.manager_assigned" @ 1 {} optional {
        /// Who.
        manager: EmployeeId,
    } personal {
        /// Why.
        reason: String,
    }

    /// The client prefers a language.
    event LanguagePreferred = "client.language_preferred" @ 1 {
        /// The language, with or without a country: `ru`, `en-GB`.
        language: Code,
    }

    /// A way to reach the client became known. Phones and e-mails also identify him.
    event ContactPointAdded = "contact_point.added" @ 1 {
        /// The contact point.
        contact_point: ContactPointId,
        /// What kind it is.
        kind: ContactKind,
    } personal {
        /// The number, address or name.
        value: String,
        /// What the client calls it, such as "office".
        label: String,
    }

    /// A contact point is no longer good.
    event ContactPointRemoved = "contact_point.removed" @ 1 {
        /// The contact point.
        contact_point: ContactPointId,
    } personal {
        /// Why.
        reason: String,
    }

    /// An id in another system was found to be this client's.
    event IdentityLinked = "identity.linked" @ 1 {
        /// The other system: `shop`, `card`, `phone`, `email` …
        scheme: Code,
    } personal {
        /// The id in that system.
        value: String,
    }

    /// An id in another system is no longer this client's.
    event IdentityUnlinked = "identity.unlinked" @ 1 {
        /// The other system.
        scheme: Code,
    } personal {
        /// The id in that system.
        value: String,
        /// Why.
        reason: String,
    }

    /// Something came from an id in another system that is nobody's yet: it waits to be told whose it is.
    event IdentityUnresolved = "identity.unresolved" @ 1 {
        /// The other system: `phone`, `email`, `cookie` …
        scheme: Code,
    } personal {
        /// The id in that system.
        value: String,
    }

    /// Another record turned out to be the same client. Stands in the stream of the record that stays.
    event Merged = "client.merged" @ 1 {
        /// The record that is answered under this one from now on.
        absorbed: ClientId,
    } personal {
        /// Why.
        reason: String,
    }

    /// A merge was a mistake and is undone. Stands in the stream of the record that stayed.
    event Unmerged = "client.unmerged" @ 1 {
        /// The record that stands on its own again.
        absorbed: ClientId,
    } personal {
        /// Why.
        reason: String,
    }

    /// A date worth remembering: birthday, founding day, end of a lease.
    event DateNoted = "date.noted" @ 1 {
        /// What is remembered, such as `birthday`.
        date_kind: Code,
        /// Whether it comes back every year.
        #[serde(default)]
        yearly: bool,
    } personal {
        /// The date.
        date: Day,
    }

    /// A link to another client.
    event RelationEstablished = "relation.established" @ 1 {
        /// The relation.
        relation: RelationId,
        /// What kind: `subsidiary`, `spouse`, `guarantor` …
        kind: Code,
        /// The other client.
        to: ClientId,
    } personal {
        /// A remark.
        note: String,
    }

    /// A link to another client is over.
    event RelationEnded = "relation.ended" @ 1 {
        /// The relation.
        relation: RelationId,
    } personal {
        /// Why.
        reason: String,
    }

    /// A person who speaks or decides for the client. His data stand under a key of his own.
    event ContactPersonAdded = "contact_person.added" @ 1, subject Contact(person) {
        /// The person.
        person: ContactId,
        /// His role: `director`, `buyer`, `accountant` …
        role: Code,
        /// Whether he decides.
        #[serde(default)]
        decision_maker: bool,
    } personal {
        /// Full name.
        name: String,
        /// Phone.
        phone: String,
        /// E-mail.
        email: String,
        /// Position in words.
        job_title: String,
    }

    /// A person no longer speaks for the client.
    event ContactPersonRemoved = "contact_person.removed" @ 1, subject Contact(person) {
        /// The person.
        person: ContactId,
    } personal {
        /// Why.
        reason: String,
    }

    /// The client allowed something.
    event ConsentGiven = "consent.given" @ 1 {
        /// What for, such as `marketing`.
        purpose: Code,
    } optional {
        /// Only over this channel.
        channel: Code,
        /// Until the end of this day.
        until: Day,
    } personal {
        /// Where it is written down.
        proof: String,
    }

    /// The client forbade something, or took his consent back.
    event ConsentWithdrawn = "consent.withdrawn" @ 1 {
        /// What for.
        purpose: Code,
    } optional {
        /// Only over this channel.
        channel: Code,
    } personal {
        /// In his words.
        reason: String,
    }

    /// What is known of the client must be kept, by law or for a dispute: until the hold is released or its last
    /// day is over nothing of him is erased.
    event HoldPlaced = "hold.placed" @ 1 {
        /// What the hold is called.
        hold: Code,
        /// On which legal basis.
        basis: Code,
    } optional {
        /// Until the end of this day.
        until: Day,
    } personal {
        /// Why.
        reason: String,
    }

    /// A hold is over.
    event HoldReleased = "hold.released" @ 1 {
        /// What the hold is called.
        hold: Code,
    } personal {
        /// Why.
        reason: String,
    }
}
