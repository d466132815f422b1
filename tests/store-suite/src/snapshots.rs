//! Copies of a store that works.

use crate::{Random, Subject, puts};
use dowel_core::port::{Batch, Scan, Store, Write};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

async fn copy(store: &dyn Store) -> Contents {
    let mut snapshot = match store.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => panic!("{error}"),
    };
    let mut copy = Contents::new();
    loop {
        match snapshot.next().await {
            Ok(None) => return copy,
            Ok(Some(writes)) => {
                for write in writes {
                    match write {
                        Write::Put(key, value) => copy.insert(key, value),
                        Write::Delete(key) => copy.remove(&key),
                    };
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn a_copy_has_everything_and_nothing_else(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(copy(&*store).await, Contents::new());
    let mut random = Random(7);
    for number in 0..300_u32 {
        let size = if number % 50 == 0 { 60_000 } else { 40 };
        let value = vec![u8::try_from(random.below(256)).unwrap_or(0); size];
        assert_eq!(
            store.commit(puts(&[(&number.to_be_bytes(), &value)])).await,
            Ok(())
        );
    }
    let mut delete = Batch::default();
    delete.delete(7_u32.to_be_bytes().to_vec());
    assert_eq!(store.commit(delete).await, Ok(()));
    let all = store.scan(Scan::prefix("", usize::MAX)).await;
    let all: Contents = all.unwrap_or_default().into_iter().collect();
    assert_eq!(all.len(), 299);
    assert!(copy(&*store).await == all);
}

/// Two numbers far apart rise together: a copy of one moment has them equal, and not
/// below what was acknowledged when it began.
pub(crate) async fn a_copy_of_a_busy_store_is_of_one_moment(subject: &dyn Subject) {
    const COPIES: usize = 6;
    let store = subject.open();
    let filler: Vec<_> = (0..500_u32)
        .map(|number| [b"m", &number.to_be_bytes()[..]].concat())
        .collect();
    for key in &filler {
        assert_eq!(store.commit(puts(&[(key, &[1; 500])])).await, Ok(()));
    }
    let acknowledged = Arc::new(AtomicU64::new(0));
    let writer = tokio::spawn({
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        async move {
            for number in 1_u64.. {
                let value = number.to_be_bytes();
                // Comes and goes, and may be large.
                let passing = vec![b'p'; if number % 20 == 0 { 50_000 } else { 10 }];
                let mut batch = puts(&[(b"a", &value), (b"z", &value), (b"n", &passing)]);
                if number % 2 == 0 {
                    batch.delete(b"n".to_vec());
                }
                assert_eq!(store.commit(batch).await, Ok(()));
                acknowledged.store(number, Ordering::Release);
                // A store in memory never makes anybody wait.
                tokio::task::yield_now().await;
            }
        }
    });
    for _ in 0..COPIES {
        let before = acknowledged.load(Ordering::Acquire);
        let copy = copy(&*store).await;
        let number = |key: &[u8]| {
            let bytes = copy
                .get(key)
                .and_then(|value| value.as_slice().try_into().ok());
            bytes.map_or(0, u64::from_be_bytes)
        };
        let (first, last) = (number(b"a"), number(b"z"));
        assert_eq!(first, last, "not of one moment");
        assert!(
            first >= before,
            "{before} was acknowledged, {first} is there"
        );
        assert_eq!(copy.contains_key(&b"n"[..]), first % 2 == 1);
        assert!(filler.iter().all(|key| copy.contains_key(key)));
        tokio::task::yield_now().await;
    }
    writer.abort();
}
