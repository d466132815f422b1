//! `dowel top` with a real host.

use crate::desk::{answer, dowel, parked};
use crate::world::{World, order};
use std::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_shows_throughput_exceptions_and_connections() {
    let world = World::start().await;
    let host = world.host();
    world.order(&host, &order("T1")).await;
    parked(&world, &host, "T2").await;
    let status = answer(&dowel(&host, &["top", "--once"]));
    assert_eq!(status["ready"], true, "{status}");
    let minute = &status["throughput"]["last_minute"];
    assert_eq!(minute["accepted"], 2, "{status}");
    assert_eq!(status["exceptions"]["open"], 1, "{status}");
    assert_eq!(status["exceptions"]["causes"][0]["open"], 1, "{status}");
    let names = status["connections"].as_array().unwrap().iter();
    let names: Vec<&str> = names
        .map(|one| one["connection"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"crm"), "{status}");
    // Without a terminal people get one look as well.
    let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["top", "--host", &host.socket])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    for line in ["FLOW", "CONNECTION", "people      exceptions 1"] {
        assert!(text.contains(line), "{text}");
    }
}
