//! Rows of views with real, typed SQL columns, and totals of them.
//!
//! [`row!`](crate::row) declares a row type, [`total!`](crate::total) a total. Both give a struct, its
//! table, and the way in and out of SQLite, so that a view is written without SQL but in its queries.

use std::fmt;

use letopis_core::code::{Code, Label};
use letopis_core::ids::{
    AssetId, CaseId, ClientId, ContactId, ContactPointId, ContractId, DealId, DocumentId, EmployeeId, EnvelopeId,
    EventId, InvoiceId, LeadId, MeetingId, OfferId, OrderId, PackId, PaymentId, PresaleActionId, QuoteId, RelationId,
    TaskId,
};
use letopis_core::money::{Currency, Exact};
use letopis_core::time::{Day, Moment, Month, Timestamp};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::text::Text;

/// A value of one column. There are no floats: sums must not depend on their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom {
    /// SQL null.
    Null,
    /// An integer.
    Int(i64),
    /// A text.
    Text(Text),
}

impl ToSql for Atom {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The stored value cannot be of the column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a column holds a value of another type")]
pub struct WrongValue;

/// A type that fills one column.
pub trait Cell: Sized {
    /// Its declared SQL type.
    const SQL: &'static str;
    /// The value to store.
    fn put(&self) -> Atom;
    /// The value as stored.
    ///
    /// # Errors
    /// When the column holds something else.
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue>;
}

impl<T: Cell> Cell for Option<T> {
    const SQL: &'static str = T::SQL;
    fn put(&self) -> Atom {
        self.as_ref().map_or(Atom::Null, T::put)
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        if value == ValueRef::Null { Ok(None) } else { T::get(value).map(Some) }
    }
}

macro_rules! integers {
    ($($ty:ty: $to:expr, $from:expr;)*) => {$(
        impl Cell for $ty {
            const SQL: &'static str = "INTEGER";
            fn put(&self) -> Atom {
                let to: fn(&$ty) -> i64 = $to;
                Atom::Int(to(self))
            }
            fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
                let from: fn(i64) -> Option<$ty> = $from;
                value.as_i64().ok().and_then(from).ok_or(WrongValue)
            }
        }
    )*};
}

integers! {
    i64: |v| *v, Some;
    i32: |v| i64::from(*v), |v| v.try_into().ok();
    u32: |v| i64::from(*v), |v| v.try_into().ok();
    bool: |v| i64::from(*v), |v| Some(v != 0);
    Timestamp: |v| v.0, |v| Some(Timestamp(v));
    Exact: |v| v.0, |v| Some(Exact(v));
}

macro_rules! texts {
    ($($ty:ty),* $(,)?) => {$(
        impl Cell for $ty {
            const SQL: &'static str = "TEXT";
            fn put(&self) -> Atom {
                Atom::Text(Text::of(self))
            }
            fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
                value.as_str().ok().and_then(|text| text.parse().ok()).ok_or(WrongValue)
            }
        }
    )*};
}

texts!(
    String,
    Code,
    Currency,
    Day,
    Moment,
    AssetId,
    CaseId,
    ClientId,
    ContactId,
    ContactPointId,
    ContractId,
    DealId,
    DocumentId,
    EmployeeId,
    EnvelopeId,
    EventId,
    InvoiceId,
    LeadId,
    MeetingId,
    Month,
    OfferId,
    OrderId,
    PackId,
    PaymentId,
    QuoteId,
    PresaleActionId,
    RelationId,
    TaskId,
    rust_decimal::Decimal,
    Owner
);

impl Cell for Label {
    const SQL: &'static str = "TEXT";
    fn put(&self) -> Atom {
        Atom::Text(self.as_str().into())
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        value.as_str().ok().and_then(|text| text.parse().ok()).ok_or(WrongValue)
    }
}

/// Anything else, as JSON text: lists and maps that belong to the row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

impl<T: Serialize + DeserializeOwned> Cell for Json<T> {
    const SQL: &'static str = "TEXT";
    fn put(&self) -> Atom {
        Atom::Text(serde_json::to_string(&self.0).expect("row lists serialise to JSON").into())
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        value.as_str().ok().and_then(|text| serde_json::from_str(text).ok()).map(Self).ok_or(WrongValue)
    }
}

/// Whose facts a row is folded from: a client (the head of its alias group), or a definition stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Owner(pub u128);

impl From<ClientId> for Owner {
    fn from(id: ClientId) -> Self {
        Self(id.0)
    }
}

impl Owner {
    /// The same id as a client's.
    pub fn client(self) -> ClientId {
        ClientId(self.0)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client().fmt(f)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({self})")
    }
}

impl std::str::FromStr for Owner {
    type Err = letopis_core::ids::InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<ClientId>().map(Into::into)
    }
}

/// A column of a row's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its declared SQL type.
    pub sql: &'static str,
    /// Whether the view's digest covers it. Personal values, positions, recorded times and lateness are
    /// left out: they may differ between two copies of the same facts.
    pub digest: bool,
}

