//! When the numbers take a canary's share back.

use dowel_core::units::{Share, format_duration};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A difference of latency that nobody notices.
const NOISE: Duration = Duration::from_millis(100);

/// How far the new version may be worse than the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Runs of the new version that have to be there before it is judged.
    pub min_runs: u32,
    /// How far is looked back.
    pub window: Duration,
    /// By how much the share of failed runs may be above that of the version before.
    pub error_rate_above: Share,
    /// How long its 95th percentile may take, in percent of that of the version before;
    /// nothing where that does not count.
    pub slower_than: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            min_runs: 20,
            window: Duration::from_secs(900),
            error_rate_above: Share::FIVE_PERCENT,
            slower_than: Some(150),
        }
    }
}

/// What became of the runs of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Runs that have ended or wait for a person.
    pub ended: u64,
    /// Those that failed, wait for a person, or were undone.
    pub failed: u64,
    /// How long 95% of those that succeeded took at most.
    pub p95: Option<Duration>,
}

impl Sample {
    /// Hundredths of a percent.
    fn error_rate(&self) -> u64 {
        match self.ended {
            0 => 0,
            ended => self.failed * 10_000 / ended,
        }
    }

    fn told(&self) -> String {
        let rate = self.error_rate();
        format!(
            "{}.{:02}% of {} runs failed",
            rate / 100,
            rate % 100,
            self.ended
        )
    }
}

/// Why the share is taken back, if it is.
pub(super) fn verdict(limits: &Limits, before: &Sample, new: &Sample) -> Option<String> {
    if new.ended < u64::from(limits.min_runs) || new.ended == 0 {
        return None;
    }
    let allowed = before.error_rate() + u64::from(limits.error_rate_above.hundredths());
    if new.error_rate() > allowed {
        return Some(format!(
            "errors: {}, before it {}; {} more are allowed",
            new.told(),
            before.told(),
            limits.error_rate_above
        ));
    }
    // A handful of runs says nothing about how long they take.
    if before.ended < u64::from(limits.min_runs) {
        return None;
    }
    let (percent, before, new) = (limits.slower_than?, before.p95?, new.p95?);
    let allowed = before.saturating_mul(percent) / 100;
    let is_slower = new > allowed && new.saturating_sub(before) > NOISE;
    is_slower.then(|| {
        format!(
            "latency: 95% of its runs took up to {}, before it {}; {percent}% of that are allowed",
            format_duration(new),
            format_duration(before)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ended: u64, failed: u64, p95: u64) -> Sample {
        Sample {
            ended,
            failed,
            p95: Some(Duration::from_millis(p95)),
        }
    }

    fn judged(before: Sample, new: Sample) -> Option<String> {
        verdict(&Limits::default(), &before, &new)
    }

    #[test]
    fn errors_beyond_those_of_the_version_before_take_the_share_back() {
        let before = sample(1_000, 20, 500);
        assert_eq!(judged(before, sample(100, 7, 500)), None, "2% and 5% more");
        let reason = judged(before, sample(100, 8, 500)).unwrap();
        assert_eq!(
            reason,
            "errors: 8.00% of 100 runs failed, before it 2.00% of 1000 runs failed; 5% more are allowed"
        );
        assert_eq!(judged(before, sample(19, 19, 500)), None, "too few");
        assert!(judged(Sample::default(), sample(20, 2, 500)).is_some());
    }

    #[test]
    fn latency_beyond_that_of_the_version_before_takes_the_share_back() {
        let before = sample(1_000, 0, 1_000);
        assert_eq!(judged(before, sample(50, 0, 1_500)), None);
        let reason = judged(before, sample(50, 0, 1_501)).unwrap();
        assert!(reason.starts_with("latency: "), "{reason}");
        let quick = sample(1_000, 0, 10);
        assert_eq!(judged(quick, sample(50, 0, 100)), None, "nobody notices");
        assert_eq!(
            judged(sample(5, 0, 10), sample(50, 0, 9_000)),
            None,
            "too few"
        );
        let calm = Limits {
            slower_than: None,
            ..Limits::default()
        };
        assert_eq!(verdict(&calm, &before, &sample(50, 0, 9_000)), None);
    }
}
