//! Large bodies of runs: every byte comes back, to whom it belongs, for as long as the run
//! is there.

use crate::subflow::{child, child_of, child_step, parent, start};
use crate::support::*;
use dowel_core::port::{BlobError, BlobRef, Blobs as _, Clock, Scan, Store, StoreError};
use dowel_core::retention::{Keep, Retention, RetentionRules};
use dowel_core::{Digest, RunId};
use dowel_engine::{BlobArea, Engine, EngineOptions};
use std::time::Duration;

const MEDIA_TYPE: &str = "application/pdf";

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n % 251).to_le_bytes()[0]).collect()
}

async fn kept(area: &BlobArea, run: RunId, bytes: &[u8]) -> BlobRef {
    let mut writer = area.write(run);
    for piece in bytes.chunks(300_000) {
        writer.write(piece).await.unwrap();
    }
    let name = Some("7.pdf".to_owned());
    writer.finish(MEDIA_TYPE.to_owned(), name).await.unwrap()
}

async fn read(area: &BlobArea, run: RunId, blob: &BlobRef) -> Result<Vec<u8>, BlobError> {
    let mut reader = area.read(run, blob).await?;
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await? {
        assert!(piece.len() <= 256 * 1024, "a piece is small");
        all.extend(piece);
    }
    Ok(all)
}

async fn rows(world: &World) -> usize {
    let rows = world.store.scan(Scan::prefix("z", usize::MAX)).await;
    rows.unwrap().len()
}

async fn finished(engine: &Engine, id: &str) -> RunId {
    let accepted = engine
        .accept(request(&ORDER.replace("A1", id)))
        .await
        .unwrap();
    story(engine, accepted.run()).await;
    accepted.run()
}

#[tokio::test]
async fn every_byte_comes_back_and_the_same_bytes_are_kept_once() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let run = finished(&engine, "A1").await;
    let area = engine.blobs();
    for count in [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_500_000] {
        let bytes = bytes(count);
        let blob = kept(&area, run, &bytes).await;
        assert_eq!((blob.size, blob.run), (count as u64, run));
        assert_eq!(blob.digest, Digest::of(&bytes));
        assert_eq!(read(&area, run, &blob).await.unwrap(), bytes);
        let before = rows(&world).await;
        assert_eq!(kept(&area, run, &bytes).await, blob);
        assert_eq!(rows(&world).await, before);
        let opened = area.of_run(run, &blob.digest).await.unwrap();
        assert_eq!(
            (opened.size, &*opened.media_type),
            (count as u64, MEDIA_TYPE)
        );
    }
}

#[tokio::test]
async fn what_is_not_finished_is_taken_back() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let run = finished(&engine, "A1").await;
    let mut writer = engine.blobs().write(run);
    writer.write(&bytes(2_500_000)).await.unwrap();
    assert_eq!(rows(&world).await, 9, "its whole pieces");
    drop(writer);
    assert_eq!(rows(&world).await, 0);
}

#[tokio::test]
async fn a_family_shares_its_blobs_and_nobody_else_sees_them() {
    let world = World::default();
    let plans = vec![parent(vec![child_step("charge")]), child()];
    let engine = start(&world, plans).await;
    let area = engine.blobs();
    let parent = finished(&engine, "A1").await;
    let stranger = finished(&engine, "A2").await;
    let child = child_of(&engine, parent, "charge").await;
    let blob = kept(&area, parent, b"of the parent").await;
    assert_eq!(read(&area, child, &blob).await.unwrap(), b"of the parent");
    let blob = kept(&area, child, b"of the child").await;
    assert_eq!(read(&area, parent, &blob).await.unwrap(), b"of the child");
    assert_eq!(read(&area, stranger, &blob).await, Err(BlobError::Foreign));
    let made_up = BlobRef {
        digest: Digest::of("made up"),
        ..blob
    };
    assert_eq!(read(&area, child, &made_up).await, Err(BlobError::Gone));
}

#[tokio::test]
async fn blobs_go_with_their_run() {
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
    let run = finished(&engine, "A1").await;
    let blob = kept(&engine.blobs(), run, &bytes(2_500_000)).await;
    assert_eq!(rows(&world).await, 11, "ten pieces and their name");
    let later = world.clock.now().plus(Duration::from_secs(601));
    world.clock.sleep_until(later).await;
    engine.sweep().await.unwrap();
    assert_eq!(rows(&world).await, 0);
    let gone = read(&engine.blobs(), run, &blob).await;
    assert_eq!(gone, Err(BlobError::Gone));
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let run = finished(&engine, "A1").await;
    let mut writer = engine.blobs().write(run);
    writer.write(&bytes(1 << 20)).await.unwrap();
    world.store.fail_next(StoreError::Full);
    let full = writer.write(&bytes(1 << 20)).await;
    assert_eq!(full, Err(BlobError::Full));
    drop(writer);
    assert_eq!(rows(&world).await, 0);
}
