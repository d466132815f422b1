//! A store that an earlier program has written goes to this one and back, until somebody
//! finalises the upgrade.
//!
//! `fixtures/stores/before-formats.backup` is a backup that the program before there were
//! formats has made: a run that has ended and one that waits for an hour.

use crate::blobs::large_order;
use crate::fixtures::folder;
use crate::support::*;
use dowel_core::Timestamp;
use dowel_core::code::upgrade::FORMAT_TOO_NEW;
use dowel_core::port::{Batch, Clock, Entry, Scan, Store};
use dowel_engine::backup::{Frame, Reader, verify};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    AuditQuery, Deciding, Engine, EngineError, EngineOptions, Feature, StoreFormat,
};
use dowel_testkit::{MemoryStore, VirtualClock};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// When the run of the fixture that waits began to, and when it goes on.
const WAITS_FROM: Timestamp = Timestamp::from_millis(1_795_854_774_960);
const GOES_ON: Timestamp = Timestamp::from_millis(1_795_858_374_960);

/// The store that the earlier program has left, on its way through hosts.
async fn left_behind() -> World {
    let world = World {
        clock: VirtualClock::at(WAITS_FROM),
        ..World::default()
    };
    let file = folder("stores").join("before-formats.backup");
    let bytes = fs::read(file).unwrap();
    let mut reader = Reader::open(bytes.as_slice()).unwrap();
    while let Some(frame) = reader.frame().unwrap() {
        if let Frame::Writes(writes) = frame {
            let batch = Batch {
                writes,
                ..Batch::default()
            };
            world.store.commit(batch).await.unwrap();
        }
    }
    world
}

/// The same world with the program before this one.
fn before(world: &World) -> World {
    World {
        store: world.store.clone(),
        connectors: world.connectors.clone(),
        clock: world.clock.clone(),
        options: EngineOptions {
            newest_format: StoreFormat::FIRST,
            ..world.options.clone()
        },
    }
}

async fn rows(store: &MemoryStore, family: &str) -> Vec<Entry> {
    let scan = Scan::prefix(family, usize::MAX);
    store.scan(scan).await.unwrap()
}

/// An entry of a journal in the first format, read as strictly as may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstEntry {
    v: u32,
    #[allow(dead_code)]
    seq: u64,
    #[allow(dead_code)]
    at: u64,
    event: Value,
}

/// Whether a program that knows the first format alone reads every journal. Shares nothing
/// with the reader of the engine.
async fn first_program_reads_it(store: &MemoryStore) -> bool {
    let mut entries = 0;
    for (_, page) in rows(store, "j").await {
        let lines = serde_json::Deserializer::from_slice(&page).into_iter::<FirstEntry>();
        for line in lines {
            match line {
                Ok(entry) if entry.v == 1 && entry.event.is_object() => entries += 1,
                _ => return false,
            }
        }
    }
    assert!(entries > 5, "there are journals");
    rows(store, "b").await.is_empty()
}

async fn run_large(engine: &Engine, id: &str) {
    let accepted = engine.accept(request(&large_order(id))).await.unwrap();
    let story = story(engine, accepted.run()).await;
    assert_eq!(story.status, RunStatus::Succeeded);
}

/// A host that starts some time after the one before it.
async fn host(world: &World) -> Engine {
    let later = world.clock.now().plus(Duration::from_secs(1));
    world.clock.sleep_until(later).await;
    world.engine(order_plan()).await
}

async fn stop(engine: Engine) {
    engine.drain(Duration::from_secs(1)).await;
}

