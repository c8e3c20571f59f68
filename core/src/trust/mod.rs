//! What makes the log prove itself and forget: leaves, tree, heads, checkpoints; sealed envelopes, keys.
//!
//! Pure: [`leaf`], [`chain`], [`tree`], [`heads`], [`note`], [`cosign`], [`bundle`], [`receipt`], [`check`],
//! [`missing`], [`seal`].
//! With files: [`store`] (`trust.db`), [`signer`] (the signing key and what it signed), [`sealer`] (follows
//! the log and seals it), [`prove`] (reads proofs), [`audit`] (what `trust.db` holds, for those who check it),
//! [`witness`] (cosigns the checkpoints of other logs), [`vault`].

pub mod audit;
pub mod bundle;
pub mod chain;
pub mod check;
pub mod cosign;
pub mod heads;
pub mod hex;
pub mod key_numbers;
pub mod leaf;
pub mod missing;
pub mod note;
pub mod prove;
pub mod receipt;
pub mod seal;
pub mod sealer;
pub mod signer;
pub mod store;
pub mod tree;
pub mod vault;
pub mod witness;
