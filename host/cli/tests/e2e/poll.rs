//! A flow that polls, with the real program, the real connector and an upstream over HTTP:
//! the host is killed, and no change is lost or taken twice.

use crate::world::{Host, World, eventually, host_of, repository as root};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const FLOW: &str = "\
language: dowel/v1
flow: follow
version: 1.0.0
connections: { rates: exchange-rates@^0.1 }
trigger: { poll: { source: rates.new-rates, with: { base: EUR }, every: 1s } }
steps:
  - id: note
    set: { rate: '${ $trigger.rate }' }
output: '${ $vars.rate }'
";

/// How many changes a page has.
const PAGE: usize = 100;

/// A service with so many changes; its cursor is how many have been read.
async fn service(changes: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let changes = changes.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                let length = stream.read(&mut bytes).await.unwrap_or_default();
                let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let body = answer(&request, changes.load(Ordering::SeqCst)).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    format!("http://{address}")
}

fn answer(request: &str, count: usize) -> Value {
    let url = request.split_whitespace().nth(1).unwrap_or_default();
    let after = url.split_once("after=").map(|(_, rest)| rest);
    let after = after.and_then(|rest| rest.split('&').next()?.parse().ok());
    let from: usize = after.unwrap_or_default();
    let end = count.min(from + PAGE);
    let change = |n: usize| {
        let rate = format!("1.{n:04}0");
        json!({ "id": format!("C{n}"), "base": "EUR", "currency": "USD", "rate": rate,
                "at": "2026-01-05T15:00:00Z" })
    };
    let next = (end > from).then(|| end.to_string());
    json!({ "changes": (from..end).map(change).collect::<Vec<_>>(), "next": next })
}

fn write(folder: &Path, base_url: &str) {
    fs::create_dir_all(folder.join("flows/follow")).unwrap();
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("flows/follow/flow.yaml"), FLOW).unwrap();
    let component = root().join(".dowel/connectors/exchange-rates-0.1.0.wasm");
    let to = folder.join("connectors/exchange-rates-0.1.0.wasm");
    fs::copy(component, to).unwrap();
    let environment = format!(
        "environment: dev\nconnections:\n  rates:\n    connector: exchange-rates\n    config: {{ base_url: '{base_url}' }}\n    allow: ['GET {base_url}/*']\n    private_addresses: [127.0.0.0/8]\n"
    );
    fs::write(folder.join("env.yaml"), environment).unwrap();
}

/// The rates of the runs that have succeeded, in order.
async fn rates(world: &World, host: &Host) -> Vec<String> {
    let path = "/api/v1/runs?flow=follow&status=succeeded&limit=200";
    let (_, page) = world.get(host, path).await;
    let page: Value = serde_json::from_str(&page).unwrap();
    let runs = page["runs"].as_array().cloned().unwrap_or_default();
    let keys = runs.iter().filter_map(|run| run["dedupe_key"].as_str());
    let mut keys: Vec<String> = keys.map(str::to_owned).collect();
    keys.sort();
    keys
}

fn expected(count: usize) -> Vec<String> {
    let mut keys: Vec<String> = (0..count).map(|n| format!("C{n}")).collect();
    keys.sort();
    keys
}

async fn all(world: &World, host: &Host, count: usize) {
    let what = format!("{count} runs");
    eventually(&what, async || {
        (rates(world, host).await.len() >= count).then_some(())
    })
    .await;
    assert_eq!(rates(world, host).await, expected(count));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_taken_once_over_a_kill_of_the_host() {
    let world = World::start().await;
    let changes = Arc::new(AtomicUsize::new(120));
    let base_url = service(changes.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &base_url);
    let first = host_of(folder.path());
    all(&world, &first, 120).await;
    changes.store(125, Ordering::SeqCst);
    first.kill();
    let second = host_of(folder.path());
    all(&world, &second, 125).await;

    let ask = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
        let output = command.args(arguments).args(["--host", &second.socket]);
        let output = output.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}{errors}");
        text
    };
    let listed = ask(&["sources", "list"]);
    assert!(listed.contains("rates.new-rates every 1s"), "{listed}");
    assert!(listed.contains("125 "), "{listed}");
    let reason = ["--reason", "the upstream was restored"];
    let reset = ["sources", "reset", "follow", "poll", "--cursor", "100"];
    ask(&[&reset[..], &reason[..]].concat());
    changes.store(126, Ordering::SeqCst);
    all(&world, &second, 126).await;
    let audit = ask(&["audit", "list"]);
    assert!(audit.contains("reset-source"), "{audit}");
}
