//! The chain over the record of decisions: whoever changes the store is noticed.

use crate::support::*;
use dowel_core::port::{Batch, Scan, Store};
use dowel_engine::{
    Anchor, AuditRecord, By, ChainHead, ChainReport, Engine, check_entry, verify_audit,
};
use std::time::Duration;

/// Entries of a record.
const ENTRIES: u64 = 5;

fn entry(seq: u64) -> Vec<u8> {
    [b"A".as_slice(), &seq.to_be_bytes()].concat()
}

fn link(seq: u64) -> Vec<u8> {
    [b"Cs".as_slice(), &seq.to_be_bytes()].concat()
}

fn by() -> By {
    By {
        actor: "ana".to_owned(),
        origin: None,
    }
}

/// A host whose record has some entries, all of them linked.
async fn recorded(world: &World) -> Engine {
    let engine = world.engine(order_plan()).await;
    for number in 0..ENTRIES {
        let what = format!("look {number}");
        engine.tell_of("look", &what, &by()).await.unwrap();
    }
    let report = engine.verify_audit(&[]).await.unwrap();
    assert_eq!((report.entries, report.broken), (ENTRIES, None));
    engine
}

async fn change(world: &World, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::default();
    change(&mut batch);
    world.store.commit(batch).await.unwrap();
}

async fn verify(world: &World, anchors: &[Anchor]) -> ChainReport {
    verify_audit(&world.store, anchors).await.unwrap()
}

/// Where it shows, and what.
async fn broken(world: &World) -> (u64, String) {
    let broken = verify(world, &[]).await.broken.unwrap();
    (broken.seq, broken.what)
}

async fn value(world: &World, key: &[u8]) -> Vec<u8> {
    world.store.get(key).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    let world = World::default();
    recorded(&world).await;
    let text = String::from_utf8(value(&world, &entry(3)).await).unwrap();
    let changed = text.replace("\"ana\"", "\"ben\"");
    assert_ne!(text, changed);
    change(&world, |batch| {
        batch.put(entry(3), changed.into_bytes());
    })
    .await;
    let (seq, what) = broken(&world).await;
    assert_eq!(seq, 3);
    assert!(what.contains("changed"), "{what}");
}

#[tokio::test]
async fn a_removed_entry_is_found_with_and_without_its_link() {
    for with_link in [false, true] {
        let world = World::default();
        recorded(&world).await;
        change(&world, |batch| {
            batch.delete(entry(3));
            if with_link {
                batch.delete(link(3));
            }
        })
        .await;
        let (seq, what) = broken(&world).await;
        assert_eq!(seq, if with_link { 4 } else { 3 });
        assert!(what.contains("removed"), "{what}");
    }
}

#[tokio::test]
async fn removed_entries_at_the_end_are_found() {
    for with_link in [false, true] {
        let world = World::default();
        recorded(&world).await;
        change(&world, |batch| {
            batch.delete(entry(ENTRIES));
            if with_link {
                batch.delete(link(ENTRIES));
            }
        })
        .await;
        let (seq, what) = broken(&world).await;
        assert_eq!(seq, ENTRIES);
        assert!(what.contains("removed"), "{what}");
    }
}

#[tokio::test]
async fn reordered_entries_are_found_also_when_they_name_their_new_places() {
    for renamed in [false, true] {
        let world = World::default();
        recorded(&world).await;
        let (mut two, mut three) = (
            value(&world, &entry(2)).await,
            value(&world, &entry(3)).await,
        );
        if renamed {
            let name = |bytes: &[u8], seq: u64| {
                let mut record: AuditRecord = serde_json::from_slice(bytes).unwrap();
                record.seq = seq;
                serde_json::to_vec(&record).unwrap()
            };
            (two, three) = (name(&two, 3), name(&three, 2));
        }
        change(&world, |batch| {
            batch.put(entry(2), three).put(entry(3), two);
        })
        .await;
        assert_eq!(broken(&world).await.0, 2);
    }
}

