//! Enums whose values are stored as one word each, and words that may be missing.

use letopis_core::events::case::CaseKind;
use letopis_core::events::client::ClientKind;
use letopis_core::events::interaction::{Direction, LetterMedia};
use letopis_core::events::letter::Correspondent;
use rusqlite::types::ValueRef;

use super::cases::{Status, What};
use super::client::Access;
use super::history::Class;
use super::leads::LeadStatus;
use super::ledger::Kind;
use super::meetings::MeetingStatus;
use super::tasks::TaskStatus;
use crate::engine::row::{Atom, Cell, WrongValue};

/// A key of a total that may not be known: the empty text then, since keys are never null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blank<T>(pub Option<T>);

impl<T> From<Option<T>> for Blank<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<T: Cell> Cell for Blank<T> {
    const SQL: &'static str = "TEXT";
    fn put(&self) -> Atom {
        self.0.as_ref().map_or(Atom::Text("".into()), T::put)
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        match value {
            ValueRef::Null | ValueRef::Text(b"") => Ok(Self(None)),
            value => T::get(value).map(|value| Self(Some(value))),
        }
    }
}

macro_rules! words {
    ($($ty:ty { $($variant:ident = $word:literal),* $(,)? })*) => {
        $(impl Cell for $ty {
            const SQL: &'static str = "TEXT";
            fn put(&self) -> Atom {
                Atom::Text(match self { $(Self::$variant => $word),* }.into())
            }
            fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
                match value.as_str() { $(Ok($word) => Ok(Self::$variant),)* _ => Err(WrongValue) }
            }
        })*

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn a_column_and_json_spell_a_word_alike() {
                $($({
                    let json = serde_json::to_value(<$ty>::$variant).expect("a word");
                    assert_eq!((json.as_str(), <$ty>::$variant.put()), (Some($word), Atom::Text($word.into())));
                    assert_eq!(<$ty as Cell>::get(ValueRef::Text($word.as_bytes())), Ok(<$ty>::$variant));
                })*)*
            }
        }
    };
}

words! {
    ClientKind { Person = "person", Company = "company" }
    Direction { In = "in", Out = "out" }
    CaseKind {
        Complaint = "complaint", Question = "question", ErrorReport = "error_report", Wish = "wish",
        Incident = "incident", Application = "application",
    }
    LetterMedia { Post = "post", Fax = "fax", Email = "email" }
    Correspondent { Client = "client", Partner = "partner", Supplier = "supplier" }
    Access { Known = "known", Sealed = "sealed", Erased = "erased" }
    Class {
        Contact = "contact", Meeting = "meeting", Handling = "handling", Document = "document", Case = "case",
        Lead = "lead", Deal = "deal", Order = "order", Money = "money", Campaign = "campaign", Profile = "profile",
        Consent = "consent", Asset = "asset", Contract = "contract", Article = "article", Custom = "custom",
        Task = "task", Exception = "exception",
    }
    TaskStatus { Open = "open", Done = "done", Cancelled = "cancelled" }
    MeetingStatus { Planned = "planned", Held = "held", Missed = "missed", Cancelled = "cancelled" }
    Kind {
        Invoiced = "invoiced", Paid = "paid", Refunded = "refunded", Service = "service", Adjusted = "adjusted",
        Conceded = "conceded",
    }
    LeadStatus { New = "new", Qualified = "qualified", Disqualified = "disqualified", Converted = "converted" }
    Status { Open = "open", Answered = "answered", Resolved = "resolved", Closed = "closed" }
    What {
        Raised = "raised", Classified = "classified", DueSet = "due_set", DueMoved = "due_moved",
        FirstAnswered = "first_answered", Answered = "answered", Resolved = "resolved", Reopened = "reopened",
        Closed = "closed", Forwarded = "forwarded", Untimely = "untimely", Kept = "kept", Broken = "broken",
    }
}
