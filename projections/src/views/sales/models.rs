//! Forecasts of a series of counts or sums, and a trial of each on the series' own past.
//!
//! Simple exponential smoothing: R. G. Brown, "Statistical Forecasting for Inventory Control", 1959; with a trend:
//! C. C. Holt, 1957. The mean absolute scaled error: R. J. Hyndman, A. B. Koehler, "Another look at measures of
//! forecast accuracy", 2006.

use serde::Serialize;

/// A way to go on from a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// The last value again.
    Naive,
    /// The value of a season ago again.
    SeasonalNaive,
    /// Simple exponential smoothing.
    Ses,
    /// Exponential smoothing with a trend.
    Holt,
}

impl Model {
    const ALL: [Self; 4] = [Self::Naive, Self::SeasonalNaive, Self::Ses, Self::Holt];

    /// What others are measured by.
    fn is_naive(self) -> bool {
        matches!(self, Self::Naive | Self::SeasonalNaive)
    }

    /// Its name and the version of its making.
    pub fn version(self) -> &'static str {
        match self {
            Self::Naive => "naive@1",
            Self::SeasonalNaive => "seasonal-naive@1",
            Self::Ses => "ses@1",
            Self::Holt => "holt@1",
        }
    }

    /// Values after the series, one for each of `ahead` periods, with parameters fitted on the series alone.
    pub(super) fn forecast(self, series: &[f64], season: usize, ahead: usize) -> Vec<f64> {
        let last = series.last().copied().unwrap_or(0.0);
        let steps = 1..=ahead;
        match self {
            Self::Naive => steps.map(|_| last).collect(),
            Self::SeasonalNaive => {
                let begin = series.len().saturating_sub(season);
                let of = |step: usize| series.get(begin + (step - 1) % season.max(1)).copied().unwrap_or(last);
                steps.map(of).collect()
            }
            Self::Ses => {
                let best = best(GRID.map(|alpha| (alpha, 0.0)), |(alpha, _)| smooth(series, alpha, None).1);
                let level = smooth(series, best.0, None).0.0;
                steps.map(|_| level).collect()
            }
            Self::Holt => {
                let pairs = GRID.iter().flat_map(|alpha| GRID.map(|beta| (*alpha, beta)));
                let (alpha, beta) = best(pairs, |(alpha, beta)| smooth(series, alpha, Some(beta)).1);
                let (level, trend) = smooth(series, alpha, Some(beta)).0;
                steps.map(|step| level + trend * step as f64).collect()
            }
        }
    }
}

/// Parameters that are tried.
const GRID: [f64; 10] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95];
/// Origins that the trial starts from, at most.
const ORIGINS: usize = 12;
/// Fewest origins and fewest values before the first of them.
const MIN_ORIGINS: usize = 3;
const MIN_TRAINING: usize = 5;

/// The first of the best: ties go to the smaller parameter.
fn best(of: impl IntoIterator<Item = (f64, f64)>, cost: impl Fn((f64, f64)) -> f64) -> (f64, f64) {
    let mut found = ((0.0, 0.0), f64::INFINITY);
    for pair in of {
        let cost = cost(pair);
        if cost < found.1 {
            found = (pair, cost);
        }
    }
    found.0
}

/// Level and trend at the end of a series, and the sum of squared errors one step ahead.
fn smooth(series: &[f64], alpha: f64, beta: Option<f64>) -> ((f64, f64), f64) {
    let (Some(&first), second) = (series.first(), series.get(1).copied()) else { return ((0.0, 0.0), 0.0) };
    let (mut level, mut trend, mut squares) = (first, beta.and(second).map_or(0.0, |second| second - first), 0.0);
    for &value in &series[1..] {
        let expected = level + trend;
        squares += (value - expected) * (value - expected);
        let before = level;
        level = expected + alpha * (value - expected);
        if let Some(beta) = beta {
            trend += beta * (level - before - trend);
        }
    }
    ((level, trend), squares)
}

/// How a model did on the past of the series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Candidate {
    /// Which one.
    pub model: Model,
    /// Its name and version.
    pub version: &'static str,
    /// Origins it was tried from, one period ahead each.
    pub origins: usize,
    /// Mean size of its errors.
    pub mean_error: f64,
    /// The same by the mean size of a (seasonal) naive step in the values before the first origin; null when they
    /// do not move.
    pub mase: Option<f64>,
    /// Mean of `value − forecast`.
    pub bias: f64,
    /// Half the width of the interval that held four of five values in the trial before each origin.
    pub half_width: f64,
    /// Of the values after the origins, the share that the interval held.
    pub coverage: f64,
    /// Better than every naive model.
    pub better_than_naive: bool,
}