fn by(actor: &str) -> Deciding {
    Deciding {
        actor: actor.to_owned(),
        reason: Some("a week without trouble".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

#[tokio::test]
async fn up_and_down_again_until_it_is_finalised() {
    let world = left_behind().await;
    let found = verify(&world.store).await.unwrap();
    assert_eq!((found.runs, found.unfinished, found.plans), (2, 1, 1));
    assert_eq!(found.store_format, StoreFormat::FIRST);

    let new = host(&world).await;
    let status = new.upgrade_status().await.unwrap();
    assert_eq!(status.format, StoreFormat::FIRST);
    assert_eq!(status.pending, Feature::ALL);
    assert!(!status.is_final());
    run_large(&new, "A1").await;
    stop(new).await;
    assert!(first_program_reads_it(&world.store).await);

    let old = host(&before(&world)).await;
    assert!(old.upgrade_status().await.unwrap().is_final(), "for itself");
    run_large(&old, "A2").await;
    stop(old).await;
    assert!(first_program_reads_it(&world.store).await);

    let new = host(&world).await;
    run_large(&new, "A3").await;
    assert!(first_program_reads_it(&world.store).await);
    let status = new.finalize_upgrade(by("ana")).await.unwrap();
    assert_eq!(status.format, StoreFormat::NEWEST);
    assert_eq!(status.since.as_ref().unwrap().1, "ana");
    assert!(status.is_final() && status.pending.is_empty());
    run_large(&new, "A4").await;
    assert!(!first_program_reads_it(&world.store).await);
    stop(new).await;

    let kept = rows(&world.store, "").await;
    let refused = try_start(&before(&world)).await.err().unwrap();
    assert_eq!(refused.code(), FORMAT_TOO_NEW);
    assert!(refused.to_string().contains("format 2"), "{refused}");
    assert_eq!(rows(&world.store, "").await, kept, "nothing was changed");

    let new = host(&world).await;
    run_large(&new, "A5").await;
    world.clock.sleep_until(GOES_ON).await;
    let waited = "01a22149327b72cabdc640ae42309f7a".parse().unwrap();
    let told = story(&new, waited).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    let found = verify(&world.store).await.unwrap();
    assert_eq!((found.runs, found.unfinished), (7, 0));
    assert_eq!((found.oldest_format, found.newest_format), (1, 2));
}

async fn try_start(world: &World) -> Result<Engine, EngineError> {
    let store = Arc::new(world.store.clone());
    world.try_engine_of(store, vec![order_plan()]).await
}

#[tokio::test]
async fn finalising_is_on_record_and_happens_once() {
    let world = left_behind().await;
    let engine = world.engine(order_plan()).await;
    let first = engine.finalize_upgrade(by("ana")).await.unwrap();
    let second = engine.finalize_upgrade(by("ben")).await;
    assert_eq!(second.unwrap(), first, "who finalised it stays");
    let query = AuditQuery {
        action: Some("finalize-upgrade".to_owned()),
        limit: 10,
        ..AuditQuery::default()
    };
    let records = engine.audit(&query).await.unwrap().records;
    assert_eq!(records.len(), 1);
    let draft = &records[0].draft;
    let standing = |standing: &Option<dowel_engine::Standing>| standing.clone().unwrap().status;
    assert_eq!(draft.actor, "ana");
    assert_eq!(standing(&draft.before), "format 1");
    assert_eq!(standing(&draft.after), "format 2");
}

#[tokio::test]
async fn a_new_store_has_the_newest_format_from_the_start() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let status = engine.upgrade_status().await.unwrap();
    assert_eq!(status.format, StoreFormat::NEWEST);
    assert_eq!(status.since.unwrap().1, "host");
    stop(engine).await;
    let refused = try_start(&before(&world)).await.err().unwrap();
    assert_eq!(refused.code(), FORMAT_TOO_NEW);
}

#[tokio::test]
async fn a_failed_write_finalises_nothing() {
    let world = left_behind().await;
    let engine = world.engine(order_plan()).await;
    world.store.fail_next(dowel_core::port::StoreError::Full);
    engine.finalize_upgrade(by("ana")).await.unwrap_err();
    run_large(&engine, "A1").await;
    assert!(first_program_reads_it(&world.store).await);
    assert!(!engine.upgrade_status().await.unwrap().is_final());
}
