//! `parallel`, `try`, loops that go on, and `wait`.

use crate::support::*;
use dowel_core::manifest::Idempotency::Keyed;
use dowel_core::port::Clock;
use dowel_core::{ErrorKind, SendRecord, StepId, Timestamp};
use dowel_engine::state::RunStatus;
use dowel_flow::plan::{
    Block, Branch, Catch, ForEach, Join, OnItemFailure, Parallel, Step, StepKind, Try, Wait,
};
use dowel_testkit::Answer;
use std::sync::Arc;
use std::time::Duration;

fn reject() -> Answer {
    Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)
}

fn ok(text: &str) -> Answer {
    Answer::Return(json(text))
}

pub(crate) fn parallel(id: &str, join: Join, branches: Vec<(&str, Block)>) -> Step {
    let branch = |(name, steps)| Branch {
        name: StepId::new(name).unwrap(),
        steps,
    };
    step(
        id,
        StepKind::Parallel(Parallel {
            program: program(None, &[]),
            branches: branches.into_iter().map(branch).collect(),
            join,
        }),
    )
}

pub(crate) fn try_(id: &str, steps: Block, catch: Vec<(Vec<ErrorKind>, Block)>) -> Step {
    let catch = catch.into_iter();
    step(
        id,
        StepKind::Try(Try {
            program: program(None, &[]),
            steps,
            catch: catch.map(|(kinds, steps)| Catch { kinds, steps }).collect(),
        }),
    )
}

pub(crate) fn each(list: &str, on_item_failure: OnItemFailure, steps: Block) -> Step {
    step(
        "lines",
        StepKind::ForEach(ForEach {
            program: program(None, &[list]),
            parallel: 2,
            on_item_failure,
            steps,
            pages: None,
        }),
    )
}

