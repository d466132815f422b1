//! Whether a curve has become flat.

use serde::Serialize;

/// One look at the machine.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Runs that were accepted so far.
    pub(crate) runs: u64,
    /// Seconds since the beginning.
    pub(crate) seconds: f64,
    /// What the data folder takes on the disk.
    pub(crate) disk_bytes: u64,
    /// What the process holds in memory.
    pub(crate) rss_bytes: u64,
}

/// How much higher than the early part of the plateau the late part may be: segments of
/// the log come and go, and allocators keep a little more over time.
const ALLOWED_GROWTH_PERCENT: u64 = 15;

/// Differences below this are the size of a few segments and of pages in caches.
const NOISE_BYTES: u64 = 16 << 20;

/// The rule, as it is printed.
pub(crate) const RULE: &str = "once twice as many runs have ended as retention keeps, \
    the highest value of the last third may be at most 1.15 times the highest value of the \
    first third, or 16 MiB more";

/// One curve's verdict.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Plateau {
    /// The highest value in the first third.
    pub(crate) early: u64,
    /// The highest value in the last third.
    pub(crate) late: u64,
    /// What the late value may be.
    pub(crate) limit: u64,
    /// Whether the curve is flat.
    pub(crate) is_flat: bool,
}

/// Judges the samples from `full` runs on; nothing if there are too few.
pub(crate) fn judge(
    samples: &[Sample],
    full: u64,
    value: impl Fn(&Sample) -> u64,
) -> Option<Plateau> {
    let values: Vec<u64> = samples
        .iter()
        .filter(|sample| sample.runs >= full)
        .map(value)
        .collect();
    let third = values.len() / 3;
    let early = *values.get(..third)?.iter().max()?;
    let late = *values.get(values.len() - third..)?.iter().max()?;
    let limit = early + (early / 100 * ALLOWED_GROWTH_PERCENT).max(NOISE_BYTES);
    Some(Plateau {
        early,
        late,
        limit,
        is_flat: late <= limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(values: &[u64]) -> Option<bool> {
        let samples: Vec<Sample> = (0..)
            .zip(values)
            .map(|(runs, mib)| Sample {
                runs,
                seconds: 0.0,
                disk_bytes: mib << 20,
                rss_bytes: 0,
            })
            .collect();
        judge(&samples, 3, |sample| sample.disk_bytes).map(|plateau| plateau.is_flat)
    }

    #[test]
    fn flat_and_growing_curves_are_told_apart() {
        assert_eq!(
            verdict(&[1, 50, 90, 200, 210, 190, 205, 199, 215]),
            Some(true)
        );
        assert_eq!(
            verdict(&[1, 50, 90, 200, 210, 220, 230, 240, 250]),
            Some(false)
        );
        assert_eq!(verdict(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), Some(true), "noise");
        assert_eq!(verdict(&[1, 2, 3, 4]), None);
    }
}
