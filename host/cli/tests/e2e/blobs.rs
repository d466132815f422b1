//! A file goes from one system to another beside the run, with the real program and real
//! connectors: the host is killed in the middle of it, and every byte arrives.

use crate::world::{Host, World, eventually, host_of, repository as root};
use dowel_core::Digest;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const FLOW: &str = "\
language: dowel/v1
flow: move-file
version: 1.0.0
connections: { files: http@^0.1 }
trigger: { manual: {} }
steps:
  - id: get
    call: files.download
    with: { path: big.bin }
  - id: put
    call: files.upload
    with: { method: PUT, path: copy.bin, body: '${ $steps.get.body }' }
output: '${ $steps.get.body }'
";

/// More than an answer may have unless a connection says otherwise, and more than an
/// instance has memory.
const BYTES: usize = 80 << 20;

fn content() -> Vec<u8> {
    (0..BYTES).map(|n| (n % 251).to_le_bytes()[0]).collect()
}

#[derive(Default)]
struct Service {
    content: Vec<u8>,
    /// The first download stops half-way and waits.
    stalls: AtomicBool,
    stalled: Notify,
    received: std::sync::Mutex<Option<Digest>>,
    downloads: AtomicUsize,
}

async fn service(service: Arc<Service>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(service.clone(), stream));
        }
    });
    format!("http://{address}")
}

async fn answer(service: Arc<Service>, mut stream: TcpStream) {
    let mut bytes = Vec::new();
    let end = loop {
        let at = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(at) = at {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    if head.starts_with("get") {
        service.downloads.fetch_add(1, Ordering::SeqCst);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-thing\r\ncontent-length: {BYTES}\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes()).await;
        let (first, second) = service.content.split_at(BYTES / 2);
        let _ = stream.write_all(first).await;
        if service.stalls.swap(false, Ordering::SeqCst) {
            service.stalled.notify_one();
            // Until the other side is killed.
            let _ = stream.read(&mut [0]).await;
            return;
        }
        let _ = stream.write_all(second).await;
        return;
    }
    assert!(head.contains(&format!("content-length: {BYTES}")), "{head}");
    assert!(head.contains("content-type: application/x-thing"), "{head}");
    assert!(head.contains("idempotency-key"), "{head}");
    let mut body = bytes.split_off(end);
    while body.len() < BYTES {
        if stream.read_buf(&mut body).await.unwrap_or_default() == 0 {
            return;
        }
    }
    *service.received.lock().unwrap() = Some(Digest::of(&body));
    let _ = stream
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .await;
}

fn write(folder: &Path, base_url: &str, limits: &str) {
    fs::create_dir_all(folder.join("flows/move-file")).unwrap();
    fs::create_dir_all(folder.join("connectors")).unwrap();
    fs::write(folder.join("flows/move-file/flow.yaml"), FLOW).unwrap();
    let component = root().join(".dowel/connectors/http-0.1.0.wasm");
    fs::copy(component, folder.join("connectors/http-0.1.0.wasm")).unwrap();
    let environment = format!(
        "environment: dev\nconnections:\n  files:\n    connector: http\n    config: {{ base_url: '{base_url}' }}\n    allow: ['* {base_url}/*']\n    private_addresses: [127.0.0.0/8]\n    limits: {{ {limits} }}\n"
    );
    fs::write(folder.join("env.yaml"), environment).unwrap();
}

fn dowel(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    let output = command.args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text + &errors)
}

async fn started(host: &Host) -> String {
    let url = format!("{}/api/v1/flows/move-file/runs", host.admin);
    let request = host.api.post(url);
    let request = request.header("content-type", "application/json");
    let response = request.body("{}").send().await.unwrap();
    let text = response.text().await.unwrap();
    let started: Value = serde_json::from_str(&text).unwrap();
    let run = started["run"].as_str().unwrap_or_else(|| panic!("{text}"));
    run.to_owned()
}

async fn ended(world: &World, host: &Host, run: &str) -> Value {
    eventually("the run has ended", async || {
        let (_, text) = world.get(host, &format!("/api/v1/runs/{run}")).await;
        let story: Value = serde_json::from_str(&text).unwrap();
        let is_open = matches!(
            story["status"].as_str(),
            Some("running" | "waiting" | "pending")
        );
        (!is_open).then_some(story)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_whole_although_the_host_is_killed_in_the_middle() {
    let world = World::start().await;
    let files = Arc::new(Service {
        content: content(),
        stalls: AtomicBool::new(true),
        ..Service::default()
    });
    let base_url = service(files.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &base_url, "blobs: 100MiB, response: 100MiB");
    let first = host_of(folder.path());
    let run = started(&first).await;
    files.stalled.notified().await;
    first.kill();
    let second = host_of(folder.path());
    let story = ended(&world, &second, &run).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    let digest = Digest::of(&files.content);
    assert_eq!(*files.received.lock().unwrap(), Some(digest));
    assert_eq!(files.downloads.load(Ordering::SeqCst), 2);
    let out = folder.path().join("copy.bin");
    let digest = digest.to_string();
    let arguments = [
        "runs",
        "blob",
        &run,
        &digest,
        "--host",
        &second.socket,
        "--out",
    ];
    let (is_good, text) = dowel(&[&arguments[..], &[out.to_str().unwrap()]].concat());
    assert!(is_good, "{text}");
    assert!(fs::read(out).unwrap() == files.content);
    let nothing = "0".repeat(64);
    let (is_good, text) = dowel(&[
        "runs",
        "blob",
        &run,
        &format!("sha256:{nothing}"),
        "--host",
        &second.socket,
    ]);
    assert!(!is_good && text.contains("DWL-4048"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_granted_less_gets_a_clear_error() {
    let world = World::start().await;
    let files = Arc::new(Service {
        content: content(),
        ..Service::default()
    });
    let base_url = service(files.clone()).await;
    for (limits, code) in [
        ("response: 100MiB", "blobs-not-granted"),
        ("response: 100MiB, blobs: 70MiB", "blob-too-large"),
        ("blobs: 100MiB, response: 1MiB", "DWL-22"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &base_url, limits);
        let host = host_of(folder.path());
        let run = started(&host).await;
        let story = ended(&world, &host, &run).await;
        assert_eq!(story["status"], "parked", "{story}");
        let text = story.to_string();
        assert!(text.contains(code), "{limits}: {text}");
    }
    assert_eq!(*files.received.lock().unwrap(), None);
}
