//! The core of Letopis: facts, the log that keeps them, and what makes the log prove itself and forget.
//!
//! A fact's way through this crate, from what a front office posts to what an auditor checks:
//!
//! 1. [`events`] is the vocabulary, one file per area of the business. A type is declared once; the codec
//!    splits it into facts in the clear and personal fields ([`personal`]).
//! 2. [`intake`] takes posted items in: it finds out whom they are about ([`identity`]), judges them by the
//!    [`rules`], seals the personal part and answers with receipts. [`import`] and [`mapping`] bring whole files.
//! 3. [`log`] keeps them. [`log::EventLog`] is the one trait, its promises are numbered, and the suite in
//!    `testing` holds every implementation to them ([`log::memory`], [`log::sqlite`]).
//! 4. [`fact`] is an event as it is read again: decoded, lifted to today's schema, opened as far as the reader's
//!    keys allow, in fold order. [`reader`] reads what is known of one client.
//! 5. [`definitions`] are what is nobody's in particular (stage models, calendars, price rules), as of any instant.
//!    [`calendar`] counts business time, [`condition`] is what a definition asks of a fact.
//! 6. [`automation`] says what is to be done by rule when something happens.
//! 7. [`trust`] is the tree over all leaves, seals and signed checkpoints, proofs and their checker, keys.
//!
//! [`folder`] opens a data folder with all of it; [`settings`] is what the folder says about the tenant; what
//! follows the log gives way to those who write to it ([`background`]).
//! Nothing here knows of views or HTTP.

pub mod automation;
pub mod background;
pub mod backup;
pub mod calendar;
mod canonical;
pub mod code;
pub mod condition;
pub mod definitions;
pub mod erasure;
pub mod error;
pub mod events;
pub mod exports;
pub mod fact;
pub mod fault;
pub mod folder;
pub mod form;
pub mod identity;
pub mod ids;
pub mod import;
pub mod intake;
pub mod log;
pub mod mapping;
pub mod money;
pub mod personal;
pub mod random;
pub mod reader;
pub mod replay;
pub mod rotation;
pub mod rules;
mod secret;
pub mod settings;
pub mod statements;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod trust;
pub mod wal;
