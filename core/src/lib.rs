//! The core of Letopis.
pub mod code;
pub mod events;
pub mod ids;
pub mod log;
pub mod money;
pub mod personal;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod trust;
