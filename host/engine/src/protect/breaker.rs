//! A circuit breaker: closed, open, half-open. Pure: time is an argument.
//!
//! It opens when too many of the last calls failed. Open, it lets nothing through.
//! After its cooldown it is half-open: one call is let through, and what becomes of it
//! closes the breaker or opens it again.

use dowel_core::code::run::CALL_NO_INSTANCE;
use dowel_core::connection::BreakerLimits;
use dowel_core::{ErrorKind, StepError, Timestamp};
use std::collections::VecDeque;

/// 100% in the unit of [`BreakerLimits::errors`].
const WHOLE: u64 = 10_000;

/// What an attempt says about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answers, be it with a refusal.
    Alive,
    /// It does not answer.
    Failing,
    /// Nothing: the attempt was not made, or broke on this side.
    Unknown,
}

impl Health {
    /// What the error of an attempt says, `None` for a success. A business error or a
    /// `429` is an answer; an answer that nobody can tell the effect of is none.
    pub(crate) fn of(error: Option<&StepError>) -> Self {
        // This host had no room for another instance.
        if error.is_some_and(|error| error.code == CALL_NO_INSTANCE.to_string()) {
            return Self::Unknown;
        }
        match error.map(|error| error.kind) {
            Some(ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::UnknownOutcome) => {
                Self::Failing
            }
            Some(ErrorKind::Internal) => Self::Unknown,
            _ => Self::Alive,
        }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// Nothing goes through.
    Open,
    /// One call is let through to try.
    HalfOpen,
}

impl BreakerState {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The leave to make one call, given back with what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Results of calls from before the last change say nothing about what came after.
    epoch: u64,
}

#[derive(Clone, Debug)]
enum Phase {
    Closed {
        /// The last calls, `true` for one that failed.
        last: VecDeque<bool>,
    },
    Open {
        since: Timestamp,
    },
    HalfOpen {
        probing: bool,
    },
}

/// The breaker of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    limits: BreakerLimits,
    phase: Phase,
    epoch: u64,
}

impl Breaker {
    /// A closed breaker that has seen nothing.
    pub(crate) const fn new(limits: BreakerLimits) -> Self {
        let last = VecDeque::new();
        Self {
            limits,
            phase: Phase::Closed { last },
            epoch: 0,
        }
    }

