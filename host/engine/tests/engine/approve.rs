//! Approvals: who may decide, what becomes of it, and that none is lost.

use crate::crash::{Crash, Mortal, before_death};
use crate::support::*;
use dowel_core::code::{self, Code};
use dowel_core::journal::{Actor, Command, Commanded, OnExpiry};
use dowel_core::manifest::Idempotency;
use dowel_core::{RunId, StepPath};
use dowel_engine::state::RunStatus;
use dowel_engine::{ApprovalsQuery, DecideError, Engine, OpenApproval, PersonDecides};
use dowel_flow::plan::{Approve, Block, EscalateTo, Plan, StepKind};
use dowel_flow::policy;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) const POLICY: &str = "groups:\n  finance: [ana@example.com, ben@example.com]\n  finance-leads: [lea@example.com]\n  other: [oto@example.com]\n";

fn approve() -> Approve {
    Approve {
        program: program(
            None,
            &[
                r#""Invoice""#,
                r#"{"total":<$trigger.total>}"#,
                "[<$trigger.by>]",
            ],
        ),
        groups: vec!["finance".parse().unwrap()],
        decisions: vec!["approved".to_owned(), "rejected".to_owned()],
        within: None,
        calendar: None,
        escalate: vec![EscalateTo {
            after: HOUR,
            groups: vec!["finance-leads".parse().unwrap()],
        }],
        on_expiry: OnExpiry::Fail,
        fails_on: Some("rejected".to_owned()),
    }
}

