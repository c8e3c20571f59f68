//! Choices that can be made again: a seed, printed by whoever draws from it.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From `LETOPIS_SEED`, else from the clock; printed.
    pub(crate) fn printed(test: &str) -> Self {
        let given = std::env::var("LETOPIS_SEED").ok().map(|text| text.parse().expect("LETOPIS_SEED is a number"));
        let now = || std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_nanos() as u64);
        let seed = given.unwrap_or_else(now);
        println!("{test}: LETOPIS_SEED={seed}");
        Self::new(seed)
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }

    /// Another one that draws on its own.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.draw())
    }
}

/// A number from the environment, for runs that are longer than those of every day.
pub(crate) fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