/// Tries all models on the past of a series, each only on what came before; empty when it is too short.
pub(super) fn trial(series: &[f64], season: usize) -> Vec<Candidate> {
    let origins = ORIGINS.min(series.len().saturating_sub(MIN_TRAINING));
    if origins < MIN_ORIGINS {
        return Vec::new();
    }
    let first = series.len() - origins;
    let scale = scale(&series[..first], season);
    let seasonal = season > 1 && first >= 2 * season;
    let models = Model::ALL.into_iter().filter(|model| *model != Model::SeasonalNaive || seasonal);
    let mut found: Vec<Candidate> = models.map(|model| candidate(model, series, season, first, scale)).collect();
    let naive = found.iter().filter(|tried| tried.model.is_naive()).map(|tried| tried.mean_error);
    let bar = naive.fold(f64::INFINITY, f64::min);
    for tried in &mut found {
        tried.better_than_naive = !tried.model.is_naive() && tried.mean_error < bar;
    }
    found
}

fn scale(training: &[f64], season: usize) -> Option<f64> {
    let lag = if training.len() > season { season.max(1) } else { 1 };
    let steps: Vec<f64> = training.iter().skip(lag).zip(training).map(|(now, then)| (now - then).abs()).collect();
    let mean = steps.iter().sum::<f64>() / steps.len().max(1) as f64;
    (mean > 0.0).then_some(mean)
}

fn candidate(model: Model, series: &[f64], season: usize, first: usize, scale: Option<f64>) -> Candidate {
    let step = |origin: usize| series[origin] - model.forecast(&series[..origin], season, 1)[0];
    let errors: Vec<f64> = (first..series.len()).map(step).collect();
    let before: Vec<f64> = (2..first).map(|origin| step(origin).abs()).collect();
    let half_width = quantile(before, 0.8);
    let n = errors.len() as f64;
    let mean_error = errors.iter().map(|error| error.abs()).sum::<f64>() / n;
    let held = errors.iter().filter(|error| error.abs() <= half_width).count() as f64;
    Candidate {
        model,
        version: model.version(),
        origins: errors.len(),
        mean_error,
        mase: scale.map(|scale| mean_error / scale),
        bias: errors.iter().sum::<f64>() / n,
        half_width,
        coverage: held / n,
        better_than_naive: false,
    }
}

/// Nearest rank.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_gone_on_with_by_holt_and_by_no_naive_model() {
        let line: Vec<f64> = (0..20).map(|n| 10.0 + 3.0 * f64::from(n)).collect();
        let tried = trial(&line, 1);
        let holt = tried.iter().find(|tried| tried.model == Model::Holt).expect("tried");
        assert!(holt.better_than_naive && holt.mean_error < 1e-9, "{holt:?}");
        let next = Model::Holt.forecast(&line, 1, 2);
        assert!((next[0] - 70.0).abs() < 1e-9 && (next[1] - 73.0).abs() < 1e-9, "{next:?}");
        let naive = tried.iter().find(|tried| tried.model == Model::Naive).expect("tried");
        assert!((naive.mase.expect("it moves") - 1.0).abs() < 1e-9, "{naive:?}");
    }

    #[test]
    fn a_season_is_repeated_and_noise_beats_nothing() {
        let season: Vec<f64> = (0..40).map(|n| f64::from(n % 4 * 10)).collect();
        let tried = trial(&season, 4);
        let repeated = tried.iter().find(|tried| tried.model == Model::SeasonalNaive).expect("tried");
        assert!(repeated.mean_error < 1e-9);
        assert!(tried.iter().all(|tried| !tried.better_than_naive), "nothing is better than what is exact");
        assert_eq!(Model::SeasonalNaive.forecast(&season, 4, 5), [0.0, 10.0, 20.0, 30.0, 0.0]);
    }

    #[test]
    fn a_short_or_still_series_promises_nothing() {
        assert!(trial(&[1.0, 2.0, 3.0], 1).is_empty());
        let still = trial(&[5.0; 12], 1);
        assert!(still.iter().all(|tried| tried.mase.is_none() && !tried.better_than_naive));
        assert_eq!(Model::Ses.forecast(&[], 1, 2), [0.0, 0.0]);
    }
}
