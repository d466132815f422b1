//! Loops over the pages of an operation.

use crate::crash::{Crash, Mortal, before_death};
use crate::support::*;
use dowel_core::manifest::{Idempotency, Pagination};
use dowel_core::{ErrorKind, JsonText, SendRecord};
use dowel_engine::state::{RunState, RunStatus};
use dowel_flow::plan::{ForEach, OnItemFailure, Pages, Plan, Step, StepKind};
use dowel_testkit::Answer;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Notify;

/// A loop over the pages of `crm.list` that makes an invoice for each item.
fn paged(on_item_failure: OnItemFailure) -> Plan {
    let fetch = call("each", "crm.list", r#"{"since":"x"}"#, Idempotency::Natural);
    let StepKind::Call(list) = &fetch.kind else {
        panic!("a call")
    };
    let each: Step = step(
        "each",
        StepKind::ForEach(ForEach {
            program: list.program.clone(),
            parallel: 2,
            on_item_failure,
            steps: vec![call(
                "invoice",
                "erp.create",
                r#"{"item":<$item.id>,"n":<$index>}"#,
                Idempotency::Keyed,
            )],
            pages: Some(Box::new(Pages {
                fetch,
                pagination: Pagination {
                    cursor_in: "/page/after".into(),
                    cursor_out: "/next".into(),
                    items: "/items".into(),
                },
            })),
        }),
    );
    plan(vec![each], "<$steps.each>")
}

fn page(items: &[u32], next: &str) -> Answer {
    let items: Vec<String> = items.iter().map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    let text = format!(r#"{{"items":[{}],"next":{next}}}"#, items.join(","));
    Answer::Return(json(&text))
}

fn three_pages() -> [Answer; 4] {
    [
        page(&[10, 11], "\"b\""),
        Answer::Fail(ErrorKind::RateLimited, SendRecord::Answered),
        page(&[], "\"c\""),
        page(&[12], "null"),
    ]
}

fn inputs(world: &World, name: &str) -> Vec<String> {
    let calls = world.connectors.calls();
    let of = calls.into_iter().filter(|call| call.name == name);
    of.map(|call| call.input).collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_count_their_items_together() {
    let world = World::default();
    world.connectors.script("crm.list", three_pages());
    let story = world.run(paged(OnItemFailure::Stop), ORDER).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(
        inputs(&world, "crm.list"),
        [
            r#"{"since":"x"}"#,
            r#"{"since":"x","page":{"after":"b"}}"#,
            r#"{"since":"x","page":{"after":"b"}}"#,
            r#"{"since":"x","page":{"after":"c"}}"#,
        ]
    );
    let invoices: BTreeSet<String> = inputs(&world, "erp.create").into_iter().collect();
    let expected = [(10, 0), (11, 1), (12, 2)];
    let expected = expected.map(|(item, n)| format!(r#"{{"item":{item},"n":{n}}}"#));
    assert_eq!(invoices, BTreeSet::from(expected));
    let invoice = r#"{"id":"INV-1"}"#;
    let output = format!(r#"{{"succeeded":3,"failed":0,"items":[{invoice},{invoice},{invoice}]}}"#);
    assert_eq!(story.output.unwrap().as_str(), output);
    let paths: Vec<String> = story.steps.iter().map(|s| s.path.to_string()).collect();
    assert!(paths.contains(&"each~page2".to_owned()), "{paths:?}");
    assert!(paths.contains(&"each[2].invoice".to_owned()), "{paths:?}");
}

#[tokio::test]
async fn the_state_keeps_one_page_only() {
    let world = World::default();
    let pages = (0..40).map(|n| {
        let next = if n == 39 {
            "null".to_owned()
        } else {
            (n + 1).to_string()
        };
        page(&[n], &next)
    });
    world.connectors.script("crm.list", pages);
    let engine = world.engine(paged(OnItemFailure::Stop)).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    let state = RunState::fold(&engine.journal(run).await.unwrap()).unwrap();
    assert_eq!(state.steps.len(), 1, "{:?}", state.steps.keys());
}

async fn fails_with(answers: Vec<Answer>, code: &str) {
    let world = World::default();
    world.connectors.script("crm.list", answers);
    let story = world.run(paged(OnItemFailure::Stop), ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
    assert_eq!(story.error.unwrap().code, code);
}

#[tokio::test]
async fn cursors_that_go_round_and_pages_without_items_are_errors() {
    fails_with(vec![page(&[1], "\"a\"")], "DWL-2391").await;
    let mut circle = Vec::new();
    for _ in 0..8 {
        circle.extend(["\"a\"", "\"b\"", "\"c\""].map(|next| page(&[1], next)));
    }
    fails_with(circle, "DWL-2391").await;
    let answer = Answer::Return(json(r#"{"items":{"id":1}}"#));
    fails_with(vec![answer], "DWL-2390").await;
}

#[tokio::test]
async fn failed_items_of_every_page_are_counted() {
    let world = World::default();
    world.connectors.script("crm.list", three_pages());
    let refused = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
    let invoice: JsonText = json(r#"{"id":1}"#);
    world
        .connectors
        .script("erp.create", [refused, Answer::Return(invoice)]);
    let collect = OnItemFailure::Collect { fail_above: None };
    let story = world.run(paged(collect), ORDER).await;
    assert_eq!(story.status, RunStatus::SucceededWithFailures);
    let output = story.output.unwrap();
    assert!(output.as_str().starts_with(r#"{"succeeded":2,"failed":1,"#));
}

/// Whether the host died at that commit before the run ended.
async fn crash_at(last: usize, crash: Crash) -> bool {
    let world = World::default();
    world.connectors.script("crm.list", three_pages());
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    let first = world
        .engine_on(Arc::new(store), paged(OnItemFailure::Stop))
        .await;
    let acknowledged = before_death(&dead, first.accept(request(ORDER))).await;
    let acknowledged = acknowledged.map(|accepted| accepted.unwrap().run());
    if let Some(run) = acknowledged
        && let Some(status) = before_death(&dead, first.settled(run)).await
    {
        assert_eq!(status.unwrap(), RunStatus::Succeeded);
        return false;
    }
    drop(first);
    // The upstream answers by the cursor, whatever it was asked for before.
    let fetched = inputs(&world, "crm.list").len();
    let journal = journal_text(&world).await;
    let known = journal
        .matches("\"call-succeeded\":{\"path\":\"each~page")
        .count();
    let failed = journal
        .matches("\"attempt-failed\":{\"path\":\"each~page")
        .count();
    let rest = three_pages().into_iter().skip(known + failed);
    world.connectors.script("crm.list", rest);
    let engine = world.engine(paged(OnItemFailure::Stop)).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    let story = story(&engine, run).await;
    assert_eq!(story.status, RunStatus::Succeeded, "{crash:?} {last}");
    let again = inputs(&world, "crm.list").len() - fetched;
    assert_eq!(
        again,
        4 - known - failed,
        "a journalled page was fetched again"
    );
    let calls = world.connectors.calls();
    let invoices = calls.iter().filter(|call| call.name == "erp.create");
    let invoices: BTreeSet<_> = invoices.map(|call| (&call.key, &call.input)).collect();
    assert_eq!(
        invoices.len(),
        3,
        "one key and the same bytes for each item"
    );
    true
}

async fn journal_text(world: &World) -> String {
    use dowel_core::port::{Scan, Store};
    let pages = world.store.scan(Scan::prefix("j", 1_000)).await.unwrap();
    let pages = pages.iter().map(|(_, page)| String::from_utf8_lossy(page));
    pages.collect()
}

#[tokio::test]
async fn every_write_of_a_paged_loop_may_be_the_last_one() {
    for crash in [Crash::Before, Crash::After] {
        let mut crashes = 0;
        for last in 1.. {
            if !crash_at(last, crash).await {
                break;
            }
            crashes += 1;
        }
        assert!(crashes >= 6, "only {crashes} writes were tried");
    }
}
