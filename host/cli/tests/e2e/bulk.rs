//! One decision about many orders, with the real program on both sides.

use crate::desk::{answer, dowel};
use crate::world::{Host, World, eventually, order, signal};
use dowel_shop::switches::{Route, Rule, Switches};
use serde_json::Value;
use std::process::{Command, Stdio};

const COUNT: usize = 24;

/// Orders whose customers the CRM does not know at first.
async fn park(world: &World, host: &Host) {
    let rule = Rule {
        prefix: "C-".to_owned(),
        fail_times: COUNT as u64,
        status: 404,
        ..Rule::new(Route::CrmContact)
    };
    world.shop.set_switches(Switches {
        rules: vec![rule],
        chaos: None,
    });
    for number in 0..COUNT {
        let response = world.post(host, &order(&format!("B{number}"))).await;
        assert!(response.unwrap().status().is_success());
    }
    let groups = async || {
        let groups = answer(&dowel(host, &["exceptions", "groups"]));
        (groups["groups"][0]["count"] == COUNT).then_some(())
    };
    eventually("the orders are parked", groups).await;
}

const QUERY: [&str; 4] = ["--flow", "order-to-invoice", "--since", "2h"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_survives_a_kill_and_records_each_item_once() {
    let world = World::start().await;
    let host = world.host();
    park(&world, &host).await;
    let retry = |more: &[&'static str]| {
        let all = ["exceptions", "retry"].iter().chain(&QUERY).chain(more);
        all.copied().collect::<Vec<&str>>()
    };

    let empty = dowel(&host, &["exceptions", "discard", "--limit", "3"]);
    let errors = String::from_utf8_lossy(&empty.stderr).into_owned();
    assert!(errors.contains("DWL-5035"), "{errors}");
    let seen = answer(&dowel(&host, &retry(&["--dry-run"])));
    assert_eq!(seen["total"], COUNT, "{seen}");
    assert_eq!(seen["groups"][0]["count"], COUNT, "{seen}");
    assert_eq!(seen["sample"].as_array().unwrap().len(), 5, "{seen}");

    let begun = answer(&dowel(&host, &retry(&["--rate", "8/s", "--detach"])));
    let id = begun["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&begun["state"], &begun["rate"]),
        (&"running".into(), &"8/s".into())
    );
    let path = format!("/api/v1/exceptions/bulk/{id}");
    let moves = async || {
        let (_, text) = world.get(&host, &path).await;
        let bulk: Value = serde_json::from_str(&text).unwrap();
        bulk["position"].as_u64().filter(|position| *position >= 2)
    };
    eventually("the operation moves", moves).await;
    host.kill();

    let host = world.host();
    let watched = dowel(&host, &["exceptions", "bulk", "watch", &id]);
    assert!(watched.status.success(), "{watched:?}");
    let lines = String::from_utf8(watched.stdout).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["state"], &last["done"]),
        (&"done".into(), &COUNT.into())
    );
    let invoiced = async || (world.shop.ledger().invoices.len() == COUNT).then_some(());
    eventually("each order has its invoice", invoiced).await;
    for (action, count) in [("retry", COUNT), ("bulk-retry", 1)] {
        let list = ["audit", "list", "--limit", "100", "--action", action];
        let audit = answer(&dowel(&host, &list));
        let records = audit["records"].as_array().unwrap();
        assert_eq!(records.len(), count, "{audit}");
        assert_eq!(records[0]["actor"], "ana@example.com");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_pauses_and_says_the_command_that_goes_on() {
    let world = World::start().await;
    let host = world.host();
    park(&world, &host).await;
    let follower = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args([
            "exceptions",
            "rerun",
            "--all",
            "--rate",
            "20/m",
            "--host",
            &host.socket,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let running = async || {
        let list = answer(&dowel(&host, &["exceptions", "bulk", "list"]));
        let bulk = &list["bulk"][0];
        (bulk["position"].as_u64() >= Some(1)).then(|| bulk["id"].as_str().unwrap().to_owned())
    };
    let id = eventually("the operation moves", running).await;
    signal(follower.id(), "INT");
    let output = follower.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let command = format!("go on with: dowel exceptions bulk resume {id}");
    assert!(said.contains(&command), "{said}");
    assert!(said.contains("paused after"), "{said}");
    let paused = answer(&dowel(&host, &["exceptions", "bulk", "show", &id]));
    assert_eq!(paused["state"], "paused", "{paused}");
    let cancelled = answer(&dowel(&host, &["exceptions", "bulk", "cancel", &id]));
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    let again = dowel(&host, &["exceptions", "bulk", "resume", &id]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("DWL-2378"));
}
