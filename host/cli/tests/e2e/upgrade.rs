//! A backup of an earlier program is restored, checked, served and finalised.

use crate::world::{Host, dowel, host_of, repository};
use dowel_core::port::{Batch, Store as _};
use dowel_store_sled::{SledOptions, SledStore};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const FLOW: &str = "\
language: dowel/v1
flow: orders
version: 1.0.0
trigger: { manual: {} }
steps: [ { id: seen, set: { id: '${ $trigger.id }' } } ]
output: '${ $vars }'
";

/// What the program before there were formats has left.
const BACKUP: &str = "host/engine/tests/fixtures/stores/before-formats.backup";

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    command.args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn restored() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("flows/orders")).unwrap();
    fs::create_dir_all(root.join("connectors")).unwrap();
    fs::create_dir(root.join("backup")).unwrap();
    fs::write(root.join("flows/orders/flow.yaml"), FLOW).unwrap();
    fs::write(root.join("env.yaml"), "environment: test\n").unwrap();
    fs::copy(repository().join(BACKUP), root.join("backup/dowel.backup")).unwrap();
    let (backup, data) = (at(root, "backup"), at(root, "data"));
    let restored = run(&["restore", &backup, "--data", &data]);
    assert!(restored.status.success(), "{restored:?}");
    folder
}

fn at(root: &Path, name: &str) -> String {
    root.join(name).to_str().unwrap().to_owned()
}

fn status(host: &Host) -> Value {
    json(&["upgrade", "status", "--host", &host.socket])
}

#[tokio::test]
async fn a_store_of_an_earlier_program_is_finalised_by_an_operator() {
    let folder = restored();
    let root = folder.path();
    let checked = json(&["upgrade", "check", &at(root, "backup")]);
    assert_eq!(checked["store"]["format"], 1, "{checked}");
    assert_eq!(checked["found"]["runs"], 2, "{checked}");

    let host = host_of(root);
    let before = status(&host);
    assert_eq!(
        (&before["format"], &before["finalized"]),
        (&1.into(), &false.into())
    );
    let reason = ["--reason", "a week without trouble"];
    let finalize = ["upgrade", "finalize", "--host", &host.socket];
    let after = json(&[&finalize[..], &reason].concat());
    assert_eq!(
        (&after["format"], &after["finalized"]),
        (&2.into(), &true.into())
    );
    assert_eq!(status(&host), after);
    let backup = run(&["backup", &at(root, "later"), "--host", &host.socket]);
    assert!(backup.status.success(), "{backup:?}");
    assert_eq!(host.terminate(), Some(0));
    let checked = json(&["upgrade", "check", &at(root, "later")]);
    assert_eq!(checked["store"]["format"], 2, "{checked}");
}

#[tokio::test]
async fn a_store_of_a_later_program_is_refused_by_code_and_stays_as_it_is() {
    let folder = restored();
    let root = folder.path();
    let data = root.join("data");
    let store = SledStore::open(&data, SledOptions::default()).unwrap();
    let record =
        br#"{"v":3,"format":7,"since":1795854774960,"by":"ana","program":"0.9.0","new":1}"#;
    let mut batch = Batch::default();
    batch.put(b"Rf".to_vec(), record.to_vec());
    store.commit(batch).await.unwrap();
    store.close();
    drop(store);

    let mut serve = dowel(root, &["serve"]);
    serve
        .args([
            "--env-file",
            &at(root, "env.yaml"),
            "--data",
            &at(root, "data"),
        ])
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let refused = serve.output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    for part in ["DWL-5100", "format 7", "up to 2", "version 0.9.0"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let store = SledStore::open(&data, SledOptions::default()).unwrap();
    assert_eq!(store.get(b"Rf").await.unwrap().unwrap(), record);
}
