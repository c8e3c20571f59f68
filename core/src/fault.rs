//! Ways to be broken on purpose, so that the tests of durability can be seen to notice them.
//!
//! They are there in builds with the feature `testing` and with debug assertions, chosen by the environment variable
//! `LETOPIS_FAULT`. In a release build [`is_on`] is the constant `false`.

/// A way to be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `ack-before-commit`: the log answers before its transaction is committed.
    AckBeforeCommit,
    /// `no-sync`: the log does not wait for the disk (`synchronous=OFF`).
    NoSync,
    /// `checkpoint-apart`: the position up to which views are folded is committed first, and their rows later.
    CheckpointApart,
}

/// Whether this process is broken in this way.
#[cfg(all(feature = "testing", debug_assertions))]
pub fn is_on(fault: Fault) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<Fault>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| match std::env::var("LETOPIS_FAULT").as_deref() {
        Ok("ack-before-commit") => Some(Fault::AckBeforeCommit),
        Ok("no-sync") => Some(Fault::NoSync),
        Ok("checkpoint-apart") => Some(Fault::CheckpointApart),
        _ => None,
    });
    *chosen == Some(fault)
}

/// Whether this process is broken in this way: never.
#[cfg(not(all(feature = "testing", debug_assertions)))]
pub const fn is_on(_: Fault) -> bool {
    false
}
