//! `docs/run-states.md` and the transition function say the same: every status is
//! combined with every event, and what is legal is what the diagram shows.

use crate::support::*;
use dowel_core::journal::{CallArguments, Entry, Event, HoldReason, RunCreated, VERSION};
use dowel_core::manifest::Effect;
use dowel_core::{Digest, ErrorKind, RunId, SendRecord, StepError, StepPath, Timestamp};
use dowel_engine::state::{RunState, RunStatus};
use std::collections::{BTreeMap, BTreeSet};

fn path(name: &str) -> StepPath {
    serde_json::from_str(&format!("\"{name}\"")).unwrap()
}

fn arguments() -> CallArguments {
    CallArguments {
        connection: "erp".parse().unwrap(),
        operation: "create".parse().unwrap(),
        effect: Effect::Write,
        input: json("{}"),
        idempotency_key: "k".to_owned(),
    }
}

fn error() -> StepError {
    StepError {
        kind: ErrorKind::Unavailable,
        code: "x".to_owned(),
        message: "m".to_owned(),
        details: None,
        retry_after_ms: None,
        place: None,
    }
}

fn failed(name: &str, attempt: u32, call: Option<CallArguments>) -> Event {
    let at = Timestamp::from_millis(1);
    Event::AttemptFailed {
        path: path(name),
        attempt,
        error: error(),
        sent: SendRecord::Sent,
        started_at: at,
        retry_at: at,
        call,
    }
}

/// Every kind of event, in forms that fit the sample states below.
fn events() -> Vec<(&'static str, Event)> {
    let at = Timestamp::from_millis(1);
    let intended = |name, attempt, call| Event::CallIntended {
        path: path(name),
        attempt,
        call,
    };
    let held = |name, attempt, call| Event::CallHeld {
        path: path(name),
        attempt,
        reason: HoldReason::Breaker,
        until: None,
        call,
    };
    let succeeded = |name, attempt, call| Event::CallSucceeded {
        path: path(name),
        attempt,
        started_at: at,
        result: json("{}"),
        output: None,
        call,
    };
    vec![
        ("step-skipped", Event::StepSkipped { path: path("new") }),
        ("call-intended", intended("new", 1, Some(arguments()))),
        ("call-intended", intended("retry", 2, None)),
        ("attempt-failed", failed("new", 1, Some(arguments()))),
        ("attempt-failed", failed("open", 1, None)),
        ("attempt-failed", failed("retry", 2, None)),
        ("call-held", held("new", 1, Some(arguments()))),
        ("call-held", held("retry", 2, None)),
        ("call-succeeded", succeeded("new", 1, Some(arguments()))),
        ("call-succeeded", succeeded("open", 1, None)),
        (
            "step-failed",
            Event::StepFailed {
                path: path("new"),
                attempt: None,
                error: error(),
            },
        ),
        (
            "value-set",
            Event::ValueSet {
                path: path("new"),
                value: json("{}"),
            },
        ),
        (
            "branch-taken",
            Event::BranchTaken {
                path: path("new"),
                case: None,
            },
        ),
        (
            "loop-entered",
            Event::LoopEntered {
                path: path("new"),
                items: json("[1]"),
            },
        ),
        (
            "item-ended",
            Event::ItemEnded {
                path: path("loop"),
                index: 0,
                result: json("1"),
            },
        ),
        (
            "block-ended",
            Event::BlockEnded {
                path: path("branch"),
                result: json("1"),
            },
        ),
        (
            "emitted",
            Event::Emitted {
                path: path("new"),
                id: "i".to_owned(),
                event_type: "t".to_owned(),
                data: json("1"),
            },
        ),
        (
            "succeeded",
            Event::Succeeded {
                output: json("1"),
                returned_by: None,
            },
        ),
        (
            "failed",
            Event::Failed {
                error: error(),
                path: None,
            },
        ),
        (
            "parked",
            Event::Parked {
                error: error(),
                path: None,
            },
        ),
    ]
}

