//! [`Projection`]: what a view is. Pure and synchronous: no I/O, no clock, no randomness.

use letopis_core::fact::Fact;
use letopis_core::time::Zone;

use super::row::{Atom, Owner, Row, Total, TotalTable};

/// For [`Projection::AREAS`]: facts of every area, declared types included.
pub const EVERY_AREA: &[&str] = &["*"];

/// Which facts a projection is folded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those in clients' streams.
    Clients,
    /// Those in definition streams.
    Definitions,
}

/// What a fold may know besides the fact.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whose facts are folded: the head of the alias group, or the client himself for [`Projection::PER_EVENT`].
    pub owner: Owner,
    /// Whether anybody knows who this client is. Counts of clients leave the others out, sums do not.
    pub identified: bool,
    /// Whether a fact of this client that happened later had been recorded before this one.
    pub late: bool,
    /// Where calendar days are cut.
    pub zone: &'a Zone,
}

/// A view: which rows a fact touches, how a row changes, what it adds to the totals.
///
/// A row is folded from its owner's facts in fold order `(occurred_at, order, event id)`, corrected,
/// without what was retracted, and depends on nothing else. The engine does the rest: live, rebuild,
/// re-fold, as-of, digest.
pub trait Projection: Send + Sync + 'static {
    /// The stable name of the view.
    const NAME: &'static str;
    /// To be raised whenever the same facts give other rows or totals; the view is then rebuilt.
    const VERSION: u32;
    /// The areas (see [`letopis_core::events::Event::area`]) of the facts that [`Projection::route`] gives rows
    /// for, or [`EVERY_AREA`]. Facts of other areas never reach the view, so a view costs nothing where it is
    /// not concerned: `const AREAS: &'static [&'static str] = &["deal", "order"];`
    const AREAS: &'static [&'static str];
    /// Which facts.
    const SCOPE: Scope = Scope::Clients;
    /// A row is one event: it keeps its own client when clients merge, and lateness of others leaves it alone.
    /// [`Projection::route`] must then give the event's id alone.
    const PER_EVENT: bool = false;
    /// Areas (see [`letopis_core::events::TypeInfo::area`]) whose personal fields the fold reads.
    const OPENS: &'static [&'static str] = &[];
    /// The tables of its totals.
    const TOTALS: &'static [TotalTable] = &[];

    /// The rows.
    type Row: Row;

    /// The keys of the rows that a fact touches: ids of 128 bits, unique among the rows of one owner.
    fn route(&self, fact: &Fact, cx: &Context<'_>, keys: &mut Vec<u128>);

    /// Takes a fact into a row. Every order of facts is possible and none is an error.
    fn fold(&self, row: &mut Self::Row, fact: &Fact, cx: &Context<'_>);

    /// What a row adds to the totals. A contribution dated to a day must depend only on facts up to the
    /// end of that day, so that running sums answer `as_of`.
    fn contribute(&self, _row: &Self::Row, _cx: &Context<'_>, _out: &mut Contributions) {}
}

/// What rows add to totals.
#[derive(Debug, Default)]
pub struct Contributions(pub(crate) Vec<(&'static str, Vec<Atom>, Vec<i64>)>);

impl Contributions {
    /// Adds one.
    pub fn add<T: Total>(&mut self, total: &T) {
        let sums = total.sums();
        if sums.iter().any(|sum| *sum != 0) {
            self.0.push((T::TABLE.name, total.keys(), sums));
        }
    }
}
