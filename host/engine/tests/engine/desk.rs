//! The exception desk: what waits for a person, and what people decide about it.

use crate::saga::path;
use crate::support::*;
use dowel_core::manifest::Idempotency::{self, Keyed};
use dowel_core::port::{Batch, Scan, Store};
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    Action, AuditQuery, CommandError, Decided, Deciding, Engine, Item, ItemClass, ItemsQuery,
    Recommended,
};
use dowel_flow::plan::{ForEach, OnItemFailure, Plan, Sla, Step, StepKind, Trigger, TriggerKind};
use dowel_testkit::Answer;
use std::time::Duration;

fn fail(kind: ErrorKind) -> Answer {
    Answer::Fail(kind, SendRecord::Answered)
}

fn ok() -> Answer {
    Answer::Return(json(r#"{"id":"X"}"#))
}

pub(crate) fn all() -> ItemsQuery {
    ItemsQuery {
        limit: 100,
        ..ItemsQuery::default()
    }
}

pub(crate) async fn items(engine: &Engine) -> Vec<Item> {
    engine.items(&all()).await.unwrap().items
}

pub(crate) fn ana() -> Deciding {
    Deciding {
        actor: "ana".to_owned(),
        reason: Some("agreed with the shop".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

pub(crate) fn retry() -> Action {
    Action::Retry {
        path: None,
        version: None,
    }
}

/// One write; the event has no dedupe key, so that payloads may be the same.
pub(crate) fn one_call() -> Plan {
    let mut plan = plan(
        vec![call(
            "pay",
            "erp.create",
            r#"{"t":<$trigger.total>}"#,
            Keyed,
        )],
        "<$steps.pay>",
    );
    plan.dedupe = None;
    plan
}

async fn decide(engine: &Engine, id: RunId, action: Action) -> Result<Decided, CommandError> {
    engine.decide(id, ana(), action).await
}

async fn begin(engine: &Engine) -> RunId {
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    engine.settled(run).await.unwrap();
    run
}

#[tokio::test]
async fn a_parked_run_is_an_item_until_it_goes_on() {
    let world = World::default();
    let answers = [fail(ErrorKind::Rejected), ok()];
    world.connectors.script("erp.create", answers);
    let mut plan = one_call();
    plan.owner = Some("order-ops@example.com".to_owned());
    plan.runbook = Some("runbook.md".to_owned());
    plan.sla = Some(Sla {
        within: Some(Duration::from_secs(60)),
        resolve: None,
        success: None,
    });
    let engine = world.engine(plan.clone()).await;
    let run = begin(&engine).await;
    let found = items(&engine).await;
    let [item] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((item.id, item.run), (run, Some(run)));
    assert_eq!(
        (item.class, item.kind),
        (ItemClass::Parked, ErrorKind::Rejected)
    );
    assert_eq!(item.step, Some(path("pay")));
    assert_eq!(item.recommended, Recommended::EditInput);
    assert_eq!(item.owner.as_deref(), Some("order-ops@example.com"));
    assert_eq!(
        item.due_at,
        item.opened_at.plus(Duration::from_secs(60)),
        "by the flow's sla"
    );
    assert!(!item.is_overdue(item.opened_at));
    let detail = engine.item(run).await.unwrap().unwrap();
    assert_eq!(detail.input.as_str(), r#"{"t":60.270}"#);
    assert!(detail.connectors.contains_key("erp"));
    // A restart finds the same.
    engine.drain(Duration::ZERO).await;
    let engine = world.engine(plan).await;
    assert_eq!(items(&engine).await, found);
    assert_eq!(engine.item_count(), 1);
    decide(&engine, run, retry()).await.unwrap();
    engine.settled(run).await.unwrap();
    assert_eq!(items(&engine).await, []);
    assert_eq!(engine.item_count(), 0);
    assert!(engine.item(run).await.unwrap().is_none());
}

#[tokio::test]
async fn lists_are_narrowed_and_come_in_pages() {
    let world = World::default();
    let kinds = [
        ErrorKind::Rejected,
        ErrorKind::Forbidden,
        ErrorKind::Rejected,
        ErrorKind::Conflict,
        ErrorKind::Rejected,
    ];
    world.connectors.script("erp.create", kinds.map(fail));
    let engine = world.engine(one_call()).await;
    let mut runs = Vec::new();
    for _ in kinds {
        runs.push(begin(&engine).await);
        world.clock.advance(Duration::from_secs(1));
    }
    let opened: Vec<_> = items(&engine).await.iter().map(|i| i.opened_at).collect();
    let check = async |query: ItemsQuery, expected: &[usize]| {
        let expected: Vec<RunId> = expected.iter().map(|index| runs[*index]).collect();
        let mut found = Vec::new();
        let mut before = None;
        // Page by page, one item at a time.
        loop {
            let page = ItemsQuery {
                limit: 1,
                before,
                ..query.clone()
            };
            let page = engine.items(&page).await.unwrap();
            found.extend(page.items.iter().map(|item| item.id));
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query:?}");
    };
    let flow = Some("test".parse().unwrap());
    check(all(), &[4, 3, 2, 1, 0]).await;
    let kind = Some(ErrorKind::Rejected);
    check(ItemsQuery { kind, ..all() }, &[4, 2, 0]).await;
    let group = ItemsQuery {
        flow: flow.clone(),
        step: Some("pay".to_owned()),
        code: Some("scripted".to_owned()),
        ..all()
    };
    check(group.clone(), &[4, 3, 2, 1, 0]).await;
    let between = ItemsQuery {
        flow,
        since: Some(opened[3]),
        until: Some(opened[1]),
        ..all()
    };
    check(between, &[2, 1]).await;
    let step = Some("other".to_owned());
    check(ItemsQuery { step, ..all() }, &[]).await;
    let overdue = ItemsQuery {
        overdue: true,
        ..all()
    };
    check(overdue.clone(), &[]).await;
    world.clock.advance(Duration::from_secs(24 * 3_600 - 4));
    check(overdue, &[1, 0]).await;
    let groups = engine.item_groups(&all()).await.unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].count, groups[0].oldest.id), (5, runs[0]));
}

#[tokio::test]
async fn a_group_is_told_of_once_by_an_event() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Forbidden)]);
    let mut listener = plan(vec![set("seen", "<$trigger>")], "<$vars>");
    listener.flow = "on-call".parse().unwrap();
    listener.dedupe = None;
    listener.triggers = vec![Trigger {
        name: "event".to_owned(),
        schema: None,
        kind: TriggerKind::Event {
            event_type: "dowel.exception.opened".to_owned(),
            source: None,
            filter: None,
        },
        sensitive: Vec::new(),
    }];
    let mut failing = one_call();
    failing.on_failure.notify = vec!["order-ops".to_owned()];
    let plans = vec![failing, listener];
    let told = async |engine: &Engine| {
        settle().await;
        let query = dowel_engine::RunsQuery {
            flow: Some("on-call".parse().unwrap()),
            limit: 10,
            ..dowel_engine::RunsQuery::default()
        };
        engine.runs(&query).await.unwrap().runs
    };
    let store = std::sync::Arc::new(world.store.clone());
    let engine = world.engine_of(store.clone(), plans.clone()).await;
    let first = begin(&engine).await;
    let second = begin(&engine).await;
    let runs = told(&engine).await;
    assert_eq!(runs.len(), 1, "once for the group");
    let seen = story(&engine, runs[0].id).await.payload;
    for part in [
        r#""step":"pay""#,
        r#""code":"scripted""#,
        r#""notify":["order-ops"]"#,
        &format!(r#""run":"{first}""#),
    ] {
        assert!(seen.as_str().contains(part), "{part} in {seen}");
    }
    engine.drain(Duration::ZERO).await;
    let engine = world.engine_of(store, plans).await;
    assert_eq!(told(&engine).await.len(), 1, "nor after a restart");
    for run in [first, second] {
        let discard = Action::Discard { keep_key: false };
        decide(&engine, run, discard).await.unwrap();
    }
    settle().await;
    begin(&engine).await;
    assert_eq!(told(&engine).await.len(), 2, "again when it opens again");
}

