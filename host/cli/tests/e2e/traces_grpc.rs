//! Traces over gRPC, with a receiver of the test's own (gRPC over HTTP/2, section
//! "Requests"), and links from a step to whoever sent the event that it waited for.

use crate::traces::{Received, named};
use crate::world::{EVENTS_TOKEN, Host, World, dowel, eventually};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::routing::post;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tokio::net::TcpListener;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

const FLOW: &str = "\
language: dowel/v1
flow: paid-order
version: 1.0.0
trigger: { manual: {} }
steps:
  - id: payment
    receive:
      type: com.example.payment.received
      match: { event: '${ .data.order }', value: '${ $trigger.order }' }
      within: 30d
  - id: told
    run: tell@^1
    with: { order: '${ $trigger.order }' }
output: null
";

const TELL: &str = "\
language: dowel/v1
flow: tell
version: 1.0.0
trigger: { manual: {} }
steps: [{ id: done, set: { told: true } }]
output: null
";

const ENVIRONMENT: &str = "\
environment: dev
events: { senders: { bank: { verify_secret: shop_events } } }
";

fn repository(folder: &Path, otlp: &str) {
    for (name, text) in [("paid-order", FLOW), ("tell", TELL)] {
        let flow = folder.join("flows").join(name);
        fs::create_dir_all(&flow).unwrap();
        fs::write(flow.join("flow.yaml"), text).unwrap();
    }
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("env.yaml"), ENVIRONMENT).unwrap();
    let host = format!("host: dowel/v1\ntelemetry: {{ otlp: '{otlp}', protocol: grpc }}\n");
    fs::write(folder.join("host.yaml"), host).unwrap();
}

/// A message behind its prefix: not compressed, length.
fn unframed(bytes: &[u8]) -> &[u8] {
    let (prefix, message) = bytes.split_at(5);
    assert_eq!(prefix[0], 0, "not compressed");
    let length = u32::from_be_bytes(prefix[1..].try_into().unwrap());
    assert_eq!(usize::try_from(length).unwrap(), message.len());
    message
}

/// An empty message, and that all is well.
fn well() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let message = Full::new(Bytes::from_static(&[0; 5]));
    let body = message.with_trailers(async { Some(Ok(trailers)) });
    Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new(body))
        .unwrap()
}

async fn listen(received: &Received) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = received.clone();
    let take = async move |headers: HeaderMap, bytes: Bytes| {
        assert_eq!(headers["content-type"], "application/grpc");
        received.add(unframed(&bytes));
        well()
    };
    let router = Router::new().route(EXPORT, post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn host(folder: &Path) -> Host {
    let mut command = dowel(folder, &["serve"]);
    command
        .arg("--env-file")
        .arg(folder.join("env.yaml"))
        .arg("--host-file")
        .arg(folder.join("host.yaml"))
        .arg("--data")
        .arg(folder.join("data"))
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .env("DOWEL_SECRET_SHOP_EVENTS", EVENTS_TOKEN)
        .env("DOWEL_LOG", "error");
    Host::spawn(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_go_over_grpc_and_link_to_senders_and_sub_runs() {
    let (world, received) = (World::start().await, Received::default());
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path(), &listen(&received).await);
    let host = host(folder.path());

    let url = format!("{}/api/v1/flows/paid-order/runs", host.admin);
    let begun = host
        .api
        .post(url)
        .header("content-type", "application/json")
        .body(json!({ "order": "A1" }).to_string())
        .send()
        .await
        .unwrap();
    let begun: Value = serde_json::from_str(&begun.text().await.unwrap()).unwrap();
    let run = begun["run"].as_str().unwrap();
    eventually("the run to wait", async || {
        let (_, story) = world.get(&host, &format!("/api/v1/runs/{run}")).await;
        let story: Value = serde_json::from_str(&story).unwrap();
        (story["status"] == "waiting").then_some(())
    })
    .await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/bank", "type": "com.example.payment.received",
        "traceparent": format!("00-{trace}-00f067aa0ba902b7-01"), "data": { "order": "A1" },
    });
    let request = world.http.post(format!("{}/events", host.public));
    let request = request
        .bearer_auth(EVENTS_TOKEN)
        .header("content-type", "application/cloudevents+json");
    let taken = request.body(event.to_string()).send().await.unwrap();
    assert_eq!(taken.status(), 202);
    let story = world.settled(&host, run).await;
    assert_eq!(story["status"], "succeeded", "{story}");

    let spans = received.of(run).await;
    let payment = named(&spans, "receive payment");
    let link = (trace.to_owned(), "00f067aa0ba902b7".to_owned());
    assert_eq!(payment.links, [link], "to the span of the bank");
    let told = named(&spans, "run told");
    let child = &told.attributes["dowel.child"];
    let of_child = received.of(child).await;
    let top = named(&of_child, "tell");
    assert_eq!(told.links[0].1, top.id, "to the span of the other run");
}
