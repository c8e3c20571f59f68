//! Nothing that was acknowledged is ever lost: the real server is killed, its disk fails, its files are damaged.
//!
//! Every harness is described in `docs/durability.md`, with its command, its last figures and its negative control.

mod backup;
mod chance;
mod damage;
mod disk;
mod ends;
mod erased;
mod faults;
mod folder;
mod full;
mod images;
mod kill;
mod ledger;
mod load;
mod process;
mod writer;
