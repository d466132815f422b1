//! `docs/run-states.md` and the transition function say the same: every status is
//! combined with every event, and what is legal is what the diagram shows.

use crate::fixtures;
use crate::support::*;
use dowel_core::journal::{
    Actor, ApprovalAsked, CallArguments, ChildBegan, ChildEnd, Command, Commanded, Entry,
    Escalation, Event, EventAwaited, EventReceived, FailedAttempt, HoldReason, OnExpiry, OnTimeout,
    OtherPlan, RunCreated, StopReason, VERSION,
};
use dowel_core::manifest::Effect;
use dowel_core::{Digest, ErrorKind, JsonText, RunId, SendRecord, StepError, StepPath, Timestamp};
use dowel_engine::state::{IllegalEvent, RunState, RunStatus};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn path(name: &str) -> StepPath {
    serde_json::from_str(&format!("\"{name}\"")).unwrap()
}

pub(crate) fn arguments() -> CallArguments {
    CallArguments {
        connection: "erp".parse().unwrap(),
        operation: "create".parse().unwrap(),
        effect: Effect::Write,
        input: json("{}"),
        idempotency_key: "k".to_owned(),
    }
}

pub(crate) fn error() -> StepError {
    StepError {
        kind: ErrorKind::Unavailable,
        code: "x".to_owned(),
        message: "m".to_owned(),
        details: None,
        retry_after_ms: None,
        place: None,
    }
}

