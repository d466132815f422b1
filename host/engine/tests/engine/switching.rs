//! The moment at which another version becomes active: a schedule, a path of a webhook and
//! a subscription to events belong to exactly one version at any time.

use crate::events::{event, taker};
use crate::rollout::{settings, tree};
use crate::schedule::{Times, daily, planned, runs, scheduled};
use crate::support::{World, order_plan, settle};
use dowel_core::FlowName;
use dowel_engine::{ChangeRule, Engine, RunsQuery, Verdict};
use dowel_flow::plan::{Plan, Respond, TriggerKind, Verify};
use dowel_flow::schedule::{Misfire, Overlap};
use std::sync::Arc;

async fn switch(engine: &Engine, name: &str, plans: Vec<Plan>) {
    let settings = settings(&ChangeRule::default());
    let rolled = engine.roll_out(tree(name, &[]), plans, settings, || Ok(()));
    assert_eq!(rolled.await.unwrap(), Verdict::Active);
}

fn of_version(number: usize, plan: Plan) -> Plan {
    Plan {
        version: format!("{number}.0.0").parse().unwrap(),
        ..plan
    }
}

/// A version becomes active before, at and after each fire, in the same turn as the clock
/// moves and in another one.
#[tokio::test]
async fn no_version_fires_what_another_one_has_fired() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let plan = || scheduled(daily(Misfire::All, Overlap::Queue));
    let store = Arc::new(times.world.store.clone());
    let engine = times.engine_on(store, vec![plan()]).await;
    let mut number = 1;
    for (day, settles) in (2..12).zip([true, false].into_iter().cycle()) {
        for time in ["01:29:59", "01:30:00", "01:30:01"] {
            let now = format!("2026-03-{day:02}T{time}Z");
            if settles {
                times.go(&now).await;
            } else {
                times.clock.advance_to(crate::schedule::at(&now));
            }
            number += 1;
            let name = format!("tree {number}");
            switch(&engine, &name, vec![of_version(number, plan())]).await;
        }
        settle().await;
    }
    let expected = (2..12).map(|day| format!("2026-03-{day:02}T01:30:00.000Z"));
    assert_eq!(planned(&engine).await, expected.collect::<Vec<_>>());
    assert_eq!(runs(&engine).await.len(), 10);
}

#[tokio::test]
async fn a_path_moves_from_one_flow_to_another_at_once() {
    let world = World::default();
    let engine = world.engine_of(Arc::new(world.store.clone()), vec![]).await;
    let hooked = |flow: &str, path: &str| {
        let mut plan = order_plan();
        plan.flow = FlowName::new(flow).unwrap();
        plan.triggers[0].kind = TriggerKind::Webhook {
            path: path.to_owned(),
            method: "POST".to_owned(),
            verify: Verify::None,
            headers: vec![],
            respond: Respond::Accepted,
        };
        plan
    };
    let owner = |engine: &Engine, path: &str| {
        let hook = engine.hook("POST", path);
        hook.map(|hook| hook.flow.to_string())
    };
    switch(
        &engine,
        "one",
        vec![hooked("old", "/orders"), hooked("new", "/next")],
    )
    .await;
    assert_eq!(owner(&engine, "/orders").as_deref(), Some("old"));
    switch(
        &engine,
        "two",
        vec![hooked("old", "/before"), hooked("new", "/orders")],
    )
    .await;
    assert_eq!(owner(&engine, "/orders").as_deref(), Some("new"));
    assert_eq!(owner(&engine, "/next"), None);
    switch(&engine, "three", vec![hooked("new", "/orders")]).await;
    assert_eq!(owner(&engine, "/before"), None);
}

#[tokio::test]
async fn each_event_is_taken_by_one_version() {
    let world = World::default();
    let engine = world.engine_of(Arc::new(world.store.clone()), vec![]).await;
    let versions = |number| {
        vec![of_version(
            number,
            taker("paid", "com.example.order.*", None),
        )]
    };
    switch(&engine, "tree 1", versions(1)).await;
    let publishing = async {
        for number in 0..100 {
            let text = format!(
                r#"{{"specversion":"1.0","id":"{number}","source":"https://a.example","type":"com.example.order.paid","data":{{"id":"{number}"}}}}"#
            );
            engine.publish(&[event(&text)]).await.unwrap();
        }
    };
    let switching = async {
        for number in 2..20 {
            switch(&engine, &format!("tree {number}"), versions(number)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(publishing, switching);
    settle().await;
    let query = RunsQuery {
        limit: 500,
        ..RunsQuery::default()
    };
    let runs = engine.runs(&query).await.unwrap().runs;
    assert_eq!(runs.len(), 100);
}
