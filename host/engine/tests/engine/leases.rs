//! Several hosts on one store: each run is one host's, and a dead host's runs go on.

use crate::crash::{Crash, Mortal};
use crate::support::*;
use dowel_core::port::{Scan, Store};
use dowel_engine::state::RunStatus;
use dowel_engine::{EngineOptions, Hosts};
use std::sync::Arc;
use tokio::sync::Notify;

fn world() -> World {
    World {
        options: EngineOptions {
            hosts: Hosts::Several,
            ..EngineOptions::default()
        },
        ..World::default()
    }
}

async fn leases(world: &World) -> usize {
    let rows = world.store.scan(Scan::prefix("l", 100)).await.unwrap();
    rows.len()
}

#[tokio::test]
async fn a_host_takes_over_what_a_dead_one_had() {
    let world = world();
    let second = world.engine(order_plan()).await;
    let dead = Arc::new(Notify::new());
    // Commits: plan, intake, the intent of the invoice with the lease.
    let store = Mortal::new(&world.store, 2, Crash::After, &dead);
    let first = world.engine_on(Arc::new(store), order_plan()).await;
    let run = first.accept(request(ORDER)).await.unwrap().run();
    dead.notified().await;
    assert_eq!(leases(&world).await, 1);
    assert_eq!(second.settled(run).await.unwrap(), RunStatus::Succeeded);
    let keys: Vec<String> = world
        .connectors
        .calls()
        .into_iter()
        .map(|c| c.key)
        .collect();
    assert_eq!(world.calls("erp.create"), 1, "{keys:?}");
    assert_eq!(leases(&world).await, 0, "it is given back");
}

#[tokio::test]
async fn a_run_of_a_living_host_is_left_to_it() {
    let world = world();
    let first = world.engine(order_plan()).await;
    let second = world.engine(order_plan()).await;
    for number in 0..20 {
        let order = ORDER.replace("A1", &format!("A{number}"));
        let run = first.accept(request(&order)).await.unwrap().run();
        assert_eq!(first.settled(run).await.unwrap(), RunStatus::Succeeded);
    }
    drop(second);
    assert_eq!(world.calls("erp.create"), 20, "each once");
    assert_eq!(leases(&world).await, 0);
}

#[tokio::test]
async fn a_host_alone_pays_nothing() {
    let (alone, several) = (World::default(), world());
    for world in [&alone, &several] {
        let engine = world.engine(order_plan()).await;
        let run = engine.accept(request(ORDER)).await.unwrap().run();
        engine.settled(run).await.unwrap();
    }
    assert_eq!(
        alone.store.commits(),
        several.store.commits(),
        "leases ride"
    );
    assert_eq!(leases(&alone).await, 0);
}
