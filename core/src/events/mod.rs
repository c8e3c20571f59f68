//! The vocabulary: every event type there is, one file per area of the business.
//!
//! An event is one struct. Its *facts* are written as canonical JSON in the clear; its *personal*
//! fields are sealed apart, under the key of their subject. [`Event`] is a two-level enum, so that a
//! fold matches one area exhaustively and dismisses the others in one arm.
//!
//! A new event type is a struct in its area's file and one golden file in `fixtures/events/`.

#[macro_use]
mod area;
mod areas;
pub mod article;
pub mod asset;
pub mod automation;
pub mod campaign;
pub mod case;
pub mod catalogue;
pub mod client;
pub mod contract;
pub mod custom;
pub mod deal;
pub mod definition;
pub mod document;
pub mod exception;
pub mod finance;
pub mod interaction;
pub mod knowledge;
pub mod lead;
pub mod letter;
pub mod log;
pub mod market;
pub mod order;
pub mod plan;
pub mod pricing;
pub mod process;
pub mod service;
pub mod task;
pub mod text;
mod upcast;

use std::sync::LazyLock;

use foldhash::HashMap;

use serde_json::{Map, Value};

use crate::ids::ClientId;
use crate::personal::{Opened, Subject};

pub use areas::Areas;
pub use article::ArticleEvent;
pub use asset::AssetEvent;
pub use automation::AutomationEvent;
pub use campaign::CampaignEvent;
pub use case::CaseEvent;
pub use client::ClientEvent;
pub use contract::ContractEvent;
pub use custom::CustomEvent;
pub use deal::DealEvent;
pub use definition::DefinitionEvent;
pub use document::DocumentEvent;
pub use exception::ExceptionEvent;
pub use finance::FinanceEvent;
pub use interaction::InteractionEvent;
pub use knowledge::KnowledgeEvent;
pub use lead::LeadEvent;
pub use letter::LetterEvent;
pub use log::LogEvent;
pub use market::MarketEvent;
pub use order::OrderEvent;
pub use plan::PlanEvent;
pub use pricing::PricingEvent;
pub use process::ProcessEvent;
pub use service::ServiceEvent;
pub use task::TaskEvent;
pub use text::TextEvent;

/// What an event type is called on disk, what it carries, and how it is read.
#[derive(Debug)]
pub struct TypeInfo {
    /// The stable name, `noun.past-participle`.
    pub name: &'static str,
    /// The current version of its payload.
    pub schema: u16,
    /// The area of the business.
    pub area: &'static str,
    /// Whether it defines something and stands in a stream of its own, not in a client's.
    pub defines: bool,
    /// What the event means, one line per entry.
    pub doc: &'static [&'static str],
    /// Its fields in the order of declaration.
    pub fields: &'static [FieldInfo],
    pub(crate) read: fn(Value) -> Result<Event, DecodeError>,
    pub(crate) read_facts: fn(&[u8]) -> Result<Event, DecodeError>,
}

/// One field of an event type.
#[derive(Debug)]
pub struct FieldInfo {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type as written in Rust, such as `OrderId` or `Vec<Line>`.
    pub ty: &'static str,
    /// What it means, one line per entry.
    pub doc: &'static [&'static str],
    /// Where it stands.
    pub kind: FieldKind,
}

/// Where a field stands and whether it must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// In the facts, always.
    Required,
    /// In the facts, when known.
    Optional,
    /// Sealed under the key of the event's subject, when known.
    Personal,
}

/// The payload is not what its type declares.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No such type, or no such version of it.
    #[error("unknown event type {name:?} with schema {schema}")]
    UnknownType {
        /// The name that was asked for.
        name: String,
        /// The payload version that was asked for.
        schema: u16,
    },
    /// A field is missing, unknown or holds something else.
    #[error("field {path}: {reason}")]
    Field {
        /// Dotted path of the field, `.` for the payload itself.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

macro_rules! events {
    ($($area:ident($inner:ident)),* $(,)?) => {
        /// Anything that can be recorded.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $(#[doc = concat!("See [`", stringify!($inner), "`].")] $area($inner),)*
            /// A type that a front office declared.
            Custom(CustomEvent),
        }

        impl Event {
            /// The stable name of its type.
            pub fn type_name(&self) -> &str {
                match self { $(Self::$area(event) => event.info().name,)* Self::Custom(event) => event.name.as_str() }
            }

            /// The version of its payload.
            pub fn schema(&self) -> u16 {
                match self { $(Self::$area(event) => event.info().schema,)* Self::Custom(event) => event.schema }
            }

            /// The area of the business; `custom` for declared types.
            pub fn area(&self) -> &'static str {
                match self { $(Self::$area(event) => event.info().area,)* Self::Custom(_) => "custom" }
            }

            /// Its area's place in the list of areas, see [`Areas`].
            fn area_number(&self) -> u32 {
                enum Number { $($area,)* Custom }
                match self {
                    $(Self::$area(_) => Number::$area as u32,)*
                    Self::Custom(_) => Number::Custom as u32,
                }
            }

            /// The facts as canonical JSON (RFC 8785).
            pub fn facts(&self) -> Vec<u8> {
                match self {
                    $(Self::$area(event) => event.facts(),)*
                    Self::Custom(event) => canonical(&event.facts),
                }
            }

            /// The personal fields that are known, by name.
            pub fn personal(&self) -> Map<String, Value> {
                match self {
                    $(Self::$area(event) => event.personal(),)*
                    Self::Custom(event) => event.personal.known().cloned().unwrap_or_default(),
                }
            }

            /// Puts the opened personal fields in their places.
            ///
            /// # Errors
            /// When a sealed value is not of its field's type.
            pub fn fill(&mut self, opened: &Opened) -> Result<(), DecodeError> {
                match self {
                    $(Self::$area(event) => event.fill(opened),)*
                    Self::Custom(event) => { event.fill(opened); Ok(()) }
                }
            }

            /// The stream of a definition, such as `product/22386`; `None` for what stands in a client's.
            pub fn definition_stream(&self) -> Option<String> {
                match self { $(Self::$area(event) => event.definition_stream(),)* Self::Custom(_) => None }
            }

            /// Whose key seals its personal fields, given the client in whose stream it stands.
            pub fn subject(&self, client: ClientId) -> Subject {
                match self {
                    Self::Knowledge(KnowledgeEvent::Corrected(event)) => event.subject(client),
                    $(Self::$area(event) => event.subject(client),)*
                    Self::Custom(_) => Subject::Client(client),
                }
            }
        }

        /// The names of all areas, `custom` last.
        pub fn area_names() -> impl Iterator<Item = &'static str> {
            [$($inner::TYPES[0].area,)* "custom"].into_iter()
        }

        /// Every built-in type, area by area.
        pub fn types() -> &'static [&'static TypeInfo] {
            static ALL: LazyLock<Vec<&'static TypeInfo>> =
                LazyLock::new(|| [$($inner::TYPES),*].concat());
            &ALL
        }
    };
}