fn asking(approve: Approve) -> Plan {
    let steps: Block = vec![
        step("ask", StepKind::Approve(Box::new(approve))),
        set("after", r#"{"d":<$steps.ask.decision>}"#),
    ];
    plan(steps, r#"{"by":<$steps.ask.by>,"d":<$vars.d>}"#)
}

fn world() -> World {
    let mut world = World::default();
    world.options.policy = policy::parse("policy.yaml", POLICY).unwrap();
    world
}

const PAYLOAD: &str = r#"{"id":"A1","total":60.270,"by":"ben@example.com"}"#;

async fn ask(engine: &Engine) -> RunId {
    engine.accept(request(PAYLOAD)).await.unwrap().run()
}

/// Waits until something is asked; time stands still unless somebody sleeps.
async fn asked(engine: &Engine) -> OpenApproval {
    loop {
        if let Some(open) = open(engine).await.pop() {
            return open;
        }
        tokio::task::yield_now().await;
    }
}

async fn open(engine: &Engine) -> Vec<OpenApproval> {
    let query = ApprovalsQuery {
        limit: 10,
        ..ApprovalsQuery::default()
    };
    engine.approvals(&query).await.unwrap().approvals
}

pub(crate) async fn decide(
    engine: &Engine,
    run: RunId,
    decision: &str,
    person: &str,
) -> Result<(), DecideError> {
    let wanted = PersonDecides {
        run,
        step: StepPath::inside("ask"),
        decision: decision.to_owned(),
        actor: Actor(person.to_owned()),
        comment: Some("checked".to_owned()),
        origin: None,
    };
    engine.decide_approval(&wanted).await
}

fn code_of(decided: Result<(), DecideError>) -> Code {
    decided.unwrap_err().code()
}

pub(crate) fn without_escalation() -> Approve {
    Approve {
        escalate: Vec::new(),
        ..approve()
    }
}

#[tokio::test]
async fn the_first_decision_holds_and_later_ones_are_told_who_decided() {
    let world = world();
    let engine = world.engine(asking(without_escalation())).await;
    let run = ask(&engine).await;
    let open = asked(&engine).await;
    assert_eq!((open.run, open.step.as_str()), (run, "ask"));
    assert_eq!(open.show, json(r#"{"total":60.270}"#));
    let waiting = engine.story(run).await.unwrap().unwrap();
    assert_eq!(waiting.status, RunStatus::Waiting);
    assert_eq!(waiting.waits_for, Some("approval"));
    let by = |person| decide(&engine, run, "approved", person);
    by("Ana@example.com").await.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(
        told.output,
        Some(json(r#"{"by":"Ana@example.com","d":"approved"}"#))
    );
    let approval = told.steps[0].approval.as_ref().unwrap();
    assert_eq!(approval.by.as_deref(), Some("Ana@example.com"));
    assert_eq!(approval.comment.as_deref(), Some("checked"));
    // The same again changes nothing.
    let entries = engine.journal(run).await.unwrap().len();
    by("ana@example.com").await.unwrap();
    assert_eq!(engine.journal(run).await.unwrap().len(), entries);
    let late = by("lea@example.com").await.unwrap_err();
    assert_eq!(late.code(), code::approval::APPROVAL_DECIDED);
    assert!(late.to_string().contains("Ana@example.com"), "{late}");
    let other = decide(&engine, run, "rejected", "ana@example.com").await;
    assert_eq!(code_of(other), code::approval::APPROVAL_DECIDED);
    assert!(self::open(&engine).await.is_empty());
}

#[tokio::test]
async fn who_may_not_decide_is_refused_with_the_reason() {
    let world = world();
    let engine = world.engine(asking(without_escalation())).await;
    let run = ask(&engine).await;
    asked(&engine).await;
    let check = |person, decision, expected| {
        let engine = engine.clone();
        async move {
            let refused = decide(&engine, run, decision, person).await;
            assert_eq!(code_of(refused), expected, "{person} {decision}");
        }
    };
    use code::approval::*;
    check("BEN@example.com", "approved", APPROVAL_EXCLUDED).await;
    check("oto@example.com", "approved", APPROVAL_NOT_IN_GROUP).await;
    check("nobody", "approved", APPROVAL_NOT_IN_GROUP).await;
    check("ana@example.com", "maybe", APPROVAL_NO_SUCH_DECISION).await;
    let wanted = PersonDecides {
        run,
        step: StepPath::inside("after"),
        decision: "approved".to_owned(),
        actor: Actor("ana@example.com".to_owned()),
        comment: None,
        origin: None,
    };
    assert_eq!(
        code_of(engine.decide_approval(&wanted).await),
        APPROVAL_UNKNOWN
    );
    let forged = Commanded {
        confirmed_by: None,
        origin: None,
        bulk: None,
        actor: Actor("oto@example.com".to_owned()),
        reason: None,
        command: Command::Decide {
            path: StepPath::inside("ask"),
            decision: "approved".to_owned(),
            groups: vec!["finance".to_owned()],
        },
    };
    // Whatever a request claims, the policy says who is in which group.
    assert!(engine.command(run, forged).await.is_err());
    assert_eq!(open(&engine).await.len(), 1);
}

#[tokio::test]
async fn an_escalation_opens_the_approval_to_more_groups() {
    let world = world();
    let engine = world.engine(asking(approve())).await;
    let run = ask(&engine).await;
    while asked(&engine).await.groups.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(open(&engine).await[0].escalations.is_empty());
    decide(&engine, run, "approved", "lea@example.com")
        .await
        .unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(told.steps[0].approval.as_ref().unwrap().escalated, 1);
}

#[tokio::test]
async fn nobody_decides_in_time() {
    let cases = [
        (OnExpiry::Fail, RunStatus::Parked, None),
        (
            OnExpiry::Decide("rejected".to_owned()),
            RunStatus::Parked,
            None,
        ),
        (
            OnExpiry::Decide("approved".to_owned()),
            RunStatus::Succeeded,
            Some(r#"{"by":"policy","d":"approved"}"#),
        ),
    ];
    for (on_expiry, status, output) in cases {
        let world = world();
        let plan = asking(Approve {
            within: Some(2 * HOUR),
            on_expiry: on_expiry.clone(),
            ..approve()
        });
        let told = world.run(plan, PAYLOAD).await;
        assert_eq!(told.status, status, "{on_expiry:?}");
        assert_eq!(told.output, output.map(json), "{on_expiry:?}");
        let took = told.ended_at.unwrap().since(told.created_at);
        assert!(took >= 2 * HOUR, "{took:?}");
        assert_eq!(told.steps[0].approval.as_ref().unwrap().escalated, 1);
    }
}

#[tokio::test]
async fn a_rejection_fails_the_run_or_goes_on() {
    for (fails_on, status) in [
        (Some("rejected".to_owned()), RunStatus::Parked),
        (None, RunStatus::Succeeded),
    ] {
        let world = world();
        let fails = fails_on.is_some();
        let plan = asking(Approve {
            fails_on,
            ..without_escalation()
        });
        let engine = world.engine(plan).await;
        let run = ask(&engine).await;
        asked(&engine).await;
        decide(&engine, run, "rejected", "ana@example.com")
            .await
            .unwrap();
        let told = story(&engine, run).await;
        assert_eq!(told.status, status);
        if fails {
            let error = told.error.unwrap();
            assert_eq!(error.code, code::run::APPROVAL_REJECTED.to_string());
            assert!(error.message.contains("ana@example.com: checked"));
            // A retry asks again.
            let retry = Commanded {
                confirmed_by: None,
                origin: None,
                bulk: None,
                actor: Actor("oto".to_owned()),
                reason: None,
                command: Command::Retry { path: None },
            };
            engine.command(run, retry).await.unwrap();
            asked(&engine).await;
            decide(&engine, run, "approved", "ana@example.com")
                .await
                .unwrap();
            assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Succeeded);
        }
    }
}

#[tokio::test]
async fn cancelling_takes_the_question_back() {
    let world = world();
    let engine = world.engine(asking(without_escalation())).await;
    let run = ask(&engine).await;
    asked(&engine).await;
    let cancel = Commanded {
        confirmed_by: None,
        origin: None,
        bulk: None,
        actor: Actor("oto".to_owned()),
        reason: None,
        command: Command::Cancel { compensate: false },
    };
    engine.command(run, cancel).await.unwrap();
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Cancelled);
    assert!(open(&engine).await.is_empty());
    let late = decide(&engine, run, "approved", "ana@example.com").await;
    assert_eq!(code_of(late), code::approval::APPROVAL_UNKNOWN);
}

#[tokio::test]
async fn a_decision_and_the_expiry_race_and_one_of_them_counts() {
    for _ in 0..20 {
        let world = world();
        let plan = asking(Approve {
            within: Some(HOUR),
            on_expiry: OnExpiry::Decide("approved".to_owned()),
            fails_on: None,
            ..without_escalation()
        });
        let engine = world.engine(plan).await;
        let run = ask(&engine).await;
        asked(&engine).await;
        world.clock.advance(HOUR);
        let decided = decide(&engine, run, "rejected", "ana@example.com").await;
        let told = story(&engine, run).await;
        let expected = match decided {
            Ok(()) => r#"{"by":"ana@example.com","d":"rejected"}"#,
            Err(refused) => {
                assert_eq!(refused.code(), code::approval::APPROVAL_DECIDED);
                r#"{"by":"policy","d":"approved"}"#
            }
        };
        assert_eq!(told.output, Some(json(expected)));
    }
}

/// The decision is followed by a call: it is written before the run has ended.
fn paying() -> Plan {
    let steps: Block = vec![
        step("ask", StepKind::Approve(Box::new(without_escalation()))),
        call(
            "pay",
            "erp.create",
            r#"{"by":<$steps.ask.by>}"#,
            Idempotency::Keyed,
        ),
    ];
    plan(steps, "<$steps.pay.id>")
}

/// Stops at commit number `last` and restarts; whether it came to that.
async fn crash_at(plan: &Plan, last: usize, crash: Crash) -> bool {
    let world = world();
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    let first = world.engine_on(Arc::new(store), plan.clone()).await;
    let play = async {
        let run = ask(&first).await;
        asked(&first).await;
        decide(&first, run, "approved", "ana@example.com")
            .await
            .unwrap();
        first.settled(run).await.unwrap()
    };
    if let Some(status) = before_death(&dead, play).await {
        assert_eq!(status, RunStatus::Succeeded);
        return false;
    }
    let second = world.engine(plan.clone()).await;
    // The sender saw no answer and sends the event again: there is one run for it.
    let run = ask(&second).await;
    settle().await;
    if !open(&second).await.is_empty() {
        decide(&second, run, "approved", "ana@example.com")
            .await
            .unwrap();
    }
    let told = story(&second, run).await;
    assert_eq!(told.status, RunStatus::Succeeded, "{last} {crash:?}");
    assert_eq!(told.steps.len(), 2, "{last} {crash:?}");
    assert_eq!(told.decisions.len(), 1, "{last} {crash:?}");
    assert!(open(&second).await.is_empty(), "{last} {crash:?}");
    true
}

#[tokio::test]
async fn every_write_around_an_approval_may_be_the_last_one() {
    for plan in [asking(without_escalation()), paying()] {
        for crash in [Crash::Before, Crash::After] {
            // The first commits keep the plan.
            let mut last = 1;
            while crash_at(&plan, last, crash).await {
                last += 1;
            }
            assert!(last >= 4, "only {last} writes");
        }
    }
}