/// A row type, see [`row!`](crate::row).
pub trait Row: Clone + PartialEq + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static str;
    /// Its columns: the key, the owner, then the rest.
    const COLUMNS: &'static [Column];
    /// Further indexes, each a list of columns.
    const INDEXES: &'static [&'static str];
    /// A row that nothing has been folded into.
    fn empty(key: u128, owner: Owner) -> Self;
    /// Its key among the rows of its owner.
    fn key(&self) -> u128;
    /// Whose it is.
    fn owner(&self) -> Owner;
    /// Puts its columns behind others, in the order of [`Row::COLUMNS`].
    fn put_into(&self, atoms: &mut Vec<Atom>);
    /// Its columns, in the order of [`Row::COLUMNS`].
    fn put(&self) -> Vec<Atom> {
        let mut atoms = Vec::with_capacity(Self::COLUMNS.len());
        self.put_into(&mut atoms);
        atoms
    }
    /// From a statement that selects [`Row::COLUMNS`] in order.
    ///
    /// # Errors
    /// When a column holds something else.
    fn get(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;
}

/// The table of a total, see [`total!`](crate::total).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalTable {
    /// Its name.
    pub name: &'static str,
    /// Name and SQL type of each key column.
    pub keys: &'static [(&'static str, &'static str)],
    /// Names of the sums.
    pub sums: &'static [&'static str],
}

/// A total: sums of integers under a key.
pub trait Total {
    /// Its table.
    const TABLE: TotalTable;
    /// The key columns in order.
    fn keys(&self) -> Vec<Atom>;
    /// The sums in order.
    fn sums(&self) -> Vec<i64>;
}

/// Reads one column of a statement.
///
/// # Errors
/// When it holds something else.
pub fn cell<T: Cell>(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<T> {
    T::get(row.get_ref(index)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Null, Box::new(error)))
}

/// Declares a row type of a view: a key, the column of its owner, then typed columns. `@apart` before a
/// field keeps it out of the digest.
///
/// ```
/// letopis_projections::row! {
///     /// A thing of a client.
///     pub struct ThingRow in "thing", index ["colour"] {
///         /// The thing.
///         key thing: letopis_core::ids::OrderId,
///         owner client,
///         /// Its colour.
///         colour: Option<letopis_core::code::Code>,
///         /// What its owner calls it.
///         @apart name: Option<String>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! row {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $table:literal $(, index [$($index:literal),* $(,)?])? {
            $(#[$kmeta:meta])* key $key:ident : $kty:ty,
            owner $owner:ident,
            $( $(#[$fmeta:meta])* $(@ $apart:ident)? $field:ident : $fty:ty ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(#[$kmeta])* pub $key: $kty,
            /// Whose row it is.
            pub $owner: $crate::engine::row::Owner,
            $( $(#[$fmeta])* pub $field: $fty, )*
        }

        impl $crate::engine::row::Row for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [$crate::engine::row::Column] = &[
                $crate::engine::row::Column { name: stringify!($key), sql: <$kty as $crate::engine::row::Cell>::SQL, digest: true },
                $crate::engine::row::Column { name: stringify!($owner), sql: "TEXT", digest: true },
                $( $crate::engine::row::Column {
                    name: stringify!($field),
                    sql: <$fty as $crate::engine::row::Cell>::SQL,
                    digest: $crate::row!(@digest $($apart)?),
                }, )*
            ];
            const INDEXES: &'static [&'static str] = &[$($($index),*)?];

            fn empty(key: u128, owner: $crate::engine::row::Owner) -> Self {
                Self { $key: <$kty>::from_bytes(key.to_be_bytes()), $owner: owner, $($field: Default::default()),* }
            }
            fn key(&self) -> u128 {
                u128::from_be_bytes(self.$key.to_bytes())
            }
            fn owner(&self) -> $crate::engine::row::Owner {
                self.$owner
            }
            fn put_into(&self, atoms: &mut Vec<$crate::engine::row::Atom>) {
                use $crate::engine::row::Cell;
                atoms.extend([self.$key.put(), self.$owner.put(), $(self.$field.put()),*]);
            }
            fn get(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut index = 0;
                let mut next = || { index += 1; index - 1 };
                Ok(Self {
                    $key: $crate::engine::row::cell(row, next())?,
                    $owner: $crate::engine::row::cell(row, next())?,
                    $($field: $crate::engine::row::cell(row, next())?,)*
                })
            }
        }
    };
    (@digest) => { true };
    (@digest apart) => { false };
}

/// Declares a total: key columns, none of them null, then sums (`i64`), kept by difference.
///
/// ```
/// letopis_projections::total! {
///     /// Things per day.
///     pub struct ThingsPerDay in "things_per_day" by {
///         /// The day.
///         day: letopis_core::time::Day,
///     } sums {
///         /// How many.
///         things,
///     }
/// }
/// ```
#[macro_export]
macro_rules! total {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $table:literal by {
            $( $(#[$kmeta:meta])* $key:ident : $kty:ty ),* $(,)?
        } sums {
            $( $(#[$smeta:meta])* $sum:ident ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$kmeta])* pub $key: $kty, )*
            $( $(#[$smeta])* pub $sum: i64, )*
        }

        impl $crate::engine::row::Total for $name {
            const TABLE: $crate::engine::row::TotalTable = $crate::engine::row::TotalTable {
                name: $table,
                keys: &[$((stringify!($key), <$kty as $crate::engine::row::Cell>::SQL)),*],
                sums: &[$(stringify!($sum)),*],
            };
            fn keys(&self) -> Vec<$crate::engine::row::Atom> {
                use $crate::engine::row::Cell;
                vec![$(self.$key.put()),*]
            }
            fn sums(&self) -> Vec<i64> {
                vec![$(self.$sum),*]
            }
        }
    };
}
