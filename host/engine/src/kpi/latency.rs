//! Times in buckets, each a fifth wider than the one before it.

use std::time::Duration;

/// Buckets for each doubling of the time.
const PER_DOUBLING: f64 = 4.0;

/// Buckets: up to about 50 days.
const BUCKETS: usize = 128;

/// How many times fell into each bucket. Takes room only once there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency(Option<Box<[u32; BUCKETS]>>);

fn bucket(took: Duration) -> usize {
    let millis = took.as_secs_f64() * 1_000.0;
    let index = (millis.max(1.0).log2() * PER_DOUBLING).floor();
    // Not negative, and clipped before it is converted.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = index.min(BUCKETS as f64 - 1.0) as usize;
    index
}

/// The upper edge of a bucket.
fn edge(bucket: usize) -> Duration {
    let millis = ((bucket + 1) as f64 / PER_DOUBLING).exp2();
    Duration::from_secs_f64(millis / 1_000.0)
}

impl Latency {
    pub(super) fn add(&mut self, took: Duration) {
        let counts = self.0.get_or_insert_with(|| Box::new([0; BUCKETS]));
        let count = &mut counts[bucket(took)];
        *count = count.saturating_add(1);
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        let Some(others) = &other.0 else { return };
        let counts = self.0.get_or_insert_with(|| Box::new([0; BUCKETS]));
        for (count, other) in counts.iter_mut().zip(others.iter()) {
            *count = count.saturating_add(*other);
        }
    }

    /// The time that a share of the runs did not exceed, up to a fifth too long; none
    /// without runs.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let counts = self.0.as_ref()?;
        let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let wanted = share * all as f64;
        let mut seen = 0_u64;
        let index = counts.iter().position(|count| {
            seen += u64::from(*count);
            seen > 0 && seen as f64 >= wanted
        });
        index.map(edge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_a_fifth_too_long_at_most() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(0.5), None);
        for millis in 1..=1_000 {
            latency.add(Duration::from_millis(millis));
        }
        for (share, exact) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = latency.quantile(share).unwrap().as_secs_f64() * 1_000.0;
            assert!((exact..=exact * 1.2).contains(&found), "{share}: {found}");
        }
        let mut both = Latency::default();
        both.add(Duration::ZERO);
        both.add(Duration::from_secs(u64::MAX / 2_000));
        both.add_all(&latency);
        assert!(both.quantile(1.0).unwrap() > Duration::from_secs(86_400));
    }
}
