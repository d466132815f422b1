//! A large body on its way through the host: from one system to another, by the connector
//! `http` and beside the run. What the host's memory grows by, and how fast it goes.

use crate::Bench;
use crate::machine::resident_mib;
use crate::orders::host::{Home, Host};
use anyhow::{Context as _, Result, bail};
use dowel_core::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// The path of a download is how many bytes it gives.
const FLOW: &str = "\
language: dowel/v1
flow: move-file
version: 1.0.0
connections: { files: http@^0.1 }
trigger: { manual: {} }
steps:
  - id: get
    call: files.download
    timeout: 30m
    with: { path: '${ $trigger.bytes }' }
  - id: put
    call: files.upload
    timeout: 30m
    with: { method: PUT, path: copy, body: '${ $steps.get.body }' }
output: '${ $steps.put.status }'
";

/// Before it is measured: components are compiled, and memory has been used once.
const WARM_UP: u64 = 8 << 20;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Bytes that the system on either side handles at once.
const CHUNK: usize = 256 * 1024;

/// What came out.
#[derive(Debug, Serialize)]
pub(crate) struct Bodies {
    mib: u64,
    rss_before_mib: f64,
    rss_most_mib: f64,
    rss_growth_mib: f64,
    download_mib_per_s: f64,
    upload_mib_per_s: f64,
}

impl Bodies {
    /// A few lines for people.
    pub(crate) fn table(&self) -> String {
        format!(
            "{} MiB beside a run\n\
             memory of the host   {:>8.1} MiB before, {:.1} at most: {:+.1}, target 16\n\
             download             {:>8.1} MiB/s, on disk\n\
             upload               {:>8.1} MiB/s\n",
            self.mib,
            self.rss_before_mib,
            self.rss_most_mib,
            self.rss_growth_mib,
            self.download_mib_per_s,
            self.upload_mib_per_s,
        )
    }
}

/// Moves a body of so many MiB.
pub(crate) async fn measure(bench: &Bench, mib: u64) -> Result<Bodies> {
    let origin = serve().await?;
    let environment = format!(
        "environment: dev\nconnections:\n  files:\n    connector: http\n    config: {{ base_url: '{origin}' }}\n    allow: ['* {origin}/*']\n    private_addresses: [127.0.0.1/32]\n    limits: {{ blobs: 64GiB, response: 64GiB }}\n"
    );
    let home = Home::of_flow(bench, "bodies", ("move-file", FLOW), &environment)?;
    let host = Host::start(bench, &home).await?;
    let api = reqwest::Client::builder()
        .unix_socket(host.socket.as_str())
        .build()?;
    moved(&api, &host, WARM_UP).await?;
    let rss_before_mib = resident_mib(host.pid)?;
    let (story, rss_most_mib) = moved(&api, &host, mib << 20).await?;
    host.stop().await?;
    let rate = |step: usize| -> Result<f64> {
        let step = &story["steps"][step];
        let at = |name: &str| {
            let at = step[name].as_str().and_then(Timestamp::parse);
            at.context("a step has no time")
        };
        let took = at("ended_at")?.since(at("started_at")?);
        #[allow(clippy::cast_precision_loss)] // Far below 2^52.
        let mib = mib as f64;
        Ok(mib / took.as_secs_f64())
    };
    Ok(Bodies {
        mib,
        rss_before_mib,
        rss_most_mib,
        rss_growth_mib: rss_most_mib - rss_before_mib,
        download_mib_per_s: rate(0)?,
        upload_mib_per_s: rate(1)?,
    })
}

/// One run with a body of so many bytes: its story, and the most memory that was seen.
async fn moved(api: &reqwest::Client, host: &Host, bytes: u64) -> Result<(Value, f64)> {
    let base = "http://localhost/api/v1";
    let begin = api.post(format!("{base}/flows/move-file/runs"));
    let begin = begin.header("content-type", "application/json");
    let body = json!({ "bytes": bytes.to_string() }).to_string();
    let begun: Value = serde_json::from_str(&begin.body(body).send().await?.text().await?)?;
    let run = begun["run"].as_str().context("the run does not begin")?;
    let mut most = 0_f64;
    let mut looked = Instant::now();
    loop {
        most = most.max(resident_mib(host.pid)?);
        sleep(LOOK).await;
        if looked.elapsed() < Duration::from_millis(500) {
            continue;
        }
        looked = Instant::now();
        let text = api.get(format!("{base}/runs/{run}")).send().await?;
        let story: Value = serde_json::from_str(&text.text().await?)?;
        match story["status"].as_str() {
            Some("succeeded") => return Ok((story, most)),
            Some("pending" | "running" | "waiting") => {}
            other => bail!("the run is {other:?}: {story}"),
        }
    }
}

/// The systems on both sides.
async fn serve() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A side that breaks off is seen by the host, and by the run.
            tokio::spawn(async move { drop(answer(stream).await) });
        }
    });
    Ok(origin)
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            bail!("no request");
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    if let Some(path) = head.strip_prefix("get /") {
        let size = path.split_whitespace().next().unwrap_or_default();
        return send(&mut stream, size.parse()?).await;
    }
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next());
    let length: usize = length
        .context("a body without its length")?
        .trim()
        .parse()?;
    let mut left = length - (bytes.len() - end);
    let mut chunk = vec![0; CHUNK];
    while left > 0 {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            bail!("the body broke off");
        }
        left -= count;
    }
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .await?;
    Ok(())
}

/// Bytes whose pieces differ, so that none is kept for two.
async fn send(stream: &mut TcpStream, size: u64) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut chunk = vec![7; CHUNK];
    let mut sent = 0;
    while sent < size {
        chunk[..8].copy_from_slice(&sent.to_be_bytes());
        let now = CHUNK.min(usize::try_from(size - sent)?);
        stream.write_all(&chunk[..now]).await?;
        sent += now as u64;
    }
    Ok(())
}
