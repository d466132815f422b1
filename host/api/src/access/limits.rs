//! Slows down who guesses: by address and by account.

use dowel_core::Timestamp;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Failures are forgotten when there was none for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// Failures that cost nothing: people mistype.
const FREE_BY_ADDRESS: u32 = 10;
const FREE_BY_ACCOUNT: u32 = 30;

/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The most addresses and accounts that are remembered: about a megabyte.
const MOST: usize = 10_000;

/// Who tries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Account(String),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
    blocked_until: Timestamp,
}

/// Failed attempts, in memory alone: a restart forgets them.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<HashMap<Who, Failures>>);

/// One site of IPv6 is one address here: who has one has 2^64 of them.
fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn both(address: Option<IpAddr>, account: Option<&str>) -> impl Iterator<Item = (Who, u32)> {
    let address = address.map(|address| (Who::Address(site(address)), FREE_BY_ADDRESS));
    let account = account.map(|id| (Who::Account(id.to_owned()), FREE_BY_ACCOUNT));
    address.into_iter().chain(account)
}

impl Limits {
    /// How long an attempt has to wait; nothing if it may be made now.
    pub(crate) fn wait(
        &self,
        address: Option<IpAddr>,
        account: Option<&str>,
        now: Timestamp,
    ) -> Option<Duration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = both(address, account).filter_map(|(who, _)| {
            let failures = known.get(&who)?;
            Some(failures.blocked_until.since(now)).filter(|wait| !wait.is_zero())
        });
        waits.max()
    }

    /// An attempt has failed.
    pub(crate) fn failed(&self, address: Option<IpAddr>, account: Option<&str>, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, failures| now.since(failures.last) < FORGOTTEN_AFTER);
        }
        for (who, free) in both(address, account) {
            if known.len() >= MOST && !known.contains_key(&who) {
                // So many at once are an attack on the memory; the others are kept.
                continue;
            }
            let fresh = Failures {
                count: 0,
                last: now,
                blocked_until: now,
            };
            let failures = known.entry(who).or_insert(fresh);
            if now.since(failures.last) >= FORGOTTEN_AFTER {
                *failures = fresh;
            }
            failures.count += 1;
            failures.last = now;
            if let Some(over) = failures.count.checked_sub(free + 1) {
                let wait = FIRST_WAIT.saturating_mul(1 << over.min(10));
                failures.blocked_until = now.plus(wait.min(LONGEST_WAIT));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000 + seconds * 1_000)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_waits_longer_with_each_failure() {
        let limits = Limits::default();
        let home = address("192.0.2.7");
        for _ in 0..FREE_BY_ADDRESS {
            limits.failed(home, None, at(0));
        }
        assert_eq!(limits.wait(home, None, at(0)), None);
        limits.failed(home, None, at(0));
        assert_eq!(limits.wait(home, None, at(0)), Some(Duration::from_secs(5)));
        assert_eq!(limits.wait(home, None, at(5)), None);
        limits.failed(home, None, at(5));
        assert_eq!(
            limits.wait(home, None, at(5)),
            Some(Duration::from_secs(10))
        );
        assert_eq!(limits.wait(address("192.0.2.8"), None, at(5)), None);
        for _ in 0..50 {
            limits.failed(home, None, at(5));
        }
        assert_eq!(limits.wait(home, None, at(5)), Some(LONGEST_WAIT));
        limits.failed(home, None, at(5 + 2 * 900));
        assert_eq!(limits.wait(home, None, at(5 + 2 * 900)), None, "forgotten");
    }

    #[test]
    fn an_account_waits_wherever_the_attempts_come_from() {
        let limits = Limits::default();
        for n in 0..=FREE_BY_ACCOUNT {
            let from = address(&format!("192.0.2.{n}"));
            limits.failed(from, Some("0a1b"), at(0));
        }
        let elsewhere = address("198.51.100.1");
        assert!(limits.wait(elsewhere, Some("0a1b"), at(0)).is_some());
        assert_eq!(limits.wait(elsewhere, Some("ffff"), at(0)), None);
    }

    #[test]
    fn a_site_of_ipv6_is_one_address() {
        let limits = Limits::default();
        for n in 0..=FREE_BY_ADDRESS {
            limits.failed(address(&format!("2001:db8:1:2::{n:x}")), None, at(0));
        }
        assert!(
            limits
                .wait(address("2001:db8:1:2:9::1"), None, at(0))
                .is_some()
        );
        assert_eq!(limits.wait(address("2001:db8:1:3::1"), None, at(0)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let limits = Limits::default();
        for n in 0..MOST + 10 {
            let n = u32::try_from(n).unwrap();
            limits.failed(Some(IpAddr::V4(n.into())), None, at(0));
        }
        assert_eq!(limits.0.lock().unwrap().len(), MOST);
        limits.failed(address("192.0.2.7"), None, at(3_600));
        assert_eq!(limits.0.lock().unwrap().len(), 1);
    }
}
