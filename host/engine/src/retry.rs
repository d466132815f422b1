//! What follows a failed attempt: another one, or the end of the step.

use dowel_core::code::run::UNKNOWN_OUTCOME;
use dowel_core::manifest::Idempotency;
use dowel_core::{ErrorKind, SendRecord, StepError, Timestamp, time};
use dowel_flow::plan::{Call, Jitter, OnUncertain, RetryPolicy};
use std::time::Duration;

/// What follows a failed attempt.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Another attempt, not before this time.
    Retry(Timestamp),
    /// The step has failed with this error.
    Fail(StepError),
}

/// The longest wait that an upstream may ask for: beyond it a person should know.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Decides what follows attempt number `attempt` of a call that was due first at `since`. `random` spreads the delay.
pub(crate) fn verdict(
    plan: &Call,
    attempt: u32,
    error: StepError,
    sent: SendRecord,
    since: Timestamp,
    now: Timestamp,
    random: u64,
) -> Verdict {
    if outcome_is_unknown(plan, &error, sent) {
        return Verdict::Fail(unknown_outcome(error));
    }
    by_policy(&plan.retry, attempt, error, since, now, random)
}

/// Decides by the policy alone what follows attempt number `attempt`.
pub(crate) fn by_policy(
    policy: &RetryPolicy,
    attempt: u32,
    error: StepError,
    since: Timestamp,
    now: Timestamp,
    random: u64,
) -> Verdict {
    if !policy.kinds.contains(&error.kind) || attempt >= policy.attempts {
        return Verdict::Fail(error);
    }
    let asked = error
        .retry_after_ms
        .map_or(Duration::ZERO, Duration::from_millis);
    let due = now.plus(delay(policy, attempt, random).max(asked.min(MAX_RETRY_AFTER)));
    let calendar = policy.calendar.as_ref();
    let at = calendar.and_then(|open| open.next_open(due)).unwrap_or(due);
    match policy.max_elapsed {
        Some(longest) if at > since.plus(longest) => Verdict::Fail(error),
        _ => Verdict::Retry(at),
    }
}

/// What follows when the host stopped in the middle of a call. An operation that can
/// be repeated is repeated with the same key and bytes, whatever the flow's `retry`
/// says: the restart was not the upstream's doing.
pub(crate) fn after_crash(plan: &Call, error: StepError) -> Result<StepError, StepError> {
    if is_repeatable(plan) {
        return Ok(error);
    }
    Err(unknown_outcome(error))
}

/// Whether a call whose outcome nobody knows is made again.
fn is_repeatable(plan: &Call) -> bool {
    match plan.on_uncertain {
        Some(OnUncertain::Retry) => true,
        Some(OnUncertain::Park) => false,
        None => plan.idempotency != Idempotency::None,
    }
}

/// Whether the effect may have happened and repeating it could do it twice. The
/// gateway's record decides, whatever the guest reports.
fn outcome_is_unknown(plan: &Call, error: &StepError, sent: SendRecord) -> bool {
    let ambiguous = match sent {
        SendRecord::NotSent => false,
        SendRecord::Sent => true,
        SendRecord::Answered => matches!(
            error.kind,
            ErrorKind::Unavailable
                | ErrorKind::Timeout
                | ErrorKind::UnknownOutcome
                | ErrorKind::Internal
        ),
    };
    ambiguous && !is_repeatable(plan)
}

fn unknown_outcome(cause: StepError) -> StepError {
    let message = format!(
        "the call may have taken effect and cannot be repeated safely; the attempt ended with {}: {}",
        cause.kind, cause.message
    );
    StepError {
        details: cause.details,
        ..StepError::host(ErrorKind::UnknownOutcome, UNKNOWN_OUTCOME, message)
    }
}