events! {
    Client(ClientEvent),
    Interaction(InteractionEvent),
    Task(TaskEvent),
    Case(CaseEvent),
    Process(ProcessEvent),
    Letter(LetterEvent),
    Service(ServiceEvent),
    Deal(DealEvent),
    Lead(LeadEvent),
    Order(OrderEvent),
    Document(DocumentEvent),
    Finance(FinanceEvent),
    Pricing(PricingEvent),
    Campaign(CampaignEvent),
    Asset(AssetEvent),
    Contract(ContractEvent),
    Article(ArticleEvent),
    Exception(ExceptionEvent),
    Automation(AutomationEvent),
    Text(TextEvent),
    Definition(DefinitionEvent),
    Plan(PlanEvent),
    Market(MarketEvent),
    Knowledge(KnowledgeEvent),
    Log(LogEvent),
}

/// The built-in type of this name.
pub fn find(name: &str) -> Option<&'static TypeInfo> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static TypeInfo>> =
        LazyLock::new(|| types().iter().map(|info| (info.name, *info)).collect());
    BY_NAME.get(name).copied()
}

impl Event {
    /// Reads a payload in which facts and personal fields stand side by side, as it is posted.
    ///
    /// # Errors
    /// When the type is not built in, is one that only the log itself records, or the payload is not what it
    /// declares.
    pub fn from_input(name: &str, data: Value) -> Result<Self, DecodeError> {
        let posted = find(name).filter(|info| info.area != log::AREA);
        let info = posted.ok_or_else(|| DecodeError::UnknownType { name: name.to_owned(), schema: 0 })?;
        (info.read)(data)
    }

    /// Reads recorded facts, lifting older payload versions; personal fields come by [`Event::fill`].
    ///
    /// Names that are not built in are read as declared types.
    ///
    /// # Errors
    /// When the version is unknown or the facts are not what the type declares.
    pub fn from_facts(name: &str, schema: u16, facts: &[u8]) -> Result<Self, DecodeError> {
        match find(name) {
            Some(info) if info.schema == schema => (info.read_facts)(facts),
            Some(info) => (info.read)(upcast::lift(info, schema, parse(facts)?)?),
            None => CustomEvent::from_facts(name, schema, parse(facts)?).map(Self::Custom),
        }
    }

    /// The whole payload for a reader: facts, and personal fields in whatever state they are.
    pub fn to_json(&self, opened: &Opened) -> Value {
        let mut data = match serde_json::from_slice(&self.facts()) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        match opened {
            Opened::Nothing => {}
            Opened::Values(_) => data.extend(self.personal()),
            Opened::Sealed => drop(data.insert("sealed".into(), true.into())),
            Opened::Erased => drop(data.insert("erased".into(), true.into())),
        }
        Value::Object(data)
    }
}

/// Canonical JSON (RFC 8785) of anything that serialises to JSON without floats out of range.
pub(crate) fn canonical<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Event structs hold integers, strings, maps with string keys: nothing here can fail to serialise.
    crate::canonical::to_vec(value).expect("event payloads serialise to JSON")
}

fn parse(facts: &[u8]) -> Result<Value, DecodeError> {
    serde_json::from_slice(facts).map_err(|error| DecodeError::Field { path: ".".into(), reason: error.to_string() })
}

pub(crate) fn path_error<E: std::fmt::Display>(error: serde_path_to_error::Error<E>) -> DecodeError {
    DecodeError::Field { path: error.path().to_string(), reason: error.inner().to_string() }
}
