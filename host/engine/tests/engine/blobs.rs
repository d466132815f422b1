//! Large values lie beside the journal, and nobody notices.

use crate::support::*;
use dowel_core::port::{Batch, Clock, Scan, Store};
use dowel_core::retention::{Keep, Retention, RetentionRules};
use dowel_engine::EngineOptions;
use dowel_engine::backup::verify;
use dowel_engine::state::RunStatus;
use std::time::Duration;

pub(crate) fn large_order(id: &str) -> String {
    let note = "n".repeat(40_000);
    format!(r#"{{"id":"{id}","customer":"{note}","total":60.270}}"#)
}

async fn count(world: &World, family: &str) -> usize {
    let rows = world.store.scan(Scan::prefix(family, usize::MAX)).await;
    rows.unwrap().len()
}

#[tokio::test]
async fn a_run_with_large_values_ends_as_any_other_and_its_journal_is_small() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let accepted = engine.accept(request(&large_order("A1"))).await.unwrap();
    let story = story(&engine, accepted.run()).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(count(&world, "b").await, 2, "the payload and the input");
    let pages = world.store.scan(Scan::prefix("j", 99)).await.unwrap();
    assert!(pages.iter().all(|(_, page)| page.len() < 16 * 1024));
    let journal = engine.journal(accepted.run()).await.unwrap();
    let text = serde_json::to_string(&journal).unwrap();
    assert!(text.contains(&large_order("A1")), "every byte of it");
    assert_eq!(verify(&world.store).await.unwrap().runs, 1);
}

#[tokio::test]
async fn values_go_with_their_run_and_stay_for_the_others() {
    let world = World {
        options: EngineOptions {
            retention: RetentionRules {
                default: Retention {
                    succeeded: Keep::For(Duration::from_secs(600)),
                    ..Retention::FOREVER
                },
                ..RetentionRules::default()
            },
            ..EngineOptions::default()
        },
        ..World::default()
    };
    let engine = world.engine(order_plan()).await;
    let first = engine.accept(request(&large_order("A1"))).await.unwrap();
    story(&engine, first.run()).await;
    let soon = world.clock.now().plus(Duration::from_secs(300));
    world.clock.sleep_until(soon).await;
    let second = engine.accept(request(&large_order("A2"))).await.unwrap();
    story(&engine, second.run()).await;
    assert_eq!(count(&world, "b").await, 4);
    let later = world.clock.now().plus(Duration::from_secs(300));
    world.clock.sleep_until(later).await;
    assert_eq!(engine.sweep().await.unwrap().by_age, 1);
    assert_eq!(count(&world, "b").await, 2);
    assert!(engine.story(first.run()).await.unwrap().is_none());
    assert!(engine.story(second.run()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_value_is_an_error_of_its_run_alone() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let damaged = engine.accept(request(&large_order("A1"))).await.unwrap();
    story(&engine, damaged.run()).await;
    let sound = engine
        .accept(request(ORDER.replace("A1", "A2").as_str()))
        .await;
    let sound = sound.unwrap().run();
    story(&engine, sound).await;
    let rows = world.store.scan(Scan::prefix("b", 1)).await.unwrap();
    let mut batch = Batch::default();
    batch.delete(rows[0].0.clone());
    world.store.commit(batch).await.unwrap();
    let error = engine.story(damaged.run()).await.unwrap_err();
    assert_eq!(error.code(), dowel_core::code::run::BLOB_UNREADABLE);
    assert!(error.to_string().contains(&damaged.run().to_string()));
    let error = verify(&world.store).await.unwrap_err();
    assert_eq!(error.code(), dowel_core::code::run::BLOB_UNREADABLE);
    assert!(engine.story(sound).await.unwrap().is_some());
}