fn created() -> Event {
    let run = RunId::new(Timestamp::from_millis(1), [1; 10]);
    Event::Created(RunCreated {
        run,
        flow: "test".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        plan: Digest::of(""),
        commit: None,
        connectors: BTreeMap::new(),
        mapping: Digest::of(""),
        trigger: "manual".to_owned(),
        payload: json("{}"),
        event: json("{}"),
        env: json("{}"),
        dedupe_key: None,
        generation: 1,
        traceparent: None,
    })
}

fn fold(events: Vec<Event>) -> RunState {
    let entries: Vec<Entry> = (0..)
        .zip(events)
        .map(|(seq, event)| Entry {
            v: VERSION,
            seq,
            at: Timestamp::from_millis(seq),
            event,
        })
        .collect();
    RunState::fold(&entries).unwrap()
}

/// States in each status, with a loop and a branch to end where there can be.
fn samples() -> Vec<RunState> {
    let blocks = || {
        vec![
            created(),
            Event::LoopEntered {
                path: path("loop"),
                items: json("[1]"),
            },
            Event::BranchTaken {
                path: path("branch"),
                case: None,
            },
        ]
    };
    let with = |more: Vec<Event>| fold(blocks().into_iter().chain(more).collect());
    let open = Event::CallIntended {
        path: path("open"),
        attempt: 1,
        call: Some(arguments()),
    };
    let open_retry = Event::CallIntended {
        path: path("retry"),
        attempt: 1,
        call: Some(arguments()),
    };
    vec![
        fold(vec![created()]),
        with(vec![]),
        with(vec![open.clone()]),
        with(vec![open, open_retry, failed("retry", 1, None)]),
        with(vec![failed("retry", 1, Some(arguments()))]),
        with(vec![Event::Succeeded {
            output: json("1"),
            returned_by: None,
        }]),
        with(vec![Event::Failed {
            error: error(),
            path: None,
        }]),
        with(vec![Event::Parked {
            error: error(),
            path: None,
        }]),
    ]
}

/// The diagram, from the transition function.
fn diagram() -> String {
    let mut arrows: BTreeMap<(usize, usize), BTreeSet<&str>> = BTreeMap::new();
    let order = |status: RunStatus| {
        RunStatus::ALL
            .iter()
            .position(|other| *other == status)
            .unwrap()
    };
    for state in samples() {
        for (name, event) in events() {
            let mut after = state.clone();
            let entry = Entry {
                v: VERSION,
                seq: state.next_seq,
                at: state.updated_at,
                event,
            };
            if after.apply(&entry).is_ok() {
                arrows
                    .entry((order(state.status), order(after.status)))
                    .or_default()
                    .insert(name);
            }
        }
    }
    let mut text = String::from("stateDiagram-v2\n    [*] --> pending: created\n");
    for ((from, to), events) in arrows {
        let names: Vec<&str> = events.into_iter().collect();
        let (from, to) = (RunStatus::ALL[from], RunStatus::ALL[to]);
        text.push_str(&format!(
            "    {} --> {}: {}\n",
            from.name(),
            to.name(),
            names.join(", ")
        ));
        assert!(!from.is_at_rest(), "a run at rest was moved");
    }
    for status in RunStatus::ALL
        .into_iter()
        .filter(|status| status.is_at_rest())
    {
        text.push_str(&format!("    {} --> [*]\n", status.name()));
    }
    text
}

#[test]
fn the_page_shows_what_the_code_does() {
    let page = format!(
        "# Where a run stands\n\n\
         Each arrow names the journal events that move a run along it. Every other event is refused.\n\
         A run at rest is moved only by a person. The page is made by a test of the engine:\n\
         `UPDATE_EXPECT=1 cargo test -p dowel-engine diagram`.\n\n\
         ```mermaid\n{}```\n",
        diagram()
    );
    expect_test::expect_file!["../../../../docs/run-states.md"].assert_eq(&page);
}
