//! The `area!` macro: event structs with their names, versions, fields and the split into facts and
//! personal parts, from one declaration.

macro_rules! area {
    (
        $(#[doc = $adoc:literal])*
        $area:ident in $variant:ident $areaname:literal;
        $(
            $(#[doc = $doc:literal])*
            event $name:ident = $tname:literal @ $schema:literal
            $(, subject $subject:ident($sfield:ident))?
            $(, stream $prefix:literal($dfield:ident))?
            $(, only stream $only:literal)?
            { $( $(#[doc = $fdoc:literal])* $(#[serde($($fserde:tt)*)])* $field:ident : $fty:ty ),* $(,)? }
            $(optional { $( $(#[doc = $odoc:literal])* $ofield:ident : $oty:ty ),* $(,)? })?
            $(personal { $( $(#[doc = $pdoc:literal])* $pfield:ident : $pty:ty ),* $(,)? })?
        )*
    ) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $( $(#[doc = $fdoc])* $(#[serde($($fserde)*)])* pub $field: $fty, )*
                $($( $(#[doc = $odoc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $ofield: Option<$oty>, )*)?
                $($( $(#[doc = $pdoc])* #[serde(default, skip_serializing)] pub $pfield: $crate::personal::Personal<$pty>, )*)?
            }
        )*

        $(#[doc = $adoc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $area {
            $( $(#[doc = $doc])* $name($name), )*
        }

        $(
            impl From<$name> for $crate::events::Event {
                fn from(event: $name) -> Self {
                    Self::$variant($area::$name(event))
                }
            }
        )*

        $($(
            impl $crate::definitions::Definition for $name {
                const KIND: &'static str = $prefix;
                fn code(&self) -> String {
                    self.$dfield.to_string()
                }
                fn of(event: &$crate::events::Event) -> Option<&Self> {
                    match event {
                        $crate::events::Event::$variant($area::$name(event)) => Some(event),
                        _ => None,
                    }
                }
            }
        )?)*

        impl $area {
            pub(crate) const TYPES: &'static [&'static $crate::events::TypeInfo] = &[$(
                &$crate::events::TypeInfo {
                    name: $tname,
                    schema: $schema,
                    area: $areaname,
                    defines: false $(|| !$prefix.is_empty())?,
                    doc: &[$($doc),*],
                    fields: &[
                        $( $crate::events::FieldInfo { name: stringify!($field), ty: stringify!($fty), doc: &[$($fdoc),*], kind: $crate::events::FieldKind::Required }, )*
                        $($( $crate::events::FieldInfo { name: stringify!($ofield), ty: stringify!($oty), doc: &[$($odoc),*], kind: $crate::events::FieldKind::Optional }, )*)?
                        $($( $crate::events::FieldInfo { name: stringify!($pfield), ty: stringify!($pty), doc: &[$($pdoc),*], kind: $crate::events::FieldKind::Personal }, )*)?
                    ],
                    read: |data| {
                        serde_path_to_error::deserialize::<_, $name>(data).map(Into::into).map_err($crate::events::path_error)
                    },
                    read_facts: |facts| {
                        serde_json::from_slice::<$name>(facts).map(Into::into).map_err(|error| {
                            $crate::events::DecodeError::Field { path: ".".into(), reason: error.to_string() }
                        })
                    },
                }
            ),*];

            /// The declaration of its type.
            pub fn info(&self) -> &'static $crate::events::TypeInfo {
                match self {
                    $( Self::$name(_) => {
                        const INDEX: usize = $crate::events::area::index($tname, $area::TYPES);
                        $area::TYPES[INDEX]
                    } )*
                }
            }

            pub(crate) fn facts(&self) -> Vec<u8> {
                match self { $( Self::$name(event) => $crate::events::canonical(event), )* }
            }

            pub(crate) fn personal(&self) -> serde_json::Map<String, serde_json::Value> {
                #[allow(unused_mut, reason = "not every event has personal fields")]
                let mut out = serde_json::Map::new();
                match self {
                    $( Self::$name(_event) => {
                        $($( $crate::events::area::put(&mut out, stringify!($pfield), &_event.$pfield); )*)?
                    } )*
                }
                out
            }

            pub(crate) fn fill(&mut self, _opened: &$crate::personal::Opened) -> Result<(), $crate::events::DecodeError> {
                match self {
                    $( Self::$name(_event) => {
                        $($( _event.$pfield = $crate::events::area::take(_opened, stringify!($pfield))?; )*)?
                    } )*
                }
                Ok(())
            }

            pub(crate) fn definition_stream(&self) -> Option<String> {
                match self {
                    $( Self::$name(_event) => {
                        $( return Some(format!(concat!($prefix, "/{}"), _event.$dfield)); )?
                        $( return Some($only.to_owned()); )?
                        #[allow(unreachable_code, reason = "only definitions have streams of their own")]
                        None
                    } )*
                }
            }

            pub(crate) fn subject(&self, client: $crate::ids::ClientId) -> $crate::personal::Subject {
                match self {
                    $( Self::$name(_event) => {
                        $( return $crate::personal::Subject::$subject(_event.$sfield); )?
                        #[allow(unreachable_code, reason = "most events are about the client")]
                        $crate::personal::Subject::Client(client)
                    } )*
                }
            }
        }
    };
}

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{DecodeError, TypeInfo};
use crate::personal::{Opened, Personal};

/// Place of a type in its area's list, found while compiling.
pub(crate) const fn index(name: &str, types: &[&TypeInfo]) -> usize {
    let mut i = 0;
    while i < types.len() {
        if same(types[i].name.as_bytes(), name.as_bytes()) {
            return i;
        }
        i += 1;
    }
    panic!("every event type stands in its area's list")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

pub(crate) fn put<T: Serialize>(out: &mut Map<String, Value>, name: &str, field: &Personal<T>) {
    if let Personal::Known(value) = field {
        let value = serde_json::to_value(value).expect("personal fields serialise to JSON");
        out.insert(name.to_owned(), value);
    }
}

pub(crate) fn take<T: DeserializeOwned>(opened: &Opened, name: &str) -> Result<Personal<T>, DecodeError> {
    Ok(match opened {
        Opened::Nothing => Personal::Absent,
        Opened::Sealed => Personal::Sealed,
        Opened::Erased => Personal::Erased,
        Opened::Values(values) => match values.get(name) {
            None => Personal::Absent,
            Some(value) => Personal::Known(
                T::deserialize(value)
                    .map_err(|error| DecodeError::Field { path: name.to_owned(), reason: error.to_string() })?,
            ),
        },
    })
}
