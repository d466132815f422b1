//! Traces with the real program: a receiver of the test's own takes what the host sends by
//! OTLP over HTTP, and decodes it by itself (opentelemetry-proto, `trace/v1/trace.proto`).

use crate::world::{Host, World, eventually, order};
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A span, as far as the tests look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    trace: String,
    pub(crate) id: String,
    parent: String,
    pub(crate) name: String,
    kind: u64,
    start: u64,
    end: u64,
    status: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Trace and span of each link.
    pub(crate) links: Vec<(String, String)>,
}

/// A field of a message (Protocol Buffers, "Encoding").
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, Field::Number(varint(&mut bytes))));
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            other => panic!("there is no wire type {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        bytes = rest;
        found.push((
            key >> 3,
            match key & 7 {
                1 => Field::Number(u64::from_le_bytes(value.try_into().unwrap())),
                _ => Field::Bytes(value),
            },
        ));
    }
    found
}

/// The messages in a field.
fn inside(bytes: &[u8], number: u64) -> Vec<&[u8]> {
    let found = fields(bytes).into_iter();
    let found = found.filter_map(|(one, field)| match field {
        Field::Bytes(value) if one == number => Some(value),
        _ => None,
    });
    found.collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn span(bytes: &[u8]) -> Span {
    let mut span = Span::default();
    for (number, field) in fields(bytes) {
        match (number, field) {
            (1, Field::Bytes(id)) => span.trace = hex(id),
            (2, Field::Bytes(id)) => span.id = hex(id),
            (4, Field::Bytes(id)) => span.parent = hex(id),
            (5, Field::Bytes(name)) => span.name = text(name),
            (6, Field::Number(kind)) => span.kind = kind,
            (7, Field::Number(at)) => span.start = at,
            (8, Field::Number(at)) => span.end = at,
            (9, Field::Bytes(pair)) => {
                let key = text(inside(pair, 1)[0]);
                let value = inside(pair, 2)[0];
                let value = match fields(value).into_iter().next().unwrap().1 {
                    Field::Bytes(value) => text(value),
                    Field::Number(value) => value.to_string(),
                };
                span.attributes.insert(key, value);
            }
            (13, Field::Bytes(link)) => {
                let part = |number| hex(inside(link, number)[0]);
                span.links.push((part(1), part(2)));
            }
            (15, Field::Bytes(status)) => {
                for (number, field) in fields(status) {
                    if let (3, Field::Number(code)) = (number, field) {
                        span.status = code;
                    }
                }
            }
            _ => {}
        }
    }
    span
}

/// What was received.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<Span>>>);

impl Received {
    /// Listens until the test ends; its address.
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let received = received.clone();
                tokio::spawn(async move { received.take(stream).await });
            }
        });
        format!("http://{address}")
    }

    /// One request on one connection.
    async fn take(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let head = loop {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let headers = text(&bytes[..head]).to_lowercase();
        assert!(headers.starts_with("post /v1/traces http/1.1"), "{headers}");
        assert!(headers.contains("application/x-protobuf"), "{headers}");
        let length = headers
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().trim().parse().unwrap();
        while bytes.len() < head + length {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
        }
        self.add(&bytes[head..]);
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    /// What is in an `ExportTraceServiceRequest`.
    pub(crate) fn add(&self, request: &[u8]) {
        for resource in inside(request, 1) {
            for scope in inside(resource, 2) {
                let spans = inside(scope, 2).into_iter().map(span);
                self.0.lock().unwrap().extend(spans);
            }
        }
    }

    /// The spans of a run, once the run's own has come.
    pub(crate) async fn of(&self, run: &str) -> Vec<Span> {
        eventually("the spans of the run", async || {
            let all = self.0.lock().unwrap().clone();
            let own = |span: &Span| span.attributes.get("dowel.run").is_some_and(|id| id == run);
            let spans: Vec<Span> = all.into_iter().filter(own).collect();
            (!spans.is_empty()).then_some(spans)
        })
        .await
    }
}

/// A host that sends its traces there.
fn host(world: &World, otlp: &str, sample: &str) -> Host {
    let file = world.folder.path().join("host.yaml");
    let text = format!("host: dowel/v1\ntelemetry: {{ otlp: '{otlp}', sample: {sample} }}\n");
    fs::write(&file, text).unwrap();
    let mut command = world.serve();
    command.arg("--host-file").arg(file);
    Host::spawn(command)
}

pub(crate) fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("{name}: {spans:?}"))
}

