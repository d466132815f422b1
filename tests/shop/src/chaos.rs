//! Seeded trouble for load tests. What happens to a request depends on the seed, the
//! route, its subject and how often that subject was asked for, and on nothing else:
//! the same seed gives the same trouble however requests interleave.

use crate::switches::{Route, Silence, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Probabilities between 0 and 1, drawn for each request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chaos {
    /// The seed.
    pub seed: u64,
    /// Answer 429 with `Retry-After: 0`.
    pub rate_limited: f64,
    /// Answer 500.
    pub broken: f64,
    /// Let the request take effect and cut the connection.
    pub silent: f64,
    /// The longest extra latency; each request gets an even share of it.
    pub latency_ms: u64,
}

impl Chaos {
    /// What happens to the `nth` request for this subject.
    pub(crate) fn verdict(&self, route: Route, subject: &str, nth: u64) -> Verdict {
        let mut dice = Dice::new(self.seed, route, subject, nth);
        let latency = Duration::from_millis(self.latency_ms).mul_f64(dice.roll());
        let roll = dice.roll();
        let mut verdict = Verdict {
            latency,
            ..Verdict::default()
        };
        if roll < self.rate_limited {
            verdict.refuse(429, Some(0));
        } else if roll < self.rate_limited + self.broken {
            verdict.refuse(500, None);
        } else if roll < self.rate_limited + self.broken + self.silent {
            verdict.silence = Some(Silence::Drop);
        }
        verdict
    }
}

/// Even numbers from a seed: FNV-1a over the request, then SplitMix64.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, route: Route, subject: &str, nth: u64) -> Self {
        const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const FNV_PRIME: u64 = 0x0100_0000_01b3;
        let bytes = [route as u8]
            .into_iter()
            .chain(subject.bytes())
            .chain(nth.to_le_bytes());
        let hash = bytes.fold(FNV_OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        });
        Self(hash ^ seed.rotate_left(32))
    }

    /// At least 0 and below 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // The upper 32 bits fit a float exactly.
        f64::from(u32::try_from(z >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(seed: u64) -> Vec<bool> {
        let chaos = Chaos {
            seed,
            broken: 0.2,
            ..Chaos::default()
        };
        (0..1000)
            .map(|n| {
                let verdict = chaos.verdict(Route::ErpCreate, &format!("k{n}"), 0);
                verdict.refusal.is_some()
            })
            .collect()
    }

    #[test]
    fn a_seed_repeats_and_keeps_the_probability() {
        assert_eq!(refused(1), refused(1));
        assert_ne!(refused(1), refused(2));
        let share = refused(3).iter().filter(|r| **r).count();
        assert!((120..280).contains(&share), "{share} of 1000 at 20 %");
    }

    #[test]
    fn repeated_requests_are_drawn_anew() {
        let chaos = Chaos {
            silent: 0.5,
            ..Chaos::default()
        };
        let drops: Vec<bool> = (0..20)
            .map(|n| {
                let verdict = chaos.verdict(Route::ErpCreate, "k", n);
                verdict.silence.is_some()
            })
            .collect();
        assert!(drops.contains(&true) && drops.contains(&false));
    }
}
