//! Shares that say of what.

use serde::Serialize;

/// Below this many a share is small: it carries an interval and is not to be ranked.
pub const SMALL: i64 = 30;

/// A share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// Of these,
    pub numerator: i64,
    /// so many; also the size of the sample.
    pub denominator: i64,
    /// The quotient; null where there is nothing to divide by.
    pub value: Option<f64>,
    /// Whether the sample is smaller than [`SMALL`].
    pub small: bool,
    /// Wilson interval of 95 %, for small samples.
    pub interval: Option<(f64, f64)>,
}

impl Ratio {
    /// `numerator / denominator`.
    pub fn new(numerator: i64, denominator: i64) -> Self {
        let small = denominator < SMALL;
        let value = (denominator > 0).then(|| numerator as f64 / denominator as f64);
        let interval = value.filter(|_| small).map(|share| wilson(share, denominator as f64));
        Self { numerator, denominator, value, small, interval }
    }
}

/// E. B. Wilson (1927): `(p + z²/2n ± z√(p(1−p)/n + z²/4n²)) / (1 + z²/n)` with z = 1.96.
pub(crate) fn wilson(p: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    let (middle, scale) = (p + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}
