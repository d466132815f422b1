//! Scans: order, prefixes, pages.

use crate::{Subject, puts};
use dowel_core::port::{Scan, Store};

async fn fill(store: &dyn Store, keys: &[&[u8]]) {
    let entries: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (*key, *key)).collect();
    assert_eq!(store.commit(puts(&entries)).await, Ok(()));
}

async fn check(store: &dyn Store, scan: Scan, expected: &[&[u8]]) {
    let found = match store.scan(scan.clone()).await {
        Ok(found) => found,
        Err(error) => panic!("{scan:?}: {error}"),
    };
    let keys: Vec<&[u8]> = found.iter().map(|(key, _)| key.as_slice()).collect();
    assert_eq!(keys, expected, "{scan:?}");
    for (key, value) in &found {
        assert_eq!(key, value, "{scan:?}");
    }
}

pub(crate) async fn by_prefix_in_order(subject: &dyn Subject) {
    let store = subject.open();
    fill(&*store, &[b"b/2", b"a/1", b"b/10", b"b/1", b"c", b"b"]).await;
    check(&*store, Scan::prefix("b/", 9), &[b"b/1", b"b/10", b"b/2"]).await;
    check(
        &*store,
        Scan::prefix("b/", 9).reversed(),
        &[b"b/2", b"b/10", b"b/1"],
    )
    .await;
    check(
        &*store,
        Scan::prefix("b", 9),
        &[b"b", b"b/1", b"b/10", b"b/2"],
    )
    .await;
    check(&*store, Scan::prefix("", 2), &[b"a/1", b"b"]).await;
    check(&*store, Scan::prefix("", 2).reversed(), &[b"c", b"b/2"]).await;
    check(&*store, Scan::prefix("x", 9), &[]).await;
    check(&*store, Scan::prefix("b", 0), &[]).await;
}

pub(crate) async fn after_and_limit_make_pages(subject: &dyn Subject) {
    let store = subject.open();
    let keys: Vec<Vec<u8>> = (0..100_u8).map(|number| vec![b'k', number]).collect();
    let borrowed: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    fill(&*store, &borrowed).await;
    fill(&*store, &[b"j", b"l"]).await;
    for reverse in [false, true] {
        let mut seen = Vec::new();
        let mut page = Scan::prefix("k", 7);
        page.reverse = reverse;
        loop {
            let found = store.scan(page.clone()).await.unwrap_or_default();
            let Some((last, _)) = found.last() else { break };
            page = page.after(last.clone());
            seen.extend(found.into_iter().map(|(key, _)| key));
        }
        if reverse {
            seen.reverse();
        }
        assert_eq!(seen, keys);
    }
}

pub(crate) async fn prefixes_that_end_in_ff(subject: &dyn Subject) {
    let store = subject.open();
    fill(
        &*store,
        &[
            b"a\xfe",
            b"a\xff",
            b"a\xff\0",
            b"a\xff\xff",
            b"b",
            b"\xff",
            b"\xff\xff",
            b"\xff\xff\x01",
        ],
    )
    .await;
    check(
        &*store,
        Scan::prefix(b"a\xff", 9),
        &[b"a\xff", b"a\xff\0", b"a\xff\xff"],
    )
    .await;
    check(
        &*store,
        Scan::prefix(b"a\xff\xff", 9).reversed(),
        &[b"a\xff\xff"],
    )
    .await;
    check(
        &*store,
        Scan::prefix(b"\xff", 9),
        &[b"\xff", b"\xff\xff", b"\xff\xff\x01"],
    )
    .await;
    check(
        &*store,
        Scan::prefix(b"\xff\xff", 9).reversed(),
        &[b"\xff\xff\x01", b"\xff\xff"],
    )
    .await;
}

pub(crate) async fn after_outside_the_prefix(subject: &dyn Subject) {
    let store = subject.open();
    fill(&*store, &[b"a", b"k1", b"k2", b"z"]).await;
    check(&*store, Scan::prefix("k", 9).after("a"), &[b"k1", b"k2"]).await;
    check(&*store, Scan::prefix("k", 9).after("z"), &[]).await;
    check(&*store, Scan::prefix("k", 9).after("k"), &[b"k1", b"k2"]).await;
    check(&*store, Scan::prefix("k", 9).after("k11"), &[b"k2"]).await;
    check(
        &*store,
        Scan::prefix("k", 9).reversed().after("z"),
        &[b"k2", b"k1"],
    )
    .await;
    check(&*store, Scan::prefix("k", 9).reversed().after("a"), &[]).await;
    check(
        &*store,
        Scan::prefix("k", 9).reversed().after("k11"),
        &[b"k1"],
    )
    .await;
    check(
        &*store,
        Scan::prefix("", 9).after(""),
        &[b"a", b"k1", b"k2", b"z"],
    )
    .await;
    check(&*store, Scan::prefix("", 9).reversed().after(""), &[]).await;
}

pub(crate) async fn binary_keys(subject: &dyn Subject) {
    let store = subject.open();
    let all: &[&[u8]] = &[
        b"", b"\0", b"\0\0", b"\0\x01", b"\x01", b"\x7f", b"\x80", b"\xff\0",
    ];
    fill(&*store, all).await;
    check(&*store, Scan::prefix("", 99), all).await;
    check(
        &*store,
        Scan::prefix(b"\0", 99),
        &[b"\0", b"\0\0", b"\0\x01"],
    )
    .await;
}
