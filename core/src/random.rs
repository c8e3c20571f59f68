//! Randomness and new ids, handed in at the edge so that tests can repeat themselves.

use std::sync::Mutex;

use crate::time::Clock;

/// A source of random bytes.
#[derive(Debug)]
pub struct Random(Mutex<Source>);

#[derive(Debug)]
enum Source {
    System,
    Seeded { seed: u64, drawn: u64 },
}

impl Random {
    /// From the operating system.
    pub fn system() -> Self {
        Self(Mutex::new(Source::System))
    }

    /// The same bytes for the same seed; for tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(Source::Seeded { seed, drawn: 0 }))
    }

    /// Draws bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        let mut source = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &mut *source {
            Source::System => getrandom::fill(&mut out).expect("the operating system gives randomness"),
            Source::Seeded { seed, drawn } => {
                *drawn += 1;
                let mut hasher = blake3::Hasher::new();
                hasher.update(&seed.to_be_bytes()).update(&drawn.to_be_bytes());
                hasher.finalize_xof().fill(&mut out);
            }
        }
        out
    }

    /// A new ULID: 48 bits of time, 80 bits of chance.
    pub fn ulid(&self, clock: &dyn Clock) -> u128 {
        let ms = (clock.now().0.max(0) / 1_000) as u128;
        let mut chance = [0; 16];
        chance[6..].copy_from_slice(&self.bytes::<10>());
        (ms << 80) | u128::from_be_bytes(chance)
    }
}
