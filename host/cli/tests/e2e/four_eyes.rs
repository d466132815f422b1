//! A second person confirms, with the real program on both sides.

use crate::desk::{answer, dowel, parked};
use crate::world::{Host, World};
use std::process::{Command, Output};

fn as_ben(host: &Host, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(arguments)
        .args(["--host", &host.socket, "--format", "json"])
        .env("DOWEL_ACTOR", "ben@example.com")
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discard_waits_for_a_second_person() {
    let world = World::start().await;
    let file = world.folder.path().join("dev.yaml");
    let environment = std::fs::read_to_string(&file).unwrap();
    let asked = format!("{environment}\nexceptions:\n  four_eyes: [discard]\n");
    std::fs::write(&file, asked).unwrap();
    let host = world.host();
    let run = parked(&world, &host, "F1").await;
    let discard = ["exceptions", "discard", &run, "--reason", "ordered twice"];
    let proposed = answer(&dowel(&host, &discard));
    let id = proposed["proposed"].as_str().unwrap();
    let waits = answer(&dowel(&host, &["exceptions", "proposals"]));
    assert_eq!(waits["proposals"][0]["reason"], "ordered twice", "{waits}");
    let confirm = ["exceptions", "confirm", id];
    let own = dowel(&host, &confirm);
    assert!(String::from_utf8_lossy(&own.stderr).contains("DWL-5037"));
    let confirmed = answer(&as_ben(&host, &confirm));
    assert_eq!(confirmed["command"], "discard", "{confirmed}");
    let story = world.settled(&host, &run).await;
    assert_eq!(story["status"], "cancelled", "{story}");
    let audit = answer(&dowel(&host, &["audit", "list", "--action", "discard"]));
    let record = &audit["records"][0];
    assert_eq!(record["actor"], "ana@example.com", "{audit}");
    assert_eq!(record["confirmed_by"], "ben@example.com", "{audit}");
    let again = as_ben(&host, &confirm);
    assert!(String::from_utf8_lossy(&again.stderr).contains("DWL-5036"));
}
