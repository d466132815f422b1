//! Batches: whole or not at all, conditions, sizes.

use crate::{Subject, puts};
use dowel_core::port::{Batch, MAX_KEY_BYTES, StoreError};

pub(crate) async fn an_empty_batch_is_fine(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(store.commit(Batch::default()).await, Ok(()));
    let mut only_condition = Batch::default();
    only_condition.require_absent(b"a".to_vec());
    assert_eq!(store.commit(only_condition.clone()).await, Ok(()));
    assert_eq!(store.commit(puts(&[(b"a", b"")])).await, Ok(()));
    assert_eq!(
        store.commit(only_condition).await,
        Err(StoreError::Conflict(b"a".to_vec()))
    );
}

pub(crate) async fn a_batch_is_applied_whole_and_in_order(subject: &dyn Subject) {
    let store = subject.open();
    let mut batch = puts(&[(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]);
    batch
        .delete(b"b".to_vec())
        .put(b"c".to_vec(), Vec::new())
        .delete(b"d".to_vec());
    assert_eq!(store.commit(batch).await, Ok(()));
    assert_eq!(store.get(b"a").await, Ok(Some(b"3".to_vec())));
    assert_eq!(store.get(b"b").await, Ok(None));
    assert_eq!(store.get(b"c").await, Ok(Some(Vec::new())));
    assert_eq!(store.get(b"d").await, Ok(None));
}

pub(crate) async fn overwriting_and_deleting(subject: &dyn Subject) {
    let store = subject.open();
    for value in [&b"one"[..], b"", b"three"] {
        assert_eq!(store.commit(puts(&[(b"k", value)])).await, Ok(()));
        assert_eq!(store.get(b"k").await, Ok(Some(value.to_vec())));
    }
    for _ in 0..2 {
        let mut batch = Batch::default();
        batch.delete(b"k".to_vec());
        assert_eq!(store.commit(batch).await, Ok(()));
        assert_eq!(store.get(b"k").await, Ok(None));
    }
}

pub(crate) async fn absent_holds_only_without_a_value(subject: &dyn Subject) {
    let store = subject.open();
    let mut create = puts(&[(b"k", b"")]);
    create.require_absent(b"k".to_vec());
    assert_eq!(store.commit(create.clone()).await, Ok(()));
    let conflict = Err(StoreError::Conflict(b"k".to_vec()));
    assert_eq!(
        store.commit(create.clone()).await,
        conflict,
        "an empty value is a value"
    );
    let mut delete = Batch::default();
    delete.delete(b"k".to_vec());
    assert_eq!(store.commit(delete).await, Ok(()));
    assert_eq!(store.commit(create).await, Ok(()));
}

pub(crate) async fn equals_holds_only_for_the_same_bytes(subject: &dyn Subject) {
    let store = subject.open();
    let long = vec![7; 200_000];
    let mut other = long.clone();
    other[199_999] = 8;
    assert_eq!(
        store
            .commit(puts(&[(b"short", b"x"), (b"long", &long)]))
            .await,
        Ok(())
    );
    for (key, value, holds) in [
        (&b"short"[..], &b"x"[..], true),
        (b"short", b"", false),
        (b"short", b"xx", false),
        (b"none", b"", false),
        (b"long", &long, true),
        (b"long", &other, false),
        (b"long", &long[1..], false),
    ] {
        let mut batch = Batch::default();
        batch.require_equal(key.to_vec(), value.to_vec());
        let expected = if holds {
            Ok(())
        } else {
            Err(StoreError::Conflict(key.to_vec()))
        };
        assert_eq!(
            store.commit(batch).await,
            expected,
            "{} {}",
            key.escape_ascii(),
            value.len()
        );
    }
}

pub(crate) async fn a_refused_batch_writes_nothing(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(store.commit(puts(&[(b"a", b"old")])).await, Ok(()));
    let mut batch = puts(&[(b"a", b"new"), (b"b", b"new"), (b"c", &vec![1; 100_000])]);
    // Conditions are judged against the state before the writes, all of them.
    batch
        .require_equal(b"a".to_vec(), b"old".to_vec())
        .require_equal(b"b".to_vec(), b"new".to_vec());
    assert_eq!(
        store.commit(batch).await,
        Err(StoreError::Conflict(b"b".to_vec()))
    );
    assert_eq!(store.get(b"a").await, Ok(Some(b"old".to_vec())));
    assert_eq!(store.get(b"b").await, Ok(None));
    assert_eq!(store.get(b"c").await, Ok(None));
}

pub(crate) async fn conflicts_among_batches_handed_over_together(subject: &dyn Subject) {
    let store = subject.open();
    // All are handed over before any is awaited, so that they may share a group.
    let attempts: Vec<_> = (0..32_u8)
        .map(|number| {
            let mut batch = puts(&[(b"winner", &[number]), (&[b'n', number], b"")]);
            batch.require_absent(b"winner".to_vec());
            store.commit(batch)
        })
        .collect();
    let mut winners = 0;
    for attempt in attempts {
        match attempt.await {
            Ok(()) => winners += 1,
            Err(error) => assert_eq!(error, StoreError::Conflict(b"winner".to_vec())),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(
        store.get(b"winner").await,
        Ok(Some(vec![0])),
        "the first that was handed over"
    );
    assert_eq!(store.get(&[b'n', 0]).await, Ok(Some(Vec::new())));
    assert_eq!(store.get(&[b'n', 1]).await, Ok(None));
}

pub(crate) async fn handed_over_order_is_applied_order(subject: &dyn Subject) {
    let store = subject.open();
    let mut pending = Vec::new();
    for number in 0..200_u32 {
        let size = if number % 10 == 0 { 50_000 } else { 4 };
        let mut value = number.to_le_bytes().to_vec();
        value.resize(size, 0);
        pending.push(store.commit(puts(&[(b"last", &value)])));
    }
    // Awaited from the last to the first: polling does not decide.
    for commit in pending.into_iter().rev() {
        assert_eq!(commit.await, Ok(()));
    }
    assert_eq!(
        store.get(b"last").await,
        Ok(Some(199_u32.to_le_bytes().to_vec()))
    );
}

pub(crate) async fn large_values(subject: &dyn Subject) {
    let store = subject.open();
    for size in [
        1_000, 16_383, 16_384, 16_385, 65_536, 131_072, 1_000_000, 5_000_000,
    ] {
        let value: Vec<u8> = (0..size)
            .map(|at| u8::try_from(at % 251).unwrap_or(0))
            .collect();
        let key = format!("large-{size}").into_bytes();
        let copy = format!("copy-{size}").into_bytes();
        assert_eq!(
            store.commit(puts(&[(&key, &value), (&copy, &value)])).await,
            Ok(())
        );
        assert_eq!(store.get(&key).await, Ok(Some(value.clone())));
        let mut delete = Batch::default();
        delete.delete(key.clone());
        assert_eq!(store.commit(delete).await, Ok(()));
        assert_eq!(store.get(&key).await, Ok(None));
        assert!(
            store.get(&copy).await == Ok(Some(value)),
            "the other key keeps its value"
        );
        assert_eq!(store.commit(puts(&[(&copy, b"small")])).await, Ok(()));
        assert_eq!(store.get(&copy).await, Ok(Some(b"small".to_vec())));
    }
}

pub(crate) async fn keys_of_any_bytes_up_to_the_limit(subject: &dyn Subject) {
    let store = subject.open();
    let longest = vec![0xff; MAX_KEY_BYTES];
    for key in [&b""[..], b"\0", b"\0\0", b"\xff", b"a\0b", &longest] {
        assert_eq!(store.commit(puts(&[(key, key)])).await, Ok(()));
    }
    for key in [&b""[..], b"\0", b"\0\0", b"\xff", b"a\0b", &longest] {
        assert_eq!(store.get(key).await, Ok(Some(key.to_vec())));
    }
    let long = vec![1; MAX_KEY_BYTES + 1];
    let refused = store.commit(puts(&[(b"beside", b""), (&long, b"")])).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid(_))),
        "{refused:?}"
    );
    assert_eq!(store.get(b"beside").await, Ok(None));
    assert_eq!(
        store.commit(puts(&[(b"after", b"")])).await,
        Ok(()),
        "the store goes on"
    );
}
