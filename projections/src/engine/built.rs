//! [`Built`]: rows and totals of views, folded in memory.

use foldhash::HashMap;

use super::row::{Atom, Row};
use super::view::{Parked, Sums};

/// Rows and totals folded in memory.
#[derive(Debug, Default)]
pub struct Built {
    /// The rows of each table, column after column.
    pub(super) rows: HashMap<&'static str, Vec<Atom>>,
    /// The totals.
    pub(super) sums: Sums,
    /// For each view the sum of its row hashes.
    pub(super) digests: HashMap<&'static str, u128>,
    /// Keys whose fold panicked.
    pub(super) parked: Vec<Parked>,
}

impl Built {
    /// Makes it empty and keeps its memory: fresh pages take longer than what is written to them.
    pub(super) fn clear(&mut self) {
        self.rows.values_mut().for_each(Vec::clear);
        self.sums.clear();
        self.digests.clear();
        self.parked.clear();
    }

    /// Takes a row in.
    pub(super) fn push<R: Row>(&mut self, view: &'static str, row: &R) {
        let rows = self.rows.entry(R::TABLE).or_default();
        let start = rows.len();
        row.put_into(rows);
        add_digest(&mut self.digests, view, super::view::row_hash(R::TABLE, R::COLUMNS, &rows[start..]));
    }
}

/// Adds the hash of a row, or of rows, to the digest of a view.
pub(super) fn add_digest(digests: &mut HashMap<&'static str, u128>, view: &'static str, hash: u128) {
    let digest = digests.entry(view).or_default();
    *digest = digest.wrapping_add(hash);
}
