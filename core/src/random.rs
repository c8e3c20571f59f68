//! Randomness and new ids, handed in at the edge so that tests can repeat themselves.

use std::fmt;
use std::sync::Mutex;

use zeroize::Zeroize;

use crate::time::Clock;

/// Bytes that are drawn from the operating system at once: an event needs some eighty, in five draws.
const BLOCK: usize = 1_024;

/// A source of random bytes.
pub struct Random(Mutex<Source>);

enum Source {
    /// What is left of the last block stands at its end.
    System {
        block: Box<[u8; BLOCK]>,
        left: usize,
    },
    Seeded {
        seed: u64,
        drawn: u64,
    },
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(…)")
    }
}

impl Random {
    /// From the operating system.
    pub fn system() -> Self {
        Self(Mutex::new(Source::System { block: Box::new([0; BLOCK]), left: 0 }))
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
        const { assert!(N <= BLOCK) };
        let mut out = [0; N];
        let mut source = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &mut *source {
            Source::System { block, left } => {
                if *left < N {
                    getrandom::fill(&mut block[..]).expect("the operating system gives randomness");
                    *left = BLOCK;
                }
                let drawn = &mut block[BLOCK - *left..][..N];
                out.copy_from_slice(drawn);
                // Nonces and keys are nobody's business once they are handed out.
                drawn.zeroize();
                *left -= N;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_handed_out_twice_over_the_ends_of_blocks() {
        let random = Random::system();
        let mut drawn: Vec<[u8; 24]> = (0..10 * BLOCK / 24).map(|_| random.bytes()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 10 * BLOCK / 24);
        assert!(!drawn.contains(&[0; 24]));
    }
}