#[tokio::test]
async fn an_order_is_one_trace_from_the_caller_to_the_upstream() {
    let (world, received) = (World::start().await, Received::default());
    let host = host(&world, &received.listen().await, "100%");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = world.http.post(format!("{}/hooks/orders", host.public));
    let request = request
        .bearer_auth(crate::world::HOOK_TOKEN)
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let answer = request.body(order("4711")).send().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let run = answer["run"].as_str().unwrap();
    let story = world.settled(&host, run).await;
    let spans = received.of(run).await;

    let top = named(&spans, "order-to-invoice");
    assert!(spans.iter().all(|span| span.trace == trace), "{spans:?}");
    assert_eq!(top.parent, "00f067aa0ba902b7");
    assert_eq!((top.kind, top.status), (5, 1), "a consumer that did well");
    assert_eq!(top.attributes["dowel.status"], "succeeded");
    assert_eq!(top.attributes["dowel.key"], "4711");
    assert_eq!(
        top.attributes["dowel.flow.version"],
        story["version"].as_str().unwrap()
    );
    let steps = story["steps"].as_array().unwrap();
    let attempts: usize = steps
        .iter()
        .map(|step| step["attempts"].as_array().unwrap().len())
        .sum();
    assert_eq!(spans.len(), 1 + steps.len() + attempts, "{spans:?}");
    let step = named(&spans, "call customer");
    assert_eq!(step.parent, top.id);
    let call = named(&spans, "crm.get-contact");
    assert_eq!((call.parent.as_str(), call.kind), (step.id.as_str(), 3));
    assert_eq!(call.attributes["dowel.attempt"], "1");
    assert!(call.attributes["dowel.connector.digest"].starts_with("sha256:"));
    assert!(top.start <= call.start && call.start <= call.end && call.end <= top.end);
    // Nothing of the payload.
    assert!(!format!("{spans:?}").contains("19.99"), "{spans:?}");
}

#[tokio::test]
async fn errors_are_traced_whatever_the_share_and_a_receiver_that_is_away_holds_nobody_up() {
    let (world, received) = (World::start().await, Received::default());
    let host = host(&world, &received.listen().await, "0%");
    let good = world.order(&host, &order("1")).await;
    assert_eq!(good["status"], "succeeded");
    // The shop knows no such customer.
    let bad = r#"{"order_id":"2","customer_id":"missing9","currency":"EUR","lines":[{"sku":"A","qty":1,"price":"1.00"}]}"#;
    let bad = world.order(&host, bad).await;
    assert_eq!(bad["status"], "parked", "{bad}");
    let spans = received.of(bad["id"].as_str().unwrap()).await;
    let top = named(&spans, "order-to-invoice");
    assert_eq!((top.status, top.parent.as_str()), (2, ""));
    assert_eq!(top.trace, bad["id"].as_str().unwrap().replace('-', ""));
    let all = received.0.lock().unwrap().clone();
    assert!(all.iter().all(|span| span.trace == top.trace), "{all:?}");
    drop(host);

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let host = self::host(&world, &nobody, "100%");
    assert_eq!(world.order(&host, &order("3")).await["status"], "succeeded");
    let failed = "dowel_trace_spans_total{outcome=\"failed\"}";
    eventually("the spans to be given up", async || {
        let (_, metrics) = world.get(&host, "/metrics").await;
        metrics.contains(failed).then_some(())
    })
    .await;
}
