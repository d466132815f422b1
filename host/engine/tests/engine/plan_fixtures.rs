//! Plans as they were written: a run ends on the plan that it began with, on any later
//! host. `UPDATE_EXPECT=1` writes what is missing and changes nothing that is there.

use crate::fixtures::{add, fixtures, folder, names};
use crate::receive::{payment, waiting};
use crate::subflow::{run_flow, running};
use crate::support::*;
use dowel_core::ErrorKind;
use dowel_core::journal::{OnExpiry, OnTimeout};
use dowel_core::manifest::Idempotency;
use dowel_flow::plan::{
    Approve, Branch, Catch, ForEach, Join, OnItemFailure, Parallel, Plan, Receive, RunFlow,
    StepKind, Try, Wait,
};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// One step of each kind, but for those that end the run inside of branches.
fn every_kind() -> Plan {
    let nothing = || program(None, &[]);
    let kinds = vec![
        call("customer", "crm.get", "{}", Idempotency::Natural),
        set("value", r#"{"a":1}"#),
        step(
            "route",
            StepKind::Switch {
                program: program(None, &["<$trigger.vip>"]),
                cases: vec![vec![set("vip", r#"{"b":1}"#)]],
                default: Some(vec![set("other", r#"{"b":2}"#)]),
            },
        ),
        step(
            "lines",
            StepKind::ForEach(ForEach {
                on_item_failure: OnItemFailure::Stop,
                program: program(None, &["[1]"]),
                parallel: 1,
                steps: vec![set("line", r#"{"n":<$item>}"#)],
                pages: None,
            }),
        ),
        step(
            "fan",
            StepKind::Parallel(Parallel {
                program: nothing(),
                branches: vec![Branch {
                    name: "left".parse().unwrap(),
                    steps: vec![set("inner", r#"{"c":1}"#)],
                }],
                join: Join::All,
            }),
        ),
        step(
            "attempt",
            StepKind::Try(Try {
                program: nothing(),
                steps: vec![step(
                    "refuse",
                    StepKind::Fail {
                        kind: ErrorKind::Rejected,
                        code: "refused".to_owned(),
                        program: program(None, &[r#""no""#, "null"]),
                    },
                )],
                catch: vec![Catch {
                    kinds: vec![ErrorKind::Rejected],
                    steps: vec![set("caught", r#"{"d":1}"#)],
                }],
            }),
        ),
        step(
            "pause",
            StepKind::Wait(Wait {
                program: nothing(),
                duration: Some(Duration::from_secs(60)),
                calendar: None,
            }),
        ),
        step(
            "ask",
            StepKind::Approve(Box::new(Approve {
                program: program(None, &[r#""Go on?""#, "{}", "[]"]),
                groups: vec!["finance".parse().unwrap()],
                decisions: vec!["approved".to_owned()],
                within: Some(Duration::from_secs(60)),
                calendar: None,
                escalate: Vec::new(),
                on_expiry: OnExpiry::Decide("approved".to_owned()),
                fails_on: None,
            })),
        ),
        step(
            "tell",
            StepKind::Emit {
                event_type: "order.booked".to_owned(),
                program: program(None, &["{}"]),
            },
        ),
        step(
            "done",
            StepKind::Return {
                program: program(None, &[r#"{"id":<$trigger.id>}"#]),
            },
        ),
    ];
    plan(kinds, "null")
}

/// The other flow is not there, so the step is left out.
fn with_a_run() -> Plan {
    let run = RunFlow {
        program: program(Some("$trigger.absent"), &["{}"]),
        output: Some(program(None, &["<.paid>"])),
        timeout: Some(Duration::from_secs(60)),
        ..run_flow("child", "{}")
    };
    plan(vec![running("charge", run)], "null")
}

/// A step that waits for an event, for a while.
fn an_event() -> Plan {
    waiting(Receive {
        within: Some(Duration::from_secs(60)),
        on_timeout: OnTimeout::Continue,
        output: Some(program(None, &["<.data>"])),
        ..payment()
    })
}

#[tokio::test]
async fn plans_of_earlier_hosts_are_read_and_run() {
    let text = serde_json::to_string_pretty(&every_kind()).unwrap();
    add(&folder("plans").join("every-kind.json"), &(text + "\n"));
    let text = serde_json::to_string_pretty(&with_a_run()).unwrap();
    add(&folder("plans").join("run.json"), &(text + "\n"));
    let text = serde_json::to_string_pretty(&an_event()).unwrap();
    add(&folder("plans").join("receive.json"), &(text + "\n"));
    let found = fixtures("plans");
    assert!(found.len() >= 2, "fixtures are never removed");
    for file in found {
        let mut plan: Plan = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        // The helpers of the tests know a flow by this name.
        plan.flow = "test".parse().unwrap();
        let world = World::default();
        for name in ["crm.do", "erp.do"] {
            let answer = dowel_testkit::Answer::Return(json(r#"{"id":"1"}"#));
            world.connectors.script(name, [answer]);
        }
        let told = world.run(plan, ORDER).await;
        let status = told.status.name();
        assert_eq!(status, "succeeded", "{}", file.display());
    }
}

#[test]
fn every_kind_of_step_is_in_a_plan() {
    let mut found = BTreeSet::new();
    for file in fixtures("plans") {
        let text = fs::read_to_string(file).unwrap();
        let kinds = names::<StepKind>().into_iter();
        found.extend(kinds.filter(|kind| text.contains(&format!("\"{kind}\": {{"))));
    }
    let all = names::<StepKind>();
    let missing: Vec<_> = all.difference(&found).collect();
    assert!(
        missing.is_empty(),
        "add a plan with {missing:?}, and run this with UPDATE_EXPECT=1"
    );
}