#[tokio::test]
async fn an_added_entry_is_found() {
    let world = World::default();
    let engine = recorded(&world).await;
    engine.drain(Duration::from_secs(1)).await;
    let mut record: AuditRecord = serde_json::from_slice(&value(&world, &entry(3)).await).unwrap();
    change(&world, |batch| {
        batch.delete(entry(2)).delete(link(2));
        record.seq = 2;
        batch.put(entry(2), serde_json::to_vec(&record).unwrap());
    })
    .await;
    let (seq, what) = broken(&world).await;
    assert_eq!(seq, 2);
    assert!(what.contains("added"), "{what}");
}

#[tokio::test]
async fn a_chain_that_was_made_anew_is_found_by_an_anchor() {
    let world = World::default();
    recorded(&world).await;
    let head = verify(&world, &[]).await.head;
    let anchor = Anchor {
        seq: head.seq,
        digest: head.digest,
    };
    assert_eq!(verify(&world, &[anchor]).await.broken, None);
    // Everything of the chain goes, and the next host makes it anew over other entries.
    let changed = String::from_utf8(value(&world, &entry(1)).await).unwrap();
    change(&world, |batch| {
        batch.put(entry(1), changed.replace("\"ana\"", "\"ben\"").into_bytes());
        batch.delete(b"Ch".to_vec());
        for seq in 1..=ENTRIES {
            batch.delete(link(seq));
        }
    })
    .await;
    let engine = world.engine(order_plan()).await;
    assert_eq!(engine.verify_audit(&[]).await.unwrap().broken, None);
    let broken = engine.verify_audit(&[anchor]).await.unwrap().broken;
    assert!(broken.unwrap().what.contains("anchor"));
    let later = Anchor {
        seq: ENTRIES + 1,
        ..anchor
    };
    assert!(
        engine
            .verify_audit(&[later])
            .await
            .unwrap()
            .broken
            .is_some()
    );
}

#[tokio::test]
async fn what_a_crash_left_unlinked_is_linked_at_the_next_start() {
    let world = World::default();
    let engine = recorded(&world).await;
    engine.drain(Duration::from_secs(1)).await;
    let before = verify(&world, &[]).await.head;
    // The last link did not come to the disk.
    let head = ChainHead {
        seq: 0,
        ..ChainHead::default()
    };
    change(&world, |batch| {
        batch.delete(b"Ch".to_vec());
        for seq in 1..=ENTRIES {
            batch.delete(link(seq));
        }
    })
    .await;
    assert_eq!(verify(&world, &[]).await.head, head);
    let engine = world.engine(order_plan()).await;
    let report = engine.verify_audit(&[]).await.unwrap();
    assert_eq!((report.head, report.broken), (before, None));
}

#[tokio::test]
async fn entries_are_linked_by_themselves_and_gaps_are_none_of_the_chains_business() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    world.store.fail_next(dowel_core::port::StoreError::Full);
    assert!(engine.tell_of("look", "lost", &by()).await.is_err());
    engine.tell_of("look", "kept", &by()).await.unwrap();
    engine.drain(Duration::from_secs(1)).await;
    let report = verify(&world, &[]).await;
    assert_eq!((report.entries, report.broken), (1, None));
    assert_eq!((report.head.seq, report.head.count), (2, 1));
    let rows = world
        .store
        .scan(Scan::prefix(b"Cs".to_vec(), 9))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "the number of the lost entry has no link");
}

#[tokio::test]
async fn an_export_can_be_checked_by_itself() {
    let world = World::default();
    let engine = recorded(&world).await;
    let entries = engine.audit_chain(None).await.unwrap();
    assert_eq!(entries.len() as u64, ENTRIES);
    let mut before = None;
    for entry in &entries {
        assert!(before.is_none_or(|digest| digest == entry.before));
        let digest = entry.digest.unwrap();
        assert!(check_entry(
            &entry.before,
            entry.seq,
            &entry.record,
            &digest
        ));
        before = Some(digest);
    }
    let rest = engine.audit_chain(entries.last()).await.unwrap();
    assert_eq!(rest, []);
    let tail = engine.audit_chain(Some(&entries[2])).await.unwrap();
    assert_eq!(tail, entries[3..]);
}