fn looping() -> Plan {
    let each = ForEach {
        pages: None,
        program: program(None, &["[1,2,3]"]),
        parallel: 1,
        on_item_failure: OnItemFailure::Collect { fail_above: None },
        steps: vec![call("ship", "erp.create", r#"{"n":<$item>}"#, Keyed)],
    };
    let steps = vec![step("lines", StepKind::ForEach(each))];
    let mut plan = plan(steps, "<$steps.lines>");
    plan.dedupe = None;
    plan
}

#[tokio::test]
async fn a_failed_item_of_a_loop_is_retried_alone() {
    let world = World::default();
    let answers = [
        ok(),
        fail(ErrorKind::Rejected),
        ok(),
        fail(ErrorKind::Rejected),
        ok(),
    ];
    world.connectors.script("erp.create", answers);
    let engine = world.engine(looping()).await;
    let run = begin(&engine).await;
    let found = items(&engine).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].class, ItemClass::LoopItem);
    assert_eq!(found[0].step, Some(path("lines[1].ship")));
    assert_eq!(found[0].loop_item, Some((path("lines"), 1)));
    let detail = engine.item(found[0].id).await.unwrap().unwrap();
    assert_eq!(detail.input.as_str(), r#"{"n":2}"#);
    let before = story(&engine, run).await;
    assert_eq!(before.status, RunStatus::SucceededWithFailures);
    // It fails again: the same item, opened anew.
    decide(&engine, found[0].id, retry()).await.unwrap();
    engine.settled(run).await.unwrap();
    let again = items(&engine).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, found[0].id);
    decide(&engine, again[0].id, retry()).await.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(items(&engine).await, []);
    let output = told.output.unwrap();
    let expected = r#"{"succeeded":3,"failed":0,"items":[{"id":"X"},{"id":"X"},{"id":"X"}]}"#;
    assert_eq!(output.as_str(), expected);
    let calls = world.connectors.calls();
    assert_eq!(calls.len(), 5, "nothing else was called again");
    assert_eq!(calls[1].key, calls[4].key);
    assert_eq!(calls[4].input, r#"{"n":2}"#);
}

#[tokio::test]
async fn a_failed_item_is_discarded_and_its_run_stays_as_it_is() {
    let world = World::default();
    let answers = [ok(), fail(ErrorKind::Rejected), ok()];
    world.connectors.script("erp.create", answers);
    let engine = world.engine(looping()).await;
    let run = begin(&engine).await;
    let id = items(&engine).await[0].id;
    let skip = decide(&engine, id, Action::Skip { path: None }).await;
    assert!(matches!(skip, Err(CommandError::Refused(_))), "{skip:?}");
    let discard = Action::Discard { keep_key: false };
    decide(&engine, id, discard).await.unwrap();
    assert_eq!(items(&engine).await, []);
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::SucceededWithFailures);
}

