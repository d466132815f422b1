//! Parked runs and the people who decide about them, with the real program on both sides.

use crate::world::{Host, World, order};
use dowel_shop::switches::{Route, Rule, Switches};
use serde_json::Value;
use std::process::{Command, Output};

/// `dowel <arguments> --host <admin> --format json` as an operator types it.
pub(crate) fn dowel(host: &Host, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(arguments)
        .args(["--host", &host.socket, "--format", "json"])
        .env("DOWEL_ACTOR", "ana@example.com")
        .output()
        .unwrap()
}

pub(crate) fn answer(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An order whose customer the CRM does not know at first.
pub(crate) async fn parked(world: &World, host: &Host, id: &str) -> String {
    let rule = Rule {
        prefix: format!("C-{id}"),
        fail_times: 1,
        status: 404,
        ..Rule::new(Route::CrmContact)
    };
    world.shop.set_switches(Switches {
        rules: vec![rule],
        chaos: None,
    });
    let story = world.order(host, &order(id)).await;
    assert_eq!(story["status"], "parked", "{story}");
    story["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_decides_about_parked_orders() {
    let world = World::start().await;
    let host = world.host();

    let run = parked(&world, &host, "D1").await;
    let list = answer(&dowel(&host, &["exceptions", "list"]));
    let item = &list["exceptions"][0];
    assert_eq!(item["id"], run.as_str(), "{list}");
    assert_eq!(
        (item["step"].as_str(), item["kind"].as_str()),
        (Some("customer"), Some("not-found"))
    );
    let groups = answer(&dowel(&host, &["exceptions", "groups"]));
    assert_eq!(groups["groups"][0]["count"], 1, "{groups}");
    let shown = answer(&dowel(&host, &["exceptions", "show", &run]));
    assert_eq!(shown["recommended"], "edit-input", "{shown}");
    let retry = [
        "exceptions",
        "retry",
        &run,
        "--reason",
        "the customer is there now",
    ];
    answer(&dowel(&host, &retry));
    let story = world.settled(&host, &run).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(story["decisions"][0]["actor"], "ana@example.com");
    assert_eq!(story["decisions"][0]["reason"], "the customer is there now");
    assert_eq!(world.shop.ledger().invoices.len(), 1);

    let skip = [
        "exceptions",
        "skip",
        &run,
        "--step",
        "customer",
        "--reason",
        "not needed",
    ];
    let again = dowel(&host, &skip);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("DWL-2322"));

    let run = parked(&world, &host, "D2").await;
    let silent = dowel(&host, &["exceptions", "discard", &run]);
    assert!(String::from_utf8_lossy(&silent.stderr).contains("DWL-2371"));
    let discard = ["exceptions", "discard", &run, "--reason", "ordered twice"];
    answer(&dowel(&host, &discard));
    let audit = answer(&dowel(&host, &["audit", "list", "--action", "discard"]));
    assert_eq!(audit["records"][0]["reason"], "ordered twice", "{audit}");
    let story = world.settled(&host, &run).await;
    assert_eq!(story["status"], "cancelled", "{story}");
    let story = world.order(&host, &order("D2")).await;
    assert_ne!(story["id"], run.as_str(), "the key was given up");
    assert_eq!(story["status"], "succeeded", "{story}");

    let run = parked(&world, &host, "D3").await;
    answer(&dowel(&host, &["runs", "cancel", &run, "--compensate"]));
    let story = world.settled(&host, &run).await;
    assert_eq!(story["status"], "cancelled", "{story}");
    assert_eq!(world.shop.ledger().invoices.len(), 2);

    let run = parked(&world, &host, "D4").await;
    let rerun = answer(&dowel(&host, &["exceptions", "rerun", &run]));
    let again = rerun["began"].as_str().unwrap();
    let story = world.settled(&host, again).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(
        (story["rerun_of"].as_str(), story["generation"].as_u64()),
        (Some(run.as_str()), Some(2))
    );
    let list = answer(&dowel(&host, &["exceptions", "list"]));
    assert_eq!(list["exceptions"].as_array().unwrap().len(), 0, "{list}");
}