    /// Where it stands.
    pub(crate) const fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// When it lets a call through to try, if it is open.
    pub(crate) fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.phase {
            // A clock that was put back must not keep it open for longer.
            Phase::Open { since } => Some(since.min(now).plus(self.limits.cooldown)),
            _ => None,
        }
    }

    /// Whether a call that is being tried has not ended yet.
    pub(crate) const fn is_trying(&self) -> bool {
        matches!(self.phase, Phase::HalfOpen { probing: true })
    }

    /// Asks for the leave to make a call. Refused until the time in the error; `None`
    /// there: until the call that is being tried has ended.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Result<Pass, Option<Timestamp>> {
        if let Phase::Open { since } = &mut self.phase {
            *since = (*since).min(now);
            let until = since.plus(self.limits.cooldown);
            if now < until {
                return Err(Some(until));
            }
            self.enter(Phase::HalfOpen { probing: false });
        }
        match &mut self.phase {
            Phase::HalfOpen { probing: true } => return Err(None),
            Phase::HalfOpen { probing } => *probing = true,
            _ => {}
        }
        Ok(Pass { epoch: self.epoch })
    }

    /// Takes back a pass with what became of its call.
    pub(crate) fn record(&mut self, pass: Pass, health: Health, now: Timestamp) {
        if pass.epoch != self.epoch {
            return;
        }
        match (&mut self.phase, health) {
            (Phase::Closed { last }, Health::Alive | Health::Failing) => {
                last.push_back(health == Health::Failing);
                let of = usize::try_from(self.limits.of).unwrap_or(usize::MAX);
                if last.len() > of {
                    last.pop_front();
                }
                let failed = last.iter().filter(|failed| **failed).count() as u64;
                let of = u64::from(self.limits.of);
                if last.len() as u64 == of && failed * WHOLE >= u64::from(self.limits.errors) * of {
                    self.enter(Phase::Open { since: now });
                }
            }
            (Phase::HalfOpen { .. }, Health::Alive) => {
                let last = VecDeque::new();
                self.enter(Phase::Closed { last });
            }
            (Phase::HalfOpen { .. }, Health::Failing) => self.enter(Phase::Open { since: now }),
            // The next one tries.
            (Phase::HalfOpen { probing }, Health::Unknown) => *probing = false,
            (Phase::Closed { .. }, Health::Unknown) | (Phase::Open { .. }, _) => {}
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::code::run::EGRESS_CONNECT;
    use proptest::prelude::*;
    use std::time::Duration;

    const COOLDOWN: u64 = 60_000;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn breaker(errors: u16, of: u32) -> Breaker {
        Breaker::new(BreakerLimits {
            errors,
            of,
            cooldown: Duration::from_millis(COOLDOWN),
        })
    }

    fn call(breaker: &mut Breaker, now: u64, health: Health) {
        let pass = breaker.admit(at(now)).unwrap();
        breaker.record(pass, health, at(now));
    }

    #[test]
    fn half_of_the_last_four_open_it() {
        let mut breaker = breaker(5_000, 4);
        for health in [Health::Failing, Health::Alive, Health::Failing] {
            call(&mut breaker, 0, health);
            assert_eq!(breaker.state(), BreakerState::Closed, "too few calls");
        }
        call(&mut breaker, 7, Health::Unknown);
        assert_eq!(breaker.state(), BreakerState::Closed, "no result");
        call(&mut breaker, 7, Health::Alive);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.admit(at(8)), Err(Some(at(7 + COOLDOWN))));
    }

    #[test]
    fn the_probe_decides() {
        for (health, state) in [
            (Health::Alive, BreakerState::Closed),
            (Health::Failing, BreakerState::Open),
            (Health::Unknown, BreakerState::HalfOpen),
        ] {
            let mut breaker = breaker(10_000, 1);
            call(&mut breaker, 0, Health::Failing);
            let probe = breaker.admit(at(COOLDOWN)).unwrap();
            assert_eq!(breaker.admit(at(COOLDOWN)), Err(None), "only one");
            breaker.record(probe, health, at(COOLDOWN));
            assert_eq!(breaker.state(), state);
        }
    }

    #[test]
    fn results_from_before_a_change_count_for_nothing() {
        let mut breaker = breaker(10_000, 1);
        let late = breaker.admit(at(0)).unwrap();
        call(&mut breaker, 0, Health::Failing);
        let probe = breaker.admit(at(COOLDOWN)).unwrap();
        breaker.record(late, Health::Failing, at(COOLDOWN));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.record(probe, Health::Alive, at(COOLDOWN));
        breaker.record(late, Health::Failing, at(COOLDOWN));
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_keep_it_open() {
        let mut breaker = breaker(10_000, 1);
        call(&mut breaker, 10_000_000, Health::Failing);
        assert_eq!(breaker.admit(at(5)), Err(Some(at(5 + COOLDOWN))));
        assert!(breaker.admit(at(5 + COOLDOWN)).is_ok());
    }

    #[test]
    fn what_counts() {
        use ErrorKind::{Internal, RateLimited, Rejected, Timeout, Unavailable, UnknownOutcome};
        let of = |kind| Health::of(Some(&StepError::host(kind, EGRESS_CONNECT, "m")));
        for kind in [Unavailable, Timeout, UnknownOutcome] {
            assert_eq!(of(kind), Health::Failing);
        }
        for kind in [RateLimited, Rejected] {
            assert_eq!(of(kind), Health::Alive);
        }
        assert_eq!(of(Internal), Health::Unknown);
        let no_room = StepError::host(Unavailable, CALL_NO_INSTANCE, "m");
        assert_eq!(Health::of(Some(&no_room)), Health::Unknown);
        assert_eq!(Health::of(None), Health::Alive);
    }

    proptest! {
        /// Whatever happens in whatever order: while it is open nothing goes through
        /// before the cooldown, never more than one call tries at a time, it opens only
        /// on enough failures, and it closes only by a call that was let through to try.
        #[test]
        fn it_keeps_its_promises(
            errors in 1_u16..=10_000,
            of in 1_u32..8,
            steps in prop::collection::vec((0_u64..40_000, 0_usize..6, 0_u8..4), 1..200),
        ) {
            let mut breaker = breaker(errors, of);
            let mut out: Vec<(Pass, bool)> = Vec::new();
            let mut opened = 0;
            let mut now = 0;
            for (passed, which, what) in steps {
                now += passed;
                let before = breaker.state();
                if what == 0 {
                    match breaker.admit(at(now)) {
                        Ok(pass) => {
                            let probe = breaker.state() == BreakerState::HalfOpen;
                            if before == BreakerState::Open {
                                prop_assert!(now >= opened + COOLDOWN);
                            }
                            let trying = out.iter().filter(|(p, probe)| *probe && p.epoch == pass.epoch);
                            prop_assert!(!probe || trying.count() == 0, "two try at a time");
                            out.push((pass, probe));
                        }
                        Err(until) => prop_assert!(until.is_none_or(|until| until > at(now))),
                    }
                } else if !out.is_empty() {
                    let health = [Health::Alive, Health::Failing, Health::Unknown][usize::from(what) - 1];
                    let (pass, probe) = out.remove(which % out.len());
                    breaker.record(pass, health, at(now));
                    match (before, breaker.state()) {
                        (BreakerState::Closed, BreakerState::Open) => prop_assert_ne!(health, Health::Unknown),
                        (BreakerState::HalfOpen, BreakerState::Open) => prop_assert!(probe && health == Health::Failing),
                        (BreakerState::HalfOpen, BreakerState::Closed) => prop_assert!(probe && health == Health::Alive),
                        (a, b) => prop_assert_eq!(a, b),
                    }
                    if before != BreakerState::Open && breaker.state() == BreakerState::Open {
                        opened = now;
                    }
                }
            }
        }
    }
}
