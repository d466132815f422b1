//! Streams through a guest, in both directions, and what that costs in memory. In a process
//! of its own, so that nobody else's memory is counted.

// The lint knows test functions, not the helpers beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    dead_code
)]

#[path = "hostile/support.rs"]
mod support;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use dowel_core::port::Invoker;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::{Bench, connection};

/// A piece of the stream.
const PIECE: usize = 64 * 1024;

/// What the process may grow by.
const MOST_GROWTH: u64 = 16 << 20;

/// How much goes through, in MiB: `DOWEL_STREAM_MIB=1024` measures as much as the promise says.
const USUAL_MIB: u64 = 96;

/// The largest memory that was seen, in bytes.
#[derive(Default)]
struct Peak(AtomicU64);

impl Peak {
    fn look(&self) {
        self.0.fetch_max(resident(), Ordering::Relaxed);
    }
}

/// The resident memory of this process (proc(5), `statm`).
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

async fn swallow(State(peak): State<Arc<Peak>>, body: Body) -> String {
    let mut pieces = body.into_data_stream();
    let (mut bytes, mut next) = (0_u64, 0);
    while let Some(Ok(piece)) = pieces.next().await {
        bytes += piece.len() as u64;
        if bytes >= next {
            peak.look();
            next = bytes + (1 << 20);
        }
    }
    bytes.to_string()
}

async fn serve(peak: Arc<Peak>) -> String {
    let pour = |axum::extract::Path(mib): axum::extract::Path<u64>| async move {
        let pieces = (mib << 20) / PIECE as u64;
        let piece = Bytes::from(vec![b'x'; PIECE]);
        let all = (0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
        Body::from_stream(stream::iter(all))
    };
    let router = Router::new()
        .route("/pour/{mib}", get(pour))
        .route("/swallow", post(swallow))
        .with_state(peak);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_streams_through_a_guest_in_both_directions() {
    let given = std::env::var("DOWEL_STREAM_MIB").ok();
    let mib = given.map_or(USUAL_MIB, |mib| mib.parse().unwrap());
    let peak = Arc::new(Peak::default());
    let base = serve(Arc::clone(&peak)).await;
    let mut wide = connection(&base);
    wide.limits.response_bytes = u64::MAX;
    let bench = Bench::new(wide);
    let relay = async |mib: u64| {
        let input = json!({
            "from": format!("{base}/pour/{mib}"), "to": format!("{base}/swallow"),
        });
        let mut request = bench.request("relay", &input);
        request.deadline = Duration::from_secs(3600);
        let output = bench.host.call(request).await.result.unwrap();
        assert_eq!(output.as_str(), (mib << 20).to_string());
    };
    // Whatever is made once is there now.
    relay(4).await;
    let before = resident();
    peak.0.store(before, Ordering::Relaxed);
    let begun = std::time::Instant::now();
    relay(mib).await;
    let growth = peak.0.load(Ordering::Relaxed).saturating_sub(before);
    println!(
        "{mib} MiB through a guest in {:.1} s, {} KiB more memory at the most",
        begun.elapsed().as_secs_f64(),
        growth / 1024
    );
    assert!(growth < MOST_GROWTH, "{growth} bytes more");
}
