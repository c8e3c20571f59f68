//! Tests of `replay-tool` as a library.

mod answers;
mod copies;
mod damage;
mod erasure;
mod imports;
mod killed;
mod mapping_language;
mod mapping_real;
mod proofs;
mod rehearsal;
mod sets;
mod support;
mod truth;
mod what_if;
