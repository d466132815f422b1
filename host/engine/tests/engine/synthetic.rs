//! Flows that check others: their runs, and those that they begin, count nowhere.

use crate::subflow::{child, child_step, named, parent, start};
use crate::support::*;
use dowel_engine::kpi::Span;
use dowel_engine::state::RunStatus;
use dowel_engine::{Engine, IntakeRequest};
use dowel_flow::plan::Plan;
use dowel_testkit::Answer;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::time::Duration;

async fn shown(engine: &Engine) -> String {
    engine.refresh_metrics().await.unwrap();
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

/// The value of a counter; 0 without one.
fn value(text: &str, series: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(series));
    let value = lines.next().map(|rest| rest.trim().parse().unwrap());
    value.unwrap_or_default()
}

async fn run(engine: &Engine, flow: &str) {
    let request = IntakeRequest::new(flow.parse().unwrap(), "manual", ORDER);
    let run = engine.accept(request).await.unwrap().run();
    engine.settled(run).await.unwrap();
}

#[tokio::test]
async fn made_up_runs_and_their_children_count_in_a_series_of_their_own() {
    let world = World::default();
    let paid = Answer::Return(json(r#"{"id":"INV-1"}"#));
    world.connectors.script("erp.create", [paid.clone(), paid]);
    let probe = Plan {
        synthetic: true,
        ..named("probe", parent(vec![child_step("charge")]))
    };
    let real = named("real", parent(vec![child_step("charge")]));
    let engine = start(&world, vec![probe, real, child()]).await;
    let before = shown(&engine).await;
    assert!(
        before.contains("dowel_synthetic_runs_ended_total{flow=\"probe\",status=\"failed\"} 0"),
        "the series begins with a zero: {before}"
    );

    run(&engine, "probe").await;
    let text = shown(&engine).await;
    let ended = |text: &str, family: &str, flow: &str| {
        let series = format!("{family}{{flow=\"{flow}\",status=\"succeeded\"}}");
        value(text, &series)
    };
    for flow in ["probe", "child"] {
        assert_eq!(
            ended(&text, "dowel_synthetic_runs_ended_total", flow),
            1,
            "{text}"
        );
        assert_eq!(ended(&text, "dowel_runs_ended_total", flow), 0, "{text}");
        let flow = flow.parse().unwrap();
        let kpi = engine.kpi(&flow, Span::Day);
        assert!(kpi.slices.iter().all(|slice| slice.is_empty()), "{kpi:?}");
        assert!(engine.version_kpis(&flow).is_empty());
    }

    run(&engine, "real").await;
    let text = shown(&engine).await;
    for flow in ["real", "child"] {
        assert_eq!(ended(&text, "dowel_runs_ended_total", flow), 1, "{text}");
        let kpi = engine.kpi(&flow.parse().unwrap(), Span::Day);
        assert_eq!(
            kpi.slices.iter().map(|slice| slice.succeeded).sum::<u64>(),
            1
        );
    }
    assert_eq!(ended(&text, "dowel_synthetic_runs_ended_total", "child"), 1);
    let minute = engine.throughput(Duration::from_secs(60));
    assert_eq!(minute.succeeded, 4, "what is at work is told as it is");
}

#[tokio::test]
async fn an_exception_of_a_made_up_run_waits_for_a_person_and_is_in_no_chart() {
    let world = World::default();
    let refuses = Answer::Fail(
        dowel_core::ErrorKind::Rejected,
        dowel_core::SendRecord::Answered,
    );
    world.connectors.script("erp.create", [refuses]);
    let probe = Plan {
        synthetic: true,
        ..named("probe", parent(vec![child_step("charge")]))
    };
    let engine = start(&world, vec![probe, child()]).await;
    // The check waits for the run that it has begun, and that waits for a person.
    let request = IntakeRequest::new("probe".parse().unwrap(), "manual", ORDER);
    engine.accept(request).await.unwrap();
    settle().await;
    let summary = engine.runs(&Default::default()).await.unwrap().runs;
    let parked = summary.iter().filter(|run| run.status == RunStatus::Parked);
    assert!(parked.count() > 0, "{summary:?}");
    assert!(engine.item_count() > 0);
    let kpi = engine.kpi(&"child".parse().unwrap(), Span::Day);
    assert!(kpi.slices.iter().all(|slice| slice.is_empty()), "{kpi:?}");
    let text = shown(&engine).await;
    let bad = "dowel_synthetic_runs_ended_total{flow=\"child\",status=\"parked\"}";
    assert_eq!(value(&text, bad), 1, "{text}");
}
