//! Log-spaced buckets of whole seconds: percentiles of counts that add and subtract.
//!
//! The same everywhere, so that sketches merge: bucket `i` holds the values from `BOUNDS[i]` up to the next
//! bound; a bound is the next integer or 101/99 of the one before, whichever is more. The value that stands
//! for a bucket is at most 1 % away from everything in it, and exact below 50 seconds. After Masson, Rim and
//! Lee, "DDSketch", 2019, in integers, so that every machine has the same bounds.

use std::sync::LazyLock;

/// Up to four hundred years.
const LAST: i64 = 400 * 366 * 86_400;

static BOUNDS: LazyLock<Vec<i64>> = LazyLock::new(|| {
    let mut bounds = vec![0];
    let mut next = 1;
    while next < LAST {
        bounds.push(next);
        next = (next + 1).max(next * 101 / 99);
    }
    bounds
});

/// The bucket of so many seconds; what is negative counts as 0.
pub fn bucket(seconds: i64) -> i32 {
    let after = BOUNDS.partition_point(|bound| *bound <= seconds.max(0));
    i32::try_from(after).unwrap_or(i32::MAX).saturating_sub(1)
}

/// The seconds that stand for a bucket.
pub fn value(bucket: i32) -> i64 {
    let last = BOUNDS.len() - 1;
    let index = usize::try_from(bucket).unwrap_or(0).min(last);
    let low = BOUNDS[index];
    let high = BOUNDS.get(index + 1).map_or(low, |next| next - 1);
    // The harmonic mean is equally far from both ends, in proportion.
    let (low, high) = (i128::from(low), i128::from(high));
    let mean = (2 * low * high + (low + high) / 2) / (low + high).max(1);
    i64::try_from(mean).unwrap_or(LAST)
}

/// The value at `percent` by nearest rank, of buckets in ascending order with their counts.
pub(super) fn percentile(counts: &[(i32, i64)], percent: i64) -> Option<i64> {
    let n: i64 = counts.iter().map(|(_, count)| count).sum();
    let rank = (n * percent + 99) / 100;
    let mut below = 0;
    let found = counts.iter().find(|(_, count)| {
        below += count;
        below >= rank.max(1)
    });
    found.filter(|_| n > 0).map(|(bucket, _)| value(*bucket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_value_of_a_bucket_is_within_one_percent(seconds in 0i64..10_000_000_000) {
            let stands = value(bucket(seconds));
            prop_assert!((stands - seconds).abs() * 100 <= seconds, "{stands} for {seconds}");
        }

        #[test]
        fn buckets_keep_the_order_of_values(a in 0i64..10_000_000_000, b in 0i64..10_000_000_000) {
            prop_assert_eq!(bucket(a.min(b)) <= bucket(a.max(b)), true);
        }
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let counts = [(bucket(10), 1), (bucket(20), 1), (bucket(30), 2)];
        assert_eq!(percentile(&counts, 50), Some(20));
        assert_eq!(percentile(&counts, 51), Some(30));
        assert_eq!(percentile(&counts, 90), Some(30));
        assert_eq!(percentile(&[], 50), None);
    }
}