fn delay(policy: &RetryPolicy, attempt: u32, random: u64) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = policy.delay.as_secs_f64() * policy.factor.powi(exponent);
    let whole = Duration::try_from_secs_f64(seconds)
        .unwrap_or(Duration::MAX)
        .min(policy.max_delay);
    match policy.jitter {
        Jitter::None => whole,
        Jitter::Full => Duration::from_millis(random % (time::millis(whole).saturating_add(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::JsonText;
    use dowel_core::expression::{Needs, Program};
    use dowel_core::manifest::Effect;
    use std::sync::Arc;

    fn plan(idempotency: Idempotency, jitter: Jitter) -> Call {
        let program = Program {
            id: "p".into(),
            condition: None,
            outputs: vec![],
            needs: Needs::default(),
        };
        Call {
            connection: "erp".parse().unwrap(),
            operation: "create".parse().unwrap(),
            effect: Effect::Write,
            idempotency,
            program: Arc::new(program),
            has_key: false,
            output: None,
            input_schema: None,
            result_schema: JsonText::parse("{}").unwrap(),
            retry: RetryPolicy {
                attempts: 3,
                jitter,
                ..RetryPolicy::default()
            },
            timeout: Duration::from_secs(1),
            on_uncertain: None,
            deprecated: None,
        }
    }

    fn error(kind: ErrorKind, retry_after_ms: Option<u64>) -> StepError {
        StepError {
            kind,
            code: "x".into(),
            message: "m".into(),
            details: None,
            retry_after_ms,
            place: None,
        }
    }

    fn decide(
        idempotency: Idempotency,
        attempt: u32,
        kind: ErrorKind,
        sent: SendRecord,
    ) -> Verdict {
        verdict(
            &plan(idempotency, Jitter::None),
            attempt,
            error(kind, None),
            sent,
            Timestamp::default(),
            Timestamp::default(),
            0,
        )
    }

    const fn at(millis: u64) -> Verdict {
        Verdict::Retry(Timestamp::from_millis(millis))
    }

    #[test]
    fn no_attempt_begins_after_the_longest_time() {
        let mut plan = plan(Idempotency::Keyed, Jitter::None);
        plan.retry.max_elapsed = Some(Duration::from_secs(10));
        let check = |now, expected: Option<u64>| {
            let at = Timestamp::from_millis;
            let cause = error(ErrorKind::Unavailable, None);
            let sent = SendRecord::NotSent;
            let verdict = verdict(&plan, 1, cause.clone(), sent, at(1_000), at(now), 0);
            let expected = expected.map_or(Verdict::Fail(cause), |due| Verdict::Retry(at(due)));
            assert_eq!(verdict, expected);
        };
        // The next attempt would begin after 1 s: at the last instant, and beyond it.
        check(10_000, Some(11_000));
        check(10_001, None);
    }

    #[test]
    fn delays_grow_and_attempts_end() {
        use ErrorKind::Unavailable;
        assert_eq!(
            decide(Idempotency::Keyed, 1, Unavailable, SendRecord::Sent),
            at(1_000)
        );
        assert_eq!(
            decide(Idempotency::Keyed, 2, Unavailable, SendRecord::Sent),
            at(2_000)
        );
        let last = decide(Idempotency::Keyed, 3, Unavailable, SendRecord::Sent);
        assert_eq!(last, Verdict::Fail(error(Unavailable, None)));
        let refused = decide(
            Idempotency::Keyed,
            1,
            ErrorKind::Rejected,
            SendRecord::Answered,
        );
        assert_eq!(refused, Verdict::Fail(error(ErrorKind::Rejected, None)));
    }

    #[test]
    fn full_jitter_stays_between_nothing_and_the_delay() {
        for random in [0, 1, 1_000, 1_001, u64::MAX] {
            let verdict = verdict(
                &plan(Idempotency::Natural, Jitter::Full),
                1,
                error(ErrorKind::Timeout, None),
                SendRecord::Sent,
                Timestamp::default(),
                Timestamp::default(),
                random,
            );
            let Verdict::Retry(at) = verdict else {
                panic!("{verdict:?}")
            };
            assert!(at.as_millis() <= 1_000);
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_day() {
        for (asked, expected) in [(5_000, 5_000), (10, 1_000), (u64::MAX, 86_400_000)] {
            let error = error(ErrorKind::RateLimited, Some(asked));
            let plan = plan(Idempotency::None, Jitter::None);
            let verdict = verdict(
                &plan,
                1,
                error,
                SendRecord::Answered,
                Timestamp::default(),
                Timestamp::default(),
                0,
            );
            assert_eq!(verdict, at(expected));
        }
    }

    #[test]
    fn what_cannot_be_repeated_is_not_repeated() {
        use ErrorKind::{Internal, RateLimited, Timeout, Unavailable};
        use SendRecord::{Answered, NotSent, Sent};
        let unknown = |kind, sent| match decide(Idempotency::None, 1, kind, sent) {
            Verdict::Fail(error) => error.kind == ErrorKind::UnknownOutcome,
            Verdict::Retry(_) => false,
        };
        for (kind, sent) in [
            (Timeout, Sent),
            (RateLimited, Sent),
            (Unavailable, Answered),
            (Internal, Answered),
        ] {
            assert!(unknown(kind, sent), "{kind} {sent:?}");
        }
        for (kind, sent) in [
            (Unavailable, NotSent),
            (Timeout, NotSent),
            (RateLimited, Answered),
        ] {
            assert_eq!(
                decide(Idempotency::None, 1, kind, sent),
                at(1_000),
                "{kind} {sent:?}"
            );
        }
    }

    #[test]
    fn the_flow_has_the_last_word_about_what_is_uncertain() {
        let cases = [
            (Idempotency::None, Some(OnUncertain::Retry), true),
            (Idempotency::Keyed, Some(OnUncertain::Park), false),
            (Idempotency::Natural, Some(OnUncertain::Park), false),
            (Idempotency::None, None, false),
            (Idempotency::Keyed, None, true),
            (Idempotency::Natural, None, true),
        ];
        for (idempotency, on_uncertain, repeats) in cases {
            let mut plan = plan(idempotency, Jitter::None);
            plan.on_uncertain = on_uncertain;
            let cause = || error(ErrorKind::Timeout, None);
            let (since, now) = (Timestamp::default(), Timestamp::default());
            let verdict = verdict(&plan, 1, cause(), SendRecord::Sent, since, now, 0);
            let what = format!("{idempotency:?} {on_uncertain:?}");
            assert_eq!(matches!(verdict, Verdict::Retry(_)), repeats, "{what}");
            assert_eq!(after_crash(&plan, cause()).is_ok(), repeats, "{what}");
        }
    }

    #[test]
    fn attempts_wait_for_the_business_calendar() {
        let text = "calendar: office\ntimezone: UTC\nhours: ['09:00-17:00']\n";
        let (_, office) = dowel_flow::calendar::parse("calendars/office.yaml", text).unwrap();
        let mut plan = plan(Idempotency::Keyed, Jitter::None);
        plan.retry.calendar = Some(Arc::new(office));
        let time = |text| Timestamp::parse(text).unwrap();
        let check = |now, expected| {
            let (cause, sent) = (error(ErrorKind::Unavailable, None), SendRecord::NotSent);
            let verdict = verdict(&plan, 1, cause, sent, time(now), time(now), 0);
            assert_eq!(verdict, Verdict::Retry(time(expected)));
        };
        check("2026-03-02T10:00:00Z", "2026-03-02T10:00:01Z");
        // On a Friday evening: on Monday morning.
        check("2026-03-06T17:00:00Z", "2026-03-09T09:00:00Z");
    }
}