fn undoable(id: &str) -> Step {
    let mut step = call(id, "erp.create", &format!(r#"{{"do":"{id}"}}"#), Keyed);
    let undo = call(id, "erp.create", &format!(r#"{{"undo":"{id}"}}"#), Keyed);
    step.compensate = Some(Box::new(undo));
    step
}

#[tokio::test]
async fn a_failed_compensation_names_what_is_undone_and_what_is_not() {
    let world = World::default();
    let answers = [
        ok(),
        ok(),
        fail(ErrorKind::Rejected),
        ok(),
        fail(ErrorKind::Rejected),
    ];
    world.connectors.script("erp.create", answers);
    let last = call("c", "erp.create", "{}", Keyed);
    let mut plan = plan(vec![undoable("a"), undoable("b"), last], "null");
    plan.on_failure.compensate = vec![ErrorKind::Rejected];
    let engine = world.engine(plan).await;
    let run = begin(&engine).await;
    let detail = engine.item(run).await.unwrap().unwrap();
    assert_eq!(detail.item.class, ItemClass::CompensationFailed);
    assert_eq!(detail.item.recommended, Recommended::UndoByHand);
    let undoing = detail.undoing.unwrap();
    assert_eq!(undoing.undone, [path("b")]);
    assert_eq!(undoing.not_undone, [path("a")]);
}

#[tokio::test]
async fn a_rerun_is_another_run_of_the_same_event() {
    let world = World::default();
    let answers = [fail(ErrorKind::Rejected), ok()];
    world.connectors.script("erp.create", answers);
    let mut first = one_call();
    // The dedupe key is passed by.
    first.dedupe = order_plan().dedupe;
    let engine = world.engine(first.clone()).await;
    let run = begin(&engine).await;
    engine.drain(Duration::ZERO).await;
    let mut second = first;
    second.version = "2.0.0".parse().unwrap();
    world.clock.advance(Duration::from_secs(1));
    let engine = world.engine(second).await;
    let decided = decide(&engine, run, Action::Rerun).await.unwrap();
    let again = decided.began.unwrap();
    assert_eq!(decided.status, Some(RunStatus::Cancelled));
    let (old, new) = (story(&engine, run).await, story(&engine, again).await);
    assert_eq!(new.status, RunStatus::Succeeded);
    assert_eq!((old.rerun_as, new.rerun_of), (Some(again), Some(run)));
    assert_eq!((new.generation, new.version.as_str()), (2, "2.0.0"));
    assert_eq!(old.dedupe_key, new.dedupe_key);
    let calls = world.connectors.calls();
    assert_eq!(calls[0].input, calls[1].input);
    assert_eq!(calls[1].key, format!("{again}.pay.2"));
    assert_eq!(items(&engine).await, [], "nothing waits any more");
    for action in [retry(), Action::Rerun] {
        let refused = decide(&engine, run, action).await;
        assert!(
            matches!(
                refused,
                Err(CommandError::RerunRefused(_) | CommandError::Refused(_))
            ),
            "{refused:?}"
        );
    }
    // One that ended well can be run again as well.
    let third = decide(&engine, again, Action::Rerun).await.unwrap();
    assert_eq!(
        story(&engine, third.began.unwrap()).await.generation,
        3,
        "of every run before it"
    );
}

#[tokio::test]
async fn after_compensation_only_rerun_is_left() {
    let world = World::default();
    let answers = [ok(), fail(ErrorKind::Rejected), ok()];
    world.connectors.script("erp.create", answers);
    let last = call("b", "erp.create", "{}", Keyed);
    let mut plan = plan(vec![undoable("a"), last], "null");
    plan.on_failure.compensate = vec![ErrorKind::Rejected];
    let engine = world.engine(plan).await;
    let run = begin(&engine).await;
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Compensated);
    for action in [
        retry(),
        Action::Compensate,
        Action::Skip {
            path: Some(path("b")),
        },
    ] {
        let refused = decide(&engine, run, action).await;
        assert!(matches!(refused, Err(CommandError::Refused(_))));
    }
    let again = decide(&engine, run, Action::Rerun).await.unwrap();
    let again = story(&engine, again.began.unwrap()).await;
    assert_eq!(again.generation, 2);
    assert_eq!(
        story(&engine, run).await.status,
        RunStatus::Compensated,
        "the first run ended as it ended"
    );
}

#[tokio::test]
async fn a_run_goes_on_with_another_version_if_what_it_has_done_fits() {
    let two = |version: &str, steps: Vec<Step>| {
        let mut plan = plan(steps, "<$steps.b>");
        plan.version = version.parse().unwrap();
        plan.dedupe = None;
        plan
    };
    let a = || call("a", "crm.get", "{}", Idempotency::Natural);
    let broken = two("1.0.0", vec![a(), set("b", "<$boom>")]);
    let fixed = two("1.0.1", vec![a(), set("b", r#"{"x":1}"#)]);
    let other = two("2.0.0", vec![set("new", "{}"), a(), set("b", "{}")]);
    let world = World::default();
    let engine = world.engine(broken).await;
    let run = begin(&engine).await;
    engine.drain(Duration::ZERO).await;
    drop(world.engine(other).await);
    let engine = world.engine(fixed).await;
    let on = |version: &str| Action::Retry {
        path: None,
        version: Some(version.parse().unwrap()),
    };
    for version in ["3.0.0", "2.0.0"] {
        let refused = decide(&engine, run, on(version)).await;
        assert!(
            matches!(refused, Err(CommandError::VersionRefused(_))),
            "{version}: {refused:?}"
        );
    }
    decide(&engine, run, on("1.0.1")).await.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(told.version, "1.0.1");
    assert_eq!(told.output.unwrap().as_str(), r#"{"x":1}"#);
    assert_eq!(world.calls("crm.get"), 1, "what was done stays done");
}

#[tokio::test]
async fn what_is_given_is_checked_before_anything_is_written() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Rejected)]);
    let engine = world.engine(one_call()).await;
    let run = begin(&engine).await;
    let commits = world.store.commits();
    let edit = Action::EditInput {
        path: None,
        input: json("[1]"),
        idempotency_key: String::new(),
    };
    let complete = Action::Complete {
        path: None,
        output: json("[1]"),
    };
    for action in [edit, complete] {
        let refused = decide(&engine, run, action).await;
        let Err(CommandError::Invalid { violations, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(violations[0].pointer, "");
    }
    let silent = Deciding {
        reason: None,
        ..ana()
    };
    for action in [
        Action::Skip { path: None },
        Action::Compensate,
        Action::Discard { keep_key: true },
    ] {
        let refused = engine.decide(run, silent.clone(), action).await;
        assert!(matches!(refused, Err(CommandError::ReasonRequired(_))));
    }
    assert_eq!(world.store.commits(), commits);
}

#[tokio::test]
async fn every_decision_is_in_the_audit_record() {
    let world = World::default();
    let answers = [fail(ErrorKind::Rejected), fail(ErrorKind::Rejected), ok()];
    world.connectors.script("erp.create", answers);
    let engine = world.engine(one_call()).await;
    let run = begin(&engine).await;
    decide(&engine, run, retry()).await.unwrap();
    engine.settled(run).await.unwrap();
    engine.drain(Duration::ZERO).await;
    let engine = world.engine(one_call()).await;
    let skip = Action::Skip { path: None };
    decide(&engine, run, skip).await.unwrap();
    engine.settled(run).await.unwrap();
    let query = AuditQuery {
        about: Some(run),
        limit: 10,
        ..AuditQuery::default()
    };
    let page = engine.audit(&query).await.unwrap();
    let told: Vec<_> = page
        .records
        .iter()
        .map(|record| (record.seq, record.draft.action.as_str()))
        .collect();
    assert_eq!(told, [(2, "skip"), (1, "retry")], "numbers go on");
    let first = &page.records[1].draft;
    let (before, after) = (
        first.before.as_ref().unwrap(),
        first.after.as_ref().unwrap(),
    );
    assert_eq!(
        (before.status.as_str(), before.step.as_deref()),
        ("parked", Some("pay"))
    );
    assert_eq!(after.status, "running");
    assert_eq!(first.actor, "ana");
    assert_eq!(first.reason.as_deref(), Some("agreed with the shop"));
}

#[tokio::test]
async fn a_host_makes_the_indexes_that_an_older_one_left_out() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Rejected)]);
    let engine = world.engine(one_call()).await;
    begin(&engine).await;
    let found = items(&engine).await;
    engine.drain(Duration::ZERO).await;
    let rows = world.store.scan(Scan::prefix(b"D".to_vec(), 100)).await;
    let mut batch = Batch::default();
    for (key, _) in rows.unwrap() {
        batch.delete(key);
    }
    world.store.commit(batch).await.unwrap();
    let engine = world.engine(one_call()).await;
    assert_eq!(items(&engine).await, found);
}

#[tokio::test]
async fn an_item_goes_with_its_run() {
    let mut world = World::default();
    world.options.retention.default.failed =
        dowel_core::retention::Keep::For(Duration::from_secs(60));
    let fail = StepKind::Fail {
        kind: ErrorKind::Rejected,
        code: "closed".to_owned(),
        program: program(None, &[r#""m""#, "null"]),
    };
    let engine = world.engine(plan(vec![step("end", fail)], "null")).await;
    let run = begin(&engine).await;
    let item = &items(&engine).await[0];
    assert_eq!((item.id, item.class), (run, ItemClass::Failed));
    assert_eq!(item.recommended, Recommended::Rerun);
    world.clock.advance(Duration::from_secs(61));
    engine.sweep().await.unwrap();
    assert_eq!(items(&engine).await, []);
    assert_eq!(engine.item_count(), 0);
}
