//! Requests that are sent again under their key.

use crate::support::*;
use dowel_core::Digest;
use dowel_core::port::{Scan, Store as _};
use dowel_engine::{KeptAnswer, Once, Repeatable};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn request(key: &str, body: &str) -> Repeatable {
    Repeatable {
        key: Digest::of(key),
        request: Digest::of(body),
    }
}

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer {
        status: 200,
        headers: Vec::new(),
        body: Some(body.to_owned()),
    }
}

async fn rows(world: &World) -> usize {
    world
        .store
        .scan(Scan::prefix("z", 100))
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_request_is_first_then_underway_then_unknown_or_answered() {
    let world = World::default();
    let engine = world
        .engine_of(std::sync::Arc::new(world.store.clone()), Vec::new())
        .await;
    let one = request("k", "a");
    assert_eq!(engine.begin_once(one).await.unwrap(), Once::First);
    assert_eq!(engine.begin_once(one).await.unwrap(), Once::Underway);
    let other = request("k", "b");
    assert_eq!(engine.begin_once(other).await.unwrap(), Once::Differs);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(engine.begin_once(one).await.unwrap(), Once::Unknown);
    engine.finish_once(one, answer("done")).await.unwrap();
    let kept = Once::Answered(answer("done"));
    assert_eq!(engine.begin_once(one).await.unwrap(), kept);
    // What is kept stays.
    engine.finish_once(one, answer("again")).await.unwrap();
    engine.forget_once(one).await.unwrap();
    assert_eq!(engine.begin_once(one).await.unwrap(), kept);
}

#[tokio::test]
async fn what_was_refused_is_forgotten_and_long_answers_are_not_kept_whole() {
    let world = World::default();
    let engine = world
        .engine_of(std::sync::Arc::new(world.store.clone()), Vec::new())
        .await;
    let one = request("k", "a");
    engine.begin_once(one).await.unwrap();
    engine.forget_once(one).await.unwrap();
    assert_eq!(rows(&world).await, 0);
    assert_eq!(
        engine.begin_once(request("k", "b")).await.unwrap(),
        Once::First
    );
    let long = request("long", "a");
    engine.begin_once(long).await.unwrap();
    engine
        .finish_once(long, answer(&"x".repeat(20_000)))
        .await
        .unwrap();
    let Once::Answered(kept) = engine.begin_once(long).await.unwrap() else {
        panic!("it was answered");
    };
    assert_eq!((kept.status, kept.body), (200, None));
}

#[tokio::test]
async fn nothing_is_left_after_a_day_and_a_key_that_was_used_anew_stays() {
    let world = World::default();
    let engine = world
        .engine_of(std::sync::Arc::new(world.store.clone()), Vec::new())
        .await;
    for key in ["a", "b"] {
        engine.begin_once(request(key, "x")).await.unwrap();
        engine
            .finish_once(request(key, "x"), answer("x"))
            .await
            .unwrap();
    }
    world.clock.advance(DAY);
    assert_eq!(
        engine.begin_once(request("b", "y")).await.unwrap(),
        Once::First
    );
    engine.sweep().await.unwrap();
    assert_eq!(rows(&world).await, 2, "the request and its place in time");
    assert_eq!(
        engine.begin_once(request("b", "y")).await.unwrap(),
        Once::Underway
    );
}
