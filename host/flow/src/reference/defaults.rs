//! What holds where a key is absent. Keys that are not here mean nothing then.

/// Definition, key and default.
pub(super) const DEFAULTS: &[(&str, &str, &str)] = &[
    ("FlowFile", "output", "`null`"),
    (
        "FlowFile",
        "on_failure",
        "every failure parks the run, and a person decides",
    ),
    ("FlowFile", "dedupe", "every event begins a run"),
    ("FlowFile", "concurrency", "no limit"),
    ("Sla", "resolve", "`within`, or else 24h"),
    ("Webhook", "method", "`POST`"),
    ("Webhook", "respond", "`accepted`"),
    ("Webhook", "schema", "any JSON is taken"),
    ("Webhook", "headers", "none"),
    ("Respond", "within", "`30s`"),
    ("Respond", "status", "`200`"),
    ("Respond", "body", "the run's output"),
    ("Manual", "schema", "any JSON is taken"),
    ("EventTrigger", "schema", "any data is taken"),
    ("EventTrigger", "source", "any source"),
    ("EventTrigger", "filter", "every event of the type"),
    ("Schedule", "misfire", "`once`"),
    ("Schedule", "overlap", "`queue`"),
    ("Schedule", "calendar", "every day counts"),
    ("Schedule", "jitter", "none"),
    ("Concurrency", "limit", "`1`"),
    ("Concurrency", "when_full", "`queue`"),
    ("Concurrency", "while_parked", "`hold`"),
    ("OnFailure", "compensate", "none: every failure parks"),
    ("OnFailure", "notify", "nobody by name"),
    ("Step", "if", "the step is done"),
    ("Step", "timeout", "the operation's own, or else `30s`"),
    (
        "Step",
        "idempotency_key",
        "derived from the run's event, its generation and the step",
    ),
    (
        "Step",
        "on_uncertain",
        "by the operation: `park` where its idempotency is `none`, `retry` otherwise",
    ),
    ("Step", "retry", "see [Retry](#retry)"),
    ("Step", "output", "the raw result"),
    ("ForEach", "parallel", "`1`"),
    ("ForEach", "on_item_failure", "`stop`"),
    ("Collect", "fail_above", "the loop never fails by its items"),
    ("Parallel", "join", "`all`"),
    ("Catch", "kinds", "all kinds but `unknown-outcome`"),
    ("Compensate", "if", "it is called"),
    (
        "Compensate",
        "timeout",
        "the operation's own, or else `30s`",
    ),
    (
        "Compensate",
        "idempotency_key",
        "derived from the run's event, its generation and the step",
    ),
    (
        "Compensate",
        "on_uncertain",
        "by the operation, as for a step",
    ),
    ("Compensate", "retry", "see [Retry](#retry)"),
    (
        "Retry",
        "kinds",
        "the operation's own, or else `rate-limited`, `unavailable`, `timeout`, `unknown-outcome`",
    ),
    ("Retry", "attempts", "`5`"),
    ("Retry", "delay", "`1s`"),
    ("Retry", "factor", "`2`"),
    ("Retry", "max_delay", "`1m`"),
    ("Retry", "max_elapsed", "no limit"),
    ("Retry", "jitter", "`full`"),
    ("Retry", "calendar", "every hour counts"),
    ("Approve", "decisions", "`[approved, rejected]`"),
    ("Approve", "exclude", "nobody"),
    ("Approve", "show", "nothing"),
    ("Approve", "within", "it waits for as long as it takes"),
    ("Approve", "calendar", "every hour counts"),
    ("Approve", "escalate", "nobody else is asked"),
    ("Approve", "on_timeout", "`fail`"),
    ("Approve", "on_reject", "`fail`"),
    ("TestCase", "mocks", "those of the file"),
    ("Given", "trigger", "`{}`"),
    ("Given", "via", "the flow's first trigger"),
    ("Given", "now", "`2026-01-01T00:00:00Z`"),
    ("Given", "env", "`{}`"),
    ("Given", "headers", "none"),
    ("Given", "state", "the flow's `initial` values"),
    ("GivenPayload", "via", "the flow's first trigger"),
    ("GivenPayload", "after", "at once"),
    ("GivenPayload", "headers", "those of `given`"),
    ("Answer", "code", "`mock`"),
    ("Answer", "by", "`tester`"),
    (
        "Answer",
        "sent",
        "`sent` for `timeout` and `unknown-outcome`, `answered` for the others",
    ),
    ("Answer", "after", "at once"),
    ("Answer", "times", "`1`, and the last answer repeats"),
    ("Answer", "item", "every call"),
    ("Answer", "with", "every input"),
    ("Expect", "call_order", "`listed`"),
    ("ExpectCall", "times", "`1`"),
];

/// The default of a key.
pub(super) fn of(definition: &str, key: &str) -> Option<&'static str> {
    let mut all = DEFAULTS.iter();
    all.find(|(name, of_key, _)| *name == definition && *of_key == key)
        .map(|(.., default)| *default)
}

#[cfg(test)]
mod tests {
    use super::DEFAULTS;
    use crate::shape::{Definitions, Shape};
    use crate::surface::flow::FlowFile;
    use crate::surface::test::TestFile;

    #[test]
    fn defaults_are_of_keys_that_may_be_absent() {
        let mut definitions = Definitions::default();
        FlowFile::schema(&mut definitions);
        TestFile::schema(&mut definitions);
        for (name, key, _) in DEFAULTS {
            let definition = &definitions.0[*name];
            assert!(definition["properties"][*key].is_object(), "{name}.{key}");
            let required = definition["required"].as_array().unwrap();
            assert!(!required.iter().any(|one| one == *key), "{name}.{key}");
        }
    }
}