#[tokio::test]
async fn parallel_waits_for_all_branches_and_knows_them_by_name() {
    let world = World::default();
    let both = parallel(
        "both",
        Join::All,
        vec![
            ("left", vec![call("a", "crm.get", "{}", Keyed)]),
            ("right", vec![set("b", r#"{"x":1.10}"#)]),
        ],
    );
    let story = world.run(plan(vec![both], "<$steps.both>"), ORDER).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(
        story.output.unwrap().as_str(),
        r#"{"left":{"erp_id":12345678901234567890},"right":{"x":1.10}}"#
    );
    let paths: Vec<&str> = story.steps.iter().map(|step| step.path.as_str()).collect();
    assert!(paths.contains(&"both[left].a") && paths.contains(&"both[right].b"));
}

#[tokio::test]
async fn a_failed_branch_fails_all_and_open_calls_end_first() {
    let world = World::default();
    world.connectors.script("erp.create", [reject()]);
    let both = parallel(
        "both",
        Join::All,
        vec![
            (
                "left",
                vec![call("a", "crm.get", "{}", Keyed), set("after", "{}")],
            ),
            ("right", vec![call("b", "erp.create", "{}", Keyed)]),
        ],
    );
    let story = world.run(plan(vec![both], "null"), ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
    assert_eq!(world.calls("crm.get"), 1);
    let read = story
        .steps
        .iter()
        .find(|s| s.path.as_str() == "both[left].a");
    assert_eq!(read.unwrap().status, "succeeded", "its answer was kept");
}

#[tokio::test]
async fn any_goes_on_with_the_first_and_undoes_the_losers() {
    let world = World::default();
    world.connectors.script(
        "erp.create",
        [ok(r#"{"id":"R-1"}"#), reject(), ok(r#"{"id":"undone"}"#)],
    );
    let mut reserve = call("reserve", "erp.create", "{}", Keyed);
    reserve.compensate = Some(Box::new(call(
        "reserve",
        "erp.create",
        r#"{"undo":<$steps.reserve.id>}"#,
        Keyed,
    )));
    let slow_loser = vec![reserve, call("more", "erp.create", "{}", Keyed)];
    let first = parallel(
        "first",
        Join::Any,
        vec![
            ("slow", slow_loser),
            ("fast", vec![wait("w", 5), set("b", r#"{"x":1}"#)]),
        ],
    );
    let story = world.run(plan(vec![first], "<$steps.first>"), ORDER).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(
        story.output.unwrap().as_str(),
        r#"{"slow":null,"fast":{"x":1}}"#
    );
    let calls = world.connectors.calls();
    let undo = calls
        .iter()
        .find(|call| call.input.as_str() == r#"{"undo":"R-1"}"#);
    assert!(undo.unwrap().key.contains("first[slow].reserve~compensate"));
}

fn wait(id: &str, seconds: u64) -> Step {
    step(
        id,
        StepKind::Wait(Wait {
            program: program(None, &[]),
            duration: Some(Duration::from_secs(seconds)),
            calendar: None,
        }),
    )
}

#[tokio::test]
async fn a_call_that_may_have_taken_effect_is_not_left_behind_by_any() {
    use dowel_core::manifest::Idempotency;
    let world = World::default();
    world.connectors.script(
        "erp.create",
        [Answer::Fail(ErrorKind::Timeout, SendRecord::Sent)],
    );
    let pay = call("pay", "erp.create", "{}", Idempotency::None);
    let first = parallel(
        "first",
        Join::Any,
        vec![("pay", vec![pay]), ("other", vec![set("b", "{}")])],
    );
    let story = world.run(plan(vec![first], "null"), ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
    assert_eq!(story.error.unwrap().kind, ErrorKind::UnknownOutcome);
}

#[tokio::test]
async fn catch_takes_the_kinds_that_it_names_and_sees_the_error() {
    let world = World::default();
    world.connectors.script("erp.create", [reject()]);
    let guarded = try_(
        "guarded",
        vec![call("pay", "erp.create", "{}", Keyed), set("after", "{}")],
        vec![
            (vec![ErrorKind::NotFound], vec![set("other", "{}")]),
            (
                vec![ErrorKind::Rejected],
                vec![set("answer", r#"{"why":<$error.kind>,"at":<$error.step>}"#)],
            ),
        ],
    );
    let story = world
        .run(plan(vec![guarded], "<$steps.guarded>"), ORDER)
        .await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(
        story.output.unwrap().as_str(),
        r#"{"why":"rejected","at":"pay"}"#
    );
}

#[tokio::test]
async fn catch_without_kinds_leaves_unknown_outcomes_to_a_person() {
    use dowel_core::manifest::Idempotency;
    let world = World::default();
    let lost = Answer::Fail(ErrorKind::Timeout, SendRecord::Sent);
    world.connectors.script("erp.create", [lost]);
    let pay = call("pay", "erp.create", "{}", Idempotency::None);
    let guarded = try_("guarded", vec![pay], vec![(vec![], vec![set("x", "{}")])]);
    let story = world.run(plan(vec![guarded], "null"), ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
}

#[tokio::test]
async fn fail_inside_try_is_caught_and_outside_ends_the_run() {
    let fail = |id| {
        step(
            id,
            StepKind::Fail {
                kind: ErrorKind::Rejected,
                code: "too-old".to_owned(),
                program: program(None, &["\"no\"", "null"]),
            },
        )
    };
    let world = World::default();
    let guarded = try_(
        "guarded",
        vec![fail("inner")],
        vec![(vec![], vec![set("x", r#"{"c":<$error.code>}"#)])],
    );
    let story = world
        .run(plan(vec![guarded, fail("outer")], "null"), ORDER)
        .await;
    assert_eq!(story.status, RunStatus::Failed);
    assert_eq!(story.error.unwrap().code, "too-old");
    assert_eq!(story.steps.last().unwrap().kind, "fail");
}

#[tokio::test]
async fn a_loop_goes_on_without_failed_items_up_to_its_limit() {
    let body = || vec![call("book", "erp.create", r#"{"n":<$item>}"#, Keyed)];
    let share = |text| dowel_core::units::Share::parse(text);
    for (limit, status) in [
        (None, RunStatus::SucceededWithFailures),
        (share("50%"), RunStatus::SucceededWithFailures),
        (share("10%"), RunStatus::Parked),
    ] {
        let world = World::default();
        world
            .connectors
            .script("erp.create", [ok(r#"{"a":1}"#), reject(), ok(r#"{"a":3}"#)]);
        let policy = OnItemFailure::Collect { fail_above: limit };
        let story = world
            .run(
                plan(vec![each("[1,2,3]", policy, body())], "<$steps.lines>"),
                ORDER,
            )
            .await;
        assert_eq!(story.status, status, "{limit:?}");
        if status == RunStatus::SucceededWithFailures {
            let output = story.output.unwrap();
            assert!(
                output.as_str().starts_with(r#"{"succeeded":2,"failed":1,"#),
                "{output:?}"
            );
        }
    }
}

#[tokio::test]
async fn wait_is_a_timer_and_costs_no_task() {
    let world = World::default();
    let began = world.clock.now().as_millis();
    let story = world
        .run(
            plan(
                vec![wait("pause", 3600), set("x", r#"{"a":1}"#)],
                "<$vars.a>",
            ),
            ORDER,
        )
        .await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert!(world.clock.now().as_millis() - began >= 3_600_000);
}

/// The instant until which a `wait` of a run that began at the start of the world waits.
async fn waits_until(wait: Wait) -> String {
    let world = World::default();
    let waiting = step("w", StepKind::Wait(wait));
    let story = world.run(plan(vec![waiting], "null"), ORDER).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    story.steps[0].ended_at.unwrap().to_string()
}

#[tokio::test]
async fn wait_is_until_an_instant_or_until_the_office_is_open() {
    let text = "calendar: office\ntimezone: UTC\nhours: ['09:00-17:00']\n";
    let (_, office) = dowel_flow::calendar::parse("calendars/office.yaml", text).unwrap();
    let office = Arc::new(office);
    let begin = World::default().clock.now();
    let saturday = "2100-01-02T10:00:00.000Z";
    assert!(begin < Timestamp::parse(saturday).unwrap());
    let until = |calendar| Wait {
        program: program(None, &[&format!("\"{saturday}\"")]),
        duration: None,
        calendar,
    };
    assert_eq!(waits_until(until(None)).await, saturday);
    let monday = "2100-01-04T09:00:00.000Z";
    assert_eq!(waits_until(until(Some(office.clone()))).await, monday);
    // A working day of eight hours from whenever it is ends at a time when it is open.
    let working = Wait {
        program: program(None, &[]),
        duration: Some(Duration::from_secs(8 * 3_600)),
        calendar: Some(office.clone()),
    };
    let expected = office.add_working_time(begin, Duration::from_secs(8 * 3_600));
    assert_eq!(waits_until(working).await, expected.unwrap().to_string());
}