pub(crate) fn failed(name: &str, attempt: u32, call: Option<CallArguments>) -> Event {
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
        (
            "queued",
            Event::Queued {
                behind: RunId::new(Timestamp::default(), [0; 10]),
            },
        ),
        ("stopped", Event::Stopped {}),
        ("step-skipped", Event::StepSkipped { path: path("new") }),
        ("call-intended", intended("new", 1, Some(arguments()))),
        ("call-intended", intended("retry", 2, None)),
        ("call-held", held("new", 1, Some(arguments()))),
        ("call-held", held("retry", 2, None)),
        ("attempt-failed", failed("new", 1, Some(arguments()))),
        ("attempt-failed", failed("open", 1, None)),
        ("attempt-failed", failed("retry", 2, None)),
        ("call-succeeded", succeeded("new", 1, Some(arguments()))),
        ("call-succeeded", succeeded("open", 1, None)),
        (
            "step-failed",
            Event::StepFailed {
                path: path("new"),
                attempt: None,
                error: error(),
                deliberate: false,
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
            "pages-entered",
            Event::PagesEntered {
                path: path("new"),
                input: json("{}"),
            },
        ),
        ("page-entered", enter_page()),
        (
            "page-ended",
            Event::PageEnded {
                path: path("pages"),
            },
        ),
        (
            "overrun",
            Event::Overrun {
                error: StepError::host(ErrorKind::Timeout, dowel_core::code::run::RUN_TIMEOUT, "m"),
            },
        ),
        (
            "item-ended",
            Event::ItemEnded {
                path: path("loop"),
                index: 0,
                result: json("1"),
                keep: false,
            },
        ),
        (
            "item-failed",
            Event::ItemFailed {
                path: path("loop"),
                index: 0,
                step: path("loop[0].x"),
                error: error(),
            },
        ),
        (
            "parallel-entered",
            Event::ParallelEntered { path: path("new") },
        ),
        (
            "branch-ended",
            Event::BranchEnded {
                path: path("fan"),
                branch: "left".parse().unwrap(),
                result: json("1"),
            },
        ),
        ("try-entered", Event::TryEntered { path: path("new") }),
        (
            "caught",
            Event::Caught {
                path: path("try"),
                clause: 0,
                step: path("broken"),
                error: error(),
            },
        ),
        (
            "wait-began",
            Event::WaitBegan {
                path: path("new"),
                until: at,
            },
        ),
        ("approval-asked", asked("new")),
        (
            "approval-escalated",
            Event::ApprovalEscalated {
                path: path("ask"),
                index: 0,
            },
        ),
        (
            "approval-expired",
            Event::ApprovalExpired { path: path("ask") },
        ),
        ("child-began", child_began("new", 1, Some(json("{}")))),
        ("child-began", child_began("again", 2, None)),
        (
            "child-replaced",
            Event::ChildReplaced {
                path: path("child"),
                attempt: 1,
                run: child_run(),
            },
        ),
        (
            "child-stopped",
            Event::ChildStopped {
                path: path("child"),
                attempt: 1,
                run: child_run(),
                reason: StopReason::Timeout,
                compensate: true,
            },
        ),
        ("child-ended", child_ended("child")),
        (
            "child-concluded",
            Event::ChildConcluded {
                path: path("ended"),
                output: None,
            },
        ),
        ("child-failed", child_failed("new", Some(json("{}")))),
        ("child-failed", child_failed("ended", None)),
        (
            "decide",
            command(Command::Decide {
                path: path("ask"),
                decision: "approved".to_owned(),
                groups: vec!["finance".to_owned()],
            }),
        ),
        ("event-awaited", awaited("new")),
        (
            "event-received",
            Event::EventReceived(EventReceived {
                path: path("receive"),
                source: "/s".to_owned(),
                id: "i".to_owned(),
                event: json("{}"),
                output: None,
            }),
        ),
        (
            "receive-expired",
            Event::ReceiveExpired {
                path: path("receive"),
            },
        ),
        (
            "state-read",
            Event::StateRead {
                values: json("{}"),
                version: 0,
            },
        ),
        (
            "state-written",
            Event::StateWritten {
                values: json("{}"),
                version: 1,
                over: None,
            },
        ),
        ("wait-ended", Event::WaitEnded { path: path("wait") }),
        (
            "compensation-began",
            Event::CompensationBegan {
                error: None,
                path: None,
                within: String::new(),
            },
        ),
        (
            "compensation-began",
            Event::CompensationBegan {
                error: None,
                path: None,
                within: "fan[left].".to_owned(),
            },
        ),
        ("compensation-ended", Event::CompensationEnded {}),
        ("compensated", Event::Compensated { error: None }),
        ("cancelled", Event::Cancelled {}),
        ("cancel", command(Command::Cancel { compensate: true })),
        ("retry", command(Command::Retry { path: None })),
        (
            "edit-input",
            command(Command::EditInput {
                path: path("broken"),
                input: json("{}"),
                idempotency_key: "k2".to_owned(),
            }),
        ),
        (
            "complete",
            command(Command::Complete {
                path: path("broken"),
                output: json("{}"),
            }),
        ),
        (
            "skip",
            command(Command::Skip {
                path: path("broken"),
            }),
        ),
        (
            "rerun",
            command(Command::Rerun {
                run: RunId::new(Timestamp::default(), [0; 10]),
            }),
        ),
        (
            "retry-on",
            command(Command::RetryOn {
                path: None,
                other: OtherPlan {
                    version: "1.0.1".parse().unwrap(),
                    plan: Digest::of("other"),
                    commit: None,
                    connectors: BTreeMap::new(),
                    mapping: Digest::of(""),
                },
            }),
        ),
        (
            "retry-item",
            command(Command::RetryItem {
                path: path("list"),
                index: 0,
            }),
        ),
        (
            "discard-item",
            command(Command::DiscardItem {
                path: path("list"),
                index: 0,
            }),
        ),
        (
            "item-repaired",
            Event::ItemRepaired {
                path: path("list"),
                index: 0,
                result: json("1"),
            },
        ),
        ("compensate", command(Command::Compensate)),
        ("discard", command(Command::Discard { keep_key: false })),
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

pub(crate) fn child_run() -> RunId {
    RunId::new(Timestamp::from_millis(2), [2; 10])
}

pub(crate) fn child_began(name: &str, attempt: u32, payload: Option<JsonText>) -> Event {
    Event::ChildBegan(ChildBegan {
        path: path(name),
        attempt,
        run: child_run(),
        flow: "child".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        plan: Digest::of(""),
        payload,
        detached: false,
    })
}

fn child_ended(name: &str) -> Event {
    Event::ChildEnded {
        path: path(name),
        attempt: 1,
        run: child_run(),
        end: ChildEnd::Succeeded { output: json("1") },
    }
}

pub(crate) fn child_failed(name: &str, payload: Option<JsonText>) -> Event {
    Event::ChildFailed {
        path: path(name),
        attempt: 1,
        error: error(),
        retry_at: Timestamp::from_millis(1),
        payload,
    }
}

pub(crate) fn asked(name: &str) -> Event {
    let at = Timestamp::from_millis(1);
    Event::ApprovalAsked(ApprovalAsked {
        path: path(name),
        title: "t".to_owned(),
        show: json("{}"),
        groups: vec!["finance".to_owned()],
        decisions: vec!["approved".to_owned()],
        exclude: Vec::new(),
        until: Some(at),
        escalations: vec![Escalation {
            at,
            groups: vec!["leads".to_owned()],
        }],
        on_expiry: OnExpiry::Fail,
        fails_on: None,
    })
}

pub(crate) fn awaited(name: &str) -> Event {
    Event::EventAwaited(EventAwaited {
        path: path(name),
        event_type: "t".to_owned(),
        receiver: Digest::of("q"),
        value: "v".to_owned(),
        until: Some(Timestamp::from_millis(1)),
        on_timeout: OnTimeout::Continue,
    })
}

pub(crate) fn command(command: Command) -> Event {
    Event::Commanded(Commanded {
        actor: Actor("ana".to_owned()),
        reason: None,
        confirmed_by: None,
        origin: None,
        bulk: None,
        command,
    })
}

pub(crate) fn created() -> Event {
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
        key_place: None,
        generation: 1,
        rerun_of: None,
        events_from: None,
        resubmitted_from: None,
        parent: None,
        synthetic: false,
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

/// States in each status, with blocks to end, a call to go on with and a failed step.
fn samples() -> Vec<RunState> {
    let broken = Event::StepFailed {
        path: path("broken"),
        attempt: Some(FailedAttempt {
            number: 1,
            sent: SendRecord::Sent,
            started_at: Timestamp::from_millis(1),
            call: Some(arguments()),
            result: None,
        }),
        error: error(),
        deliberate: false,
    };
    let blocks = || {
        vec![
            created(),
            asked("ask"),
            child_began("child", 1, Some(json("{}"))),
            child_failed("again", Some(json("{}"))),
            child_began("ended", 1, Some(json("{}"))),
            child_ended("ended"),
            awaited("receive"),
            Event::LoopEntered {
                path: path("loop"),
                items: json("[1]"),
            },
            Event::BranchTaken {
                path: path("branch"),
                case: None,
            },
            Event::ParallelEntered { path: path("fan") },
            Event::TryEntered { path: path("try") },
            Event::WaitBegan {
                path: path("wait"),
                until: Timestamp::from_millis(9),
            },
            broken.clone(),
        ]
    };
    let with = |more: Vec<Event>| fold(blocks().into_iter().chain(more).collect());
    let open = |name| Event::CallIntended {
        path: path(name),
        attempt: 1,
        call: Some(arguments()),
    };
    let compensation = |within: &str| Event::CompensationBegan {
        error: None,
        path: None,
        within: within.to_owned(),
    };
    let cancel = command(Command::Cancel { compensate: false });
    let left_behind = vec![
        created(),
        Event::LoopEntered {
            path: path("list"),
            items: json("[1]"),
        },
        Event::StepFailed {
            path: path("list[0].x"),
            attempt: None,
            error: error(),
            deliberate: false,
        },
        Event::ItemFailed {
            path: path("list"),
            index: 0,
            step: path("list[0].x"),
            error: error(),
        },
        Event::BlockEnded {
            path: path("list"),
            result: json("{}"),
        },
        Event::Succeeded {
            output: json("1"),
            returned_by: None,
        },
    ];
    let repair = command(Command::RetryItem {
        path: path("list"),
        index: 0,
    });
    let repaired = left_behind.iter().cloned().chain([repair]).collect();
    vec![
        fold(left_behind),
        fold(repaired),
        fold(vec![created()]),
        with(vec![]),
        with(vec![open("open")]),
        with(paged()),
        with(paged().into_iter().chain([enter_page()]).collect()),
        with(vec![open("open"), open("retry"), failed("retry", 1, None)]),
        with(vec![failed("retry", 1, Some(arguments()))]),
        with(vec![compensation("")]),
        with(vec![compensation("fan[left]."), open("open")]),
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
        with(vec![cancel.clone()]),
        with(vec![cancel, Event::Cancelled {}]),
        with(vec![compensation(""), Event::Compensated { error: None }]),
    ]
}

/// A loop over pages whose first one has been fetched.
fn paged() -> Vec<Event> {
    vec![
        Event::PagesEntered {
            path: path("pages"),
            input: json("{}"),
        },
        Event::CallSucceeded {
            path: path("pages~page1"),
            attempt: 1,
            started_at: Timestamp::default(),
            result: json(r#"{"items":[]}"#),
            output: None,
            call: Some(arguments()),
        },
    ]
}

fn enter_page() -> Event {
    Event::PageEntered {
        path: path("pages"),
        items: "/items".into(),
        next: None,
        keep: false,
    }
}

/// What people decide; nothing else moves a run at rest.
const COMMANDS: [&str; 11] = [
    "cancel",
    "retry",
    "edit-input",
    "complete",
    "skip",
    "compensate",
    "discard",
    "retry-on",
    "retry-item",
    "discard-item",
    "rerun",
];

/// What a run at rest hears of its children, which leaves it where it is.
const HEARD: [&str; 2] = ["child-ended", "child-replaced"];

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
        let by_a_person = |name: &&str| COMMANDS.contains(name);
        let is_heard = |name: &&str| from == to && HEARD.contains(name);
        assert!(
            !from.is_at_rest() || names.iter().all(|name| by_a_person(name) || is_heard(name)),
            "a run at rest was moved"
        );
    }
    for status in RunStatus::ALL
        .into_iter()
        .filter(|status| status.is_at_rest() && !status.is_open_to_decision())
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
         A run at rest is moved only by a person; it hears of its children and stays where it is. The page is made by a test of the engine:\n\
         `UPDATE_EXPECT=1 cargo test -p dowel-engine diagram`.\n\n\
         ```mermaid\n{}```\n",
        diagram()
    );
    expect_test::expect_file!["../../../../docs/run-states.md"].assert_eq(&page);
}

/// The pairs of a status and an event that the page shows as legal.
fn shown() -> BTreeSet<(String, String)> {
    let page = include_str!("../../../../docs/run-states.md");
    let arrows = page
        .lines()
        .filter_map(|line| line.trim().split_once(" --> "));
    let arrows = arrows.filter_map(|(from, rest)| Some((from, rest.split_once(": ")?.1)));
    arrows
        .flat_map(|(from, names)| {
            let pair = move |name: &str| (from.to_owned(), name.to_owned());
            names.split(", ").map(pair).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn whatever_the_page_does_not_show_is_refused_and_changes_nothing() {
    let shown = shown();
    let mut accepted = BTreeSet::new();
    let mut refused = 0;
    let again = [("created", created())];
    for state in samples() {
        for (name, event) in events().into_iter().chain(again.clone()) {
            let pair = (state.status.name().to_owned(), name.to_owned());
            let mut after = state.clone();
            let entry = Entry {
                v: VERSION,
                seq: state.next_seq,
                at: state.updated_at,
                event,
            };
            match after.apply(&entry) {
                Ok(()) => {
                    assert!(shown.contains(&pair), "{pair:?} is accepted");
                    accepted.insert(pair);
                }
                Err(IllegalEvent { seq, .. }) => {
                    assert_eq!(seq, state.next_seq, "{pair:?}");
                    assert_eq!(after, state, "{pair:?} was refused and changed something");
                    refused += 1;
                }
            }
        }
    }
    let begins = ("[*]".to_owned(), "created".to_owned());
    let missing: Vec<_> = shown.difference(&accepted).collect();
    assert_eq!(missing, [&begins], "shown and never accepted");
    assert!(refused > 500, "only {refused} were refused");
}

#[test]
fn the_table_has_every_status_every_event_and_every_command() {
    let statuses: BTreeSet<&str> = samples().iter().map(|state| state.status.name()).collect();
    assert_eq!(statuses.len(), RunStatus::ALL.len(), "{statuses:?}");
    let table: BTreeSet<&str> = events().into_iter().map(|(name, _)| name).collect();
    let mut all = fixtures::names::<Event>();
    all.extend(fixtures::names::<Command>());
    // A journal begins with the one, and the other is shown by the names of its commands.
    all.retain(|name| name != "created" && name != "commanded");
    let missing: Vec<_> = all
        .iter()
        .filter(|name| !table.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in `events()`: {missing:?}");
}
