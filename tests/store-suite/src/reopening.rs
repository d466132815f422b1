//! Closing and opening again.

use crate::{Subject, puts};
use dowel_core::port::{Batch, Scan, StoreError};

pub(crate) async fn everything_is_there_again(subject: &dyn Subject) {
    const ROUNDS: usize = 4;
    const KEYS: usize = 50;
    for round in 0..ROUNDS {
        let store = subject.open();
        let before = store
            .scan(Scan::prefix("kept/", usize::MAX))
            .await
            .unwrap_or_default();
        assert_eq!(before.len(), round * KEYS);
        assert!(
            before.iter().all(|(key, value)| value.starts_with(key)),
            "values belong to their keys"
        );
        let gone = store.get(b"large").await;
        assert_eq!(gone, Ok((round > 0).then(|| vec![7; 300_000])));
        for number in 0..KEYS {
            let key = format!("kept/{round}/{number}").into_bytes();
            let mut value = key.clone();
            value.resize(key.len() + 30 * number, b'.');
            let mut batch = puts(&[(&key, &value), (b"large", &vec![7; 300_000])]);
            batch.require_absent(key).delete(b"other".to_vec());
            assert_eq!(store.commit(batch).await, Ok(()));
        }
        let mut again = Batch::default();
        again.require_absent(b"kept/0/0".to_vec());
        assert_eq!(
            store.commit(again).await,
            Err(StoreError::Conflict(b"kept/0/0".to_vec()))
        );
    }
}
