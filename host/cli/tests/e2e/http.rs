//! What senders and operators get over HTTP.

use crate::world::{HOOK_TOKEN, World, order};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_over_http() {
    let world = World::start().await;
    let host = world.host();

    world.order(&host, &order("H1")).await;
    world.order(&host, &order("H2")).await;
    refusals(&world, &host).await;
    operators(&world, &host).await;
}

async fn refusals(world: &World, host: &crate::world::Host) {
    let hook = format!("{}/hooks/orders", host.public);
    let send = async |token: &str, body: String| {
        let response = world
            .http
            .post(&hook)
            .bearer_auth(token)
            .body(body)
            .send()
            .await
            .unwrap();
        let kind = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let status = response.status().as_u16();
        assert_eq!(kind, "application/problem+json");
        let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(problem["status"], status);
        (status, problem)
    };
    let (status, problem) = send(
        HOOK_TOKEN,
        order("I1").replace("\"qty\":3", "\"qty\":\"three\""),
    )
    .await;
    assert_eq!(status, 422);
    assert_eq!(problem["code"], "DWL-4003");
    assert_eq!(problem["errors"][0]["pointer"], "/lines/0/qty");
    assert!(
        !problem.to_string().contains("three"),
        "values stay out of errors: {problem}"
    );
    assert!(problem["correlation_id"].is_string());
    assert_eq!(send(HOOK_TOKEN, "{".to_owned()).await.0, 400);
    assert_eq!(send(HOOK_TOKEN, " ".repeat(2 << 20)).await.0, 413);
    assert_eq!(send("wrong", order("I2")).await.0, 401);
    let nowhere = world
        .http
        .post(format!("{}/hooks/nowhere", host.public))
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), 404);
    let admin = world
        .http
        .get(format!("{}/api/v1/runs", host.public))
        .send()
        .await
        .unwrap();
    assert_eq!(admin.status(), 404, "the API is not on the public listener");
}

async fn operators(world: &World, host: &crate::world::Host) {
    assert_eq!(world.get(host, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(world.get(host, "/readyz").await.0, 200);
    let (status, metrics) = world.get(host, "/metrics").await;
    assert_eq!(status, 200);
    assert!(
        metrics.contains("dowel_runs_accepted_total{flow=\"order-to-invoice\"}"),
        "{metrics}"
    );
    let (status, list) = world.get(host, "/api/v1/runs?limit=2").await;
    assert_eq!(status, 200);
    let page: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(page["runs"].as_array().unwrap().len(), 2);
    assert!(page["next"].is_string());
    assert_eq!(world.get(host, "/api/v1/runs?limit=many").await.0, 400);
    assert_eq!(world.get(host, "/api/v1/runs?colour=red").await.0, 400);
    assert_eq!(world.get(host, "/api/v1/runs/0").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_backlog_is_a_429() {
    let world = World::start().await;
    let mut command = world.serve();
    command.args(["--max-backlog", "0"]);
    let host = crate::world::Host::spawn(command);
    let response = world.post(&host, &order("B1")).await.unwrap();
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
}
