//! A long seeded run of random operations beside a plain map.

use crate::{Random, Subject};
use dowel_core::port::{Batch, Entry, Scan};
use std::collections::BTreeMap;

const SEED: u64 = 20_261_123;
const STEPS: u64 = 400;
const REOPENINGS: u64 = 4;
/// Few, so that operations meet.
const KEYS: u64 = 300;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

pub(crate) async fn random_operations_agree_with_a_map(subject: &dyn Subject) {
    let mut random = Random(SEED);
    let mut model = Model::new();
    for _ in 0..REOPENINGS {
        let store = subject.open();
        for _ in 0..STEPS / REOPENINGS {
            let batch = batch(&mut random, &mut model);
            assert_eq!(store.commit(batch).await, Ok(()), "seed {SEED}");
            let scan = scan(&mut random);
            let found = store.scan(scan.clone()).await;
            assert_eq!(found, Ok(expected(&model, &scan)), "seed {SEED}: {scan:?}");
            let key = key(&mut random);
            assert_eq!(
                store.get(&key).await,
                Ok(model.get(&key).cloned()),
                "seed {SEED}: {key:?}"
            );
        }
        let everything = Scan::prefix("", usize::MAX);
        assert_eq!(
            store.scan(everything.clone()).await,
            Ok(expected(&model, &everything))
        );
    }
}

fn key(random: &mut Random) -> Vec<u8> {
    let number = random.below(KEYS);
    let mut key = vec![[b'a', 0xff, 0][usize::try_from(number % 3).unwrap_or(0)]; 1];
    key.extend_from_slice(number.to_string().as_bytes());
    key
}

fn value(random: &mut Random) -> Vec<u8> {
    let size = match random.below(20) {
        0 => 20_000 + random.below(30_000),
        1..4 => random.below(9_000),
        _ => random.below(200),
    };
    let fill = random.next().to_le_bytes();
    fill.into_iter()
        .cycle()
        .take(usize::try_from(size).unwrap_or(0))
        .collect()
}

/// A batch whose conditions hold, applied to the model.
fn batch(random: &mut Random, model: &mut Model) -> Batch {
    let mut batch = Batch::default();
    let condition = key(random);
    match model.get(&condition) {
        Some(value) => batch.require_equal(condition, value.clone()),
        None => batch.require_absent(condition),
    };
    for _ in 0..random.below(12) {
        let key = key(random);
        if random.below(3) == 0 {
            model.remove(&key);
            batch.delete(key);
        } else {
            let value = value(random);
            model.insert(key.clone(), value.clone());
            batch.put(key, value);
        }
    }
    batch
}

fn scan(random: &mut Random) -> Scan {
    let prefix_length = usize::try_from(random.below(4)).unwrap_or(0);
    let prefix: Vec<u8> = key(random).into_iter().take(prefix_length).collect();
    Scan {
        prefix,
        after: (random.below(2) == 0).then(|| key(random)),
        reverse: random.below(2) == 0,
        limit: usize::try_from(random.below(40)).unwrap_or(0),
        keys_only: random.below(4) == 0,
    }
}

fn expected(model: &Model, scan: &Scan) -> Vec<Entry> {
    let mut found: Vec<_> = model
        .iter()
        .filter(|(key, _)| key.starts_with(&scan.prefix))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if scan.reverse {
        found.reverse();
    }
    found.retain(|(key, _)| match &scan.after {
        Some(after) if scan.reverse => key < after,
        Some(after) => key > after,
        None => true,
    });
    found.truncate(scan.limit);
    if scan.keys_only {
        found.iter_mut().for_each(|(_, value)| value.clear());
    }
    found
}
