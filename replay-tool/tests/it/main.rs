//! Tests of `replay-tool` as a library.

mod mapping_language;
mod mapping_real;
mod support;
