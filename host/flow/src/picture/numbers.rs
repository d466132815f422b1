//! Numbers of running and finished runs, put on a picture.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Numbers by the key of a step ([`Shown::key`](super::Shown)).
pub type Numbers = BTreeMap<String, StepNumbers>;

/// How often a step was run in the time that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepNumbers {
    /// Runs that are at it now.
    #[serde(default)]
    pub now: u64,
    /// Runs that have ended it, in whatever way.
    #[serde(default)]
    pub done: u64,
    /// Those of them for which it failed.
    #[serde(default)]
    pub failed: u64,
}

impl StepNumbers {
    /// The share that failed, such as `0.4%`; nothing if none did.
    pub fn error_rate(&self) -> Option<String> {
        if self.failed == 0 || self.done == 0 {
            return None;
        }
        // In tenths of a percent, rounded up so that no failure looks like none.
        let tenths = (u128::from(self.failed) * 1_000).div_ceil(u128::from(self.done));
        Some(match tenths % 10 {
            0 => format!("{}%", tenths / 10),
            rest => format!("{}.{rest}%", tenths / 10),
        })
    }

    /// All of it as words.
    pub fn words(&self) -> String {
        let rate = self.error_rate().map(|rate| format!(", {rate} failed"));
        format!(
            "{} at it now, {} done{}",
            self.now,
            self.done,
            rate.unwrap_or_default()
        )
    }
}

/// A count in few characters: `950`, `1.2k`, `34k`, `5.6M`.
pub(super) fn short(count: u64) -> String {
    for (size, unit) in [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if count >= size {
            let tenths = count / (size / 10);
            return if tenths < 100 {
                format!("{}.{}{unit}", tenths / 10, tenths % 10)
            } else {
                format!("{}{unit}", tenths / 10)
            };
        }
    }
    count.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_short() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (1_299, "1.2k"),
            (34_567, "34k"),
            (5_600_000, "5.6M"),
            (7_000_000_000, "7.0G"),
        ];
        for (count, expected) in cases {
            assert_eq!(short(count), expected);
        }
    }

    #[test]
    fn a_failure_is_never_rounded_away() {
        let rate = |failed, done| {
            StepNumbers {
                now: 0,
                done,
                failed,
            }
            .error_rate()
        };
        assert_eq!(rate(0, 10), None);
        assert_eq!(rate(1, 1_000_000).unwrap(), "0.1%");
        assert_eq!(rate(1, 3).unwrap(), "33.4%");
        assert_eq!(rate(u64::MAX, u64::MAX).unwrap(), "100%");
        assert_eq!(rate(5, 0), None, "nothing is divided by nothing");
    }
}
