//! Views: what the log comes to, kept current, rebuilt, and seen through two clocks.
//!
//! A view is one definition with every use. It says which rows an event touches and how a row changes
//! ([`engine::projection::Projection`]), which columns a row has, and what each row adds to which totals. From
//! that the engine makes everything else:
//!
//! - [`engine::live`] folds the tail of the log into a view file, [`engine::rebuild`] the whole log into a new
//!   one, both to equal digests;
//! - [`engine::scope`] folds the facts of one client in memory: strong answers and any `as_of` or `known_at`;
//! - [`engine::generations`] keeps the files of a data folder, follows the log and switches to rebuilt ones;
//! - [`engine::stored`] and [`engine::verify`] read, compare and check files as they lie there.
//!
//! The views themselves are in [`views`], one folder each; queries take an [`engine::read::Reader`], so that
//! every copy answers alike. [`search`] is the full-text index beside them.
//!
//! To add a read model, make a folder in `views` with the row, the fold, the totals and the queries, and add a
//! line to [`views::all`].

pub mod engine;
pub mod search;
pub mod views;
