//! The core of Letopis.
pub mod code;
pub mod erasure;
pub mod events;
pub mod fact;
pub mod folder;
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
pub mod rotation;
pub mod rules;
mod secret;
pub mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod trust;
