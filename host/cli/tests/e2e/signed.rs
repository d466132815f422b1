//! A host that takes signed commits alone.

use crate::gitops::{World, text};
use crate::world::{Host, eventually};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// A key of somebody, and its line in the list of the host.
fn key(world: &World, name: &str) -> (PathBuf, String) {
    let path = world.folder.path().join(name);
    let output = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-C", name, "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path, format!("{name}@example.com {public}"))
}

fn sign_by(world: &World, key: &std::path::Path) {
    world.git(&["config", "gpg.format", "ssh"]);
    world.git(&["config", "user.signingkey", key.to_str().unwrap()]);
    world.git(&["config", "commit.gpgsign", "true"]);
}

fn refused(status: &Value) -> &str {
    assert_eq!(
        status["repository"]["outcome"],
        json!("refused"),
        "{status}"
    );
    assert_eq!(status["repository"]["error"]["code"], json!("DWL-6213"));
    status["repository"]["error"]["message"].as_str().unwrap()
}

async fn is_active(world: &World, host: &Host, commit: &str) {
    let active = async || {
        let status = world.status(host).await;
        (status["active"]["commit"] == json!(commit)).then_some(status)
    };
    eventually("the commit to become active", active).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ssh_keygen_keys_decide_what_a_host_takes() {
    let world = World::new();
    let (ana, ana_line) = key(&world, "ana");
    let (eve, eve_line) = key(&world, "eve");
    let list = world.folder.path().join("allowed_signers");
    std::fs::write(&list, &ana_line).unwrap();
    // What `init` wrote is not signed.
    let unsigned = world.git(&["rev-parse", "HEAD"]);
    let said = world.dowel(&["check", "--env", "dev"]);
    assert!(said.status.success(), "{}", text(&said));
    sign_by(&world, &ana);
    let first = world.commit("signed");
    assert_ne!(first, unsigned);
    let host = world.host_with("dev", ", allowed_signers: allowed_signers", "");
    let status = world.looks(&host, &first).await;
    assert_eq!(status["active"]["commit"], json!(first), "{status}");

    // Unsigned, and signed by a stranger in ana's name.
    world.git(&["config", "commit.gpgsign", "false"]);
    world.edit("flows/first-orders/flow.yaml", "window: 7d", "window: 8d");
    let pushed = world.commit("not signed");
    let status = world.looks(&host, &pushed).await;
    assert!(refused(&status).contains("is not signed"), "{status}");
    assert_eq!(status["active"]["commit"], json!(first));
    world.git(&["reset", "--quiet", "--soft", &first]);
    sign_by(&world, &eve);
    let foreign = world.commit("by somebody else");
    let status = world.looks(&host, &foreign).await;
    let said = refused(&status);
    assert!(
        said.contains("not allowed") && said.contains("ana@example.com"),
        "{said}"
    );

    // Once her key is on the list, the same commit is taken, without a restart.
    std::fs::write(&list, format!("{ana_line}{eve_line}")).unwrap();
    host.api
        .post(format!("{}/api/v1/environment/sync", host.admin))
        .send()
        .await
        .unwrap();
    is_active(&world, &host, &foreign).await;
    assert_eq!(world.order(&host, "1").await["commit"], json!(foreign));

    // A list that cannot be read lets nothing in.
    std::fs::write(&list, "* ssh-ed25519 AAAA\n").unwrap();
    world.edit("flows/first-orders/flow.yaml", "window: 8d", "window: 9d");
    let later = world.commit("signed by eve");
    let status = world.looks(&host, &later).await;
    assert_eq!(
        status["repository"]["error"]["code"],
        json!("DWL-6214"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ssh_keygen_keys_say_who_the_author_is() {
    let world = World::new();
    let (ben, ben_line) = key(&world, "ben");
    std::fs::write(world.folder.path().join("allowed_signers"), ben_line).unwrap();
    sign_by(&world, &ben);
    // Ben writes ana's name into his commits, and promotes by the command.
    world.edit(
        "policy.yaml",
        "deployers: []",
        "deployers: [ana@example.com, ben@example.com]",
    );
    world.commit("people");
    let head = world.promoted("0.1.0");
    let floor = "policy_floor: { approvals: 1, forbid_author: true }\n";
    let host = world.host_with("prod", ", allowed_signers: allowed_signers", floor);
    let status = world.looks(&host, &head).await;
    let waiting = &status["awaiting"][0];
    assert_eq!(
        waiting["authors"],
        json!(["ana@example.com", "ben@example.com"]),
        "{status}"
    );
    let (code, said) = world
        .says(&host, waiting, "approve", "ben@example.com")
        .await;
    assert_eq!(code, 403, "{said}");
    let (code, said) = world
        .says(&host, waiting, "approve", "lea@example.com")
        .await;
    assert_eq!(code, 200, "{said}");
    is_active(&world, &host, &head).await;
}
