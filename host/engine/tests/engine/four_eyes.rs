//! Decisions that one person proposes and another one confirms.

use crate::desk::{all, ana, items, one_call, retry};
use crate::support::*;
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    Action, AuditQuery, BulkState, CommandError, Confirmed, Deciding, Engine, ItemsQuery,
};
use dowel_testkit::Answer;
use std::time::Duration;

fn ben() -> Deciding {
    Deciding {
        actor: "ben".to_owned(),
        reason: None,
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

fn discard() -> Action {
    Action::Discard { keep_key: false }
}

/// A host that asks for two people, and so many parked runs.
async fn parked(world: &mut World, count: usize) -> (Engine, Vec<RunId>) {
    world.options.four_eyes = ["discard", "complete"].map(str::to_owned).into();
    let fail = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
    world.connectors.script("erp.create", [fail]);
    let engine = world.engine(one_call()).await;
    let mut runs = Vec::new();
    for _ in 0..count {
        let run = engine.accept(request(ORDER)).await.unwrap().run();
        engine.settled(run).await.unwrap();
        world.clock.advance(Duration::from_millis(1));
        runs.push(run);
    }
    (engine, runs)
}

async fn propose(engine: &Engine, run: RunId, action: Action) -> RunId {
    let decided = engine.decide(run, ana(), action).await.unwrap();
    assert_eq!(
        decided.status,
        Some(RunStatus::Parked),
        "nothing is carried out"
    );
    decided.proposed.unwrap()
}

/// Names and people of the audit record about something, the oldest first.
async fn told(engine: &Engine, about: RunId) -> Vec<(String, String, Option<String>)> {
    let query = AuditQuery {
        about: Some(about),
        limit: 10,
        ..AuditQuery::default()
    };
    let records = engine
        .audit(&query)
        .await
        .unwrap()
        .records
        .into_iter()
        .rev();
    let drafts = records.map(|record| record.draft);
    drafts
        .map(|draft| (draft.action, draft.actor, draft.confirmed_by))
        .collect()
}

fn row(action: &str, actor: &str, second: Option<&str>) -> (String, String, Option<String>) {
    (
        action.to_owned(),
        actor.to_owned(),
        second.map(str::to_owned),
    )
}

#[tokio::test]
async fn what_one_proposes_another_one_confirms() {
    let mut world = World::default();
    let (engine, runs) = parked(&mut world, 1).await;
    let id = propose(&engine, runs[0], discard()).await;
    engine.drain(Duration::ZERO).await;
    let engine = world.engine(one_call()).await;
    let waits = engine.proposals().await.unwrap();
    assert_eq!((waits.len(), waits[0].id, waits[0].about), (1, id, runs[0]));
    for same in ["ana", " Ana "] {
        let same = Deciding {
            actor: same.to_owned(),
            ..ana()
        };
        let refused = engine.confirm(id, &same).await;
        assert!(
            matches!(refused, Err(CommandError::SamePerson(_))),
            "{refused:?}"
        );
    }
    let confirmed = engine.confirm(id, &ben()).await.unwrap();
    let Confirmed::Decided(_, decided) = confirmed else {
        panic!("{confirmed:?}")
    };
    assert_eq!(decided.status, Some(RunStatus::Cancelled));
    assert_eq!(items(&engine).await, []);
    let again = engine.confirm(id, &ben()).await;
    assert!(
        matches!(again, Err(CommandError::NoSuchProposal(_))),
        "{again:?}"
    );
    let expected = [
        row("propose-discard", "ana", None),
        row("discard", "ana", Some("ben")),
    ];
    assert_eq!(told(&engine, runs[0]).await, expected);
}

#[tokio::test]
async fn a_caller_does_not_confirm_by_naming_a_second_person() {
    let mut world = World::default();
    let (engine, runs) = parked(&mut world, 1).await;
    let both = Deciding {
        confirmed_by: Some("ben".to_owned()),
        origin: None,
        bulk: None,
        ..ana()
    };
    let decided = engine
        .decide(runs[0], both.clone(), discard())
        .await
        .unwrap();
    assert!(decided.proposed.is_some());
    // Nor is it recorded where nobody has to confirm.
    engine.decide(runs[0], both, retry()).await.unwrap();
    assert_eq!(told(&engine, runs[0]).await[1], row("retry", "ana", None));
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_not_proposed() {
    let mut world = World::default();
    let (engine, runs) = parked(&mut world, 1).await;
    let silent = Deciding {
        reason: None,
        ..ana()
    };
    let refused = engine.decide(runs[0], silent, discard()).await;
    assert!(matches!(refused, Err(CommandError::ReasonRequired(_))));
    let complete = Action::Complete {
        path: None,
        output: json("[1]"),
    };
    let refused = engine.decide(runs[0], ana(), complete).await;
    assert!(
        matches!(refused, Err(CommandError::Invalid { .. })),
        "{refused:?}"
    );
    assert_eq!(engine.proposals().await.unwrap(), []);
}

#[tokio::test]
async fn who_confirms_sees_what_is_given() {
    let mut world = World::default();
    let (engine, runs) = parked(&mut world, 1).await;
    let output = r#"{"id":"INV-7","token":"t-1"}"#;
    let complete = Action::Complete {
        path: None,
        output: json(output),
    };
    let id = propose(&engine, runs[0], complete).await;
    let waits = engine.proposals().await.unwrap().remove(0);
    let shown = engine.proposed_value(&waits).await.unwrap().unwrap();
    assert_eq!(shown.as_str(), r#"{"id":"INV-7","token":"•••"}"#);
    engine.confirm(id, &ben()).await.unwrap();
    let done = story(&engine, runs[0]).await;
    assert_eq!(done.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_proposal_is_for_the_exception_as_it_was() {
    let mut world = World::default();
    let (engine, runs) = parked(&mut world, 1).await;
    let id = propose(&engine, runs[0], discard()).await;
    // Somebody tries again meanwhile, and it opens anew.
    world.clock.advance(Duration::from_secs(1));
    engine.decide(runs[0], ben(), retry()).await.unwrap();
    engine.settled(runs[0]).await.unwrap();
    while items(&engine).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let stale = engine.confirm(id, &ben()).await;
    assert!(
        matches!(stale, Err(CommandError::ProposalStale(_))),
        "{stale:?}"
    );
    engine.reject(id, &ana()).await.unwrap();
    assert_eq!(engine.proposals().await.unwrap(), []);
    let last = told(&engine, runs[0]).await.pop();
    assert_eq!(last, Some(row("reject-discard", "ana", None)));
    assert_eq!(items(&engine).await.len(), 1);
}

#[tokio::test]
async fn many_wait_for_a_second_person_as_well() {
    let mut world = World::default();
    let (engine, runs) = parked(&mut world, 5).await;
    let every = ItemsQuery { limit: 0, ..all() };
    let begin = async || {
        let bulk = engine.begin_bulk(&every, discard(), ana(), None).await;
        bulk.unwrap()
    };
    let first = begin().await;
    assert_eq!(first.state, BulkState::Proposed);
    settle().await;
    assert_eq!(engine.item_count(), 5, "nothing is carried out");
    engine.reject(first.id, &ben()).await.unwrap();
    let (ended, _) = engine.bulk(first.id).await.unwrap();
    assert_eq!(ended.state, BulkState::Cancelled);

    let second = begin().await;
    let refused = engine.confirm(second.id, &ana()).await;
    assert!(matches!(refused, Err(CommandError::SamePerson(_))));
    // One of them opens anew, and was not seen like that.
    world.clock.advance(Duration::from_secs(1));
    engine.decide(runs[0], ben(), retry()).await.unwrap();
    engine.settled(runs[0]).await.unwrap();
    while engine.item_count() < 5 || items(&engine).await.len() < 5 {
        tokio::task::yield_now().await;
    }
    let confirmed = engine.confirm(second.id, &ben()).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Bulk(_)), "{confirmed:?}");
    loop {
        let (bulk, failures) = engine.bulk(second.id).await.unwrap();
        if bulk.state == BulkState::Done {
            assert_eq!((bulk.done, bulk.failed), (4, 1));
            assert_eq!(
                (failures[0].id, failures[0].code.as_str()),
                (runs[0], "DWL-5038")
            );
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.proposals().await.unwrap(), []);
    let of_item = told(&engine, runs[1]).await;
    assert_eq!(of_item, [row("discard", "ana", Some("ben"))]);
    let of_bulk = told(&engine, second.id).await;
    let expected = [
        row("propose-bulk-discard", "ana", None),
        row("bulk-discard", "ana", Some("ben")),
    ];
    assert_eq!(of_bulk[..2], expected);
    let of_items = vec![row("discard", "ana", Some("ben")); 4];
    assert_eq!(of_bulk[2..], of_items, "what it came to");
}
