//! `dowel plan` and `dowel check` against commits, environments and a running host.

use crate::gitops::{TOKEN, World, text};
use crate::world::eventually;
use serde_json::{Value, json};

const FLOW: &str = "flows/first-orders/flow.yaml";

/// A plan as programs read it.
fn plan(world: &World, arguments: &[&str]) -> Value {
    let all = [&["plan", "--format", "json"], arguments].concat();
    let output = world.dowel(&all);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)))
}

#[test]
fn states_are_named_as_git_names_them() {
    let world = World::new();
    let first = world.git(&["rev-parse", "HEAD"]);
    world.git(&["tag", "--annotate", "v1", "--message", "one"]);
    world.git(&["branch", "before"]);
    world.edit(FLOW, "window: 7d", "window: 8d");
    for against in ["HEAD", "main", "before", "v1", &first, &first[..9]] {
        let arguments = ["--env", "dev", "--against", against];
        let found = plan(&world, &arguments);
        let flow = &found["flows"][0];
        assert_eq!(
            (&flow["from"], &flow["to"]),
            (&json!("0.1.0"), &json!("0.1.0")),
            "{against}: {found}"
        );
        let checked = world.dowel(&["check", "--against", against]);
        assert!(
            text(&checked).contains("DWL-1291"),
            "{against}: {}",
            text(&checked)
        );
    }
    // Nothing was checked out for it.
    assert_eq!(world.git(&["status", "--porcelain"]), format!("M {FLOW}"));
    world.edit(FLOW, "version: 0.1.0", "version: 0.2.0");
    world.does(&["check", "--against", "main"]);

    for (against, said) in [
        ("nowhere", "there is no folder, branch, tag or commit"),
        ("HEAD~1", "there is no folder, branch, tag or commit"),
        ("flows", "is a folder and a branch or tag"),
    ] {
        world.git(&["branch", "--force", "flows"]);
        let refused = world.dowel(&["check", "--against", against]);
        let told = text(&refused);
        assert!(
            told.contains("DWL-1300") && told.contains(said),
            "{against}: {told}"
        );
        assert_eq!(refused.status.code(), Some(3), "{told}");
    }
    world.does(&["check", "--against", "refs/heads/flows"]);
    assert_eq!(world.dowel(&["plan"]).status.code(), Some(2));
}

#[test]
fn the_plan_of_an_environment_is_about_what_it_pins() {
    let world = World::new();
    world.promoted("0.1.0");
    world.new_version("0.1.0", "0.2.0");
    world.edit(FLOW, "description: Take", "description: We take");
    // What the environment does not run changes nothing in it.
    let found = world.does(&["plan", "--env", "prod", "--against", "HEAD"]);
    assert!(found.starts_with("nothing changes"), "{found}");
    world.commit("described");
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    world.does(&[
        "promote",
        "first-orders@0.2.0",
        "--env",
        "staging",
        "--direct",
    ]);

    let from = plan(&world, &["--env", "prod", "--from", "staging"]);
    let flow = &from["flows"][0];
    assert_eq!(
        (&flow["from"], &flow["to"]),
        (&json!("0.1.0"), &json!("0.2.0")),
        "{from}"
    );
    let status = world.git(&["status", "--porcelain"]);
    assert_eq!(status, "", "a plan writes nothing");

    // The branch of the promotion says the same before it is merged.
    world.does(&["promote", "first-orders@0.2.0", "--env", "prod"]);
    let branch = "promote/prod/first-orders-0.2.0";
    world.git(&["checkout", "--quiet", branch]);
    let against = plan(&world, &["--env", "prod", "--against", "main"]);
    assert_eq!(against["flows"], from["flows"]);
    let markdown = [
        "plan",
        "--env",
        "prod",
        "--against",
        "main",
        "--format",
        "markdown",
    ];
    let markdown = world.does(&markdown);
    assert!(
        markdown.contains("### first-orders 0.1.0 -> 0.2.0: compatible"),
        "{markdown}"
    );

    let none = world.dowel(&["plan", "--env", "prod", "--from", "dev"]);
    assert!(text(&none).contains("DWL-1301"), "{}", text(&none));
}

#[test]
fn a_version_soaks_before_it_is_promoted() {
    let world = World::new();
    world.edit(
        "environments/prod.yaml",
        "from: staging, approvals: 1",
        "from: staging, soak: 1h, approvals: 1",
    );
    world.commit("soak");
    world.does(&["flow", "release", "first-orders"]);
    world.commit("release");
    let name = "first-orders@0.1.0";
    world.does(&["promote", name, "--env", "staging", "--direct"]);
    let early = world.dowel(&["promote", name, "--env", "prod"]);
    let told = text(&early);
    assert!(
        told.contains("DWL-1309") && told.contains("soaks there for 1h"),
        "{told}"
    );
    // The pin is older than that, and what came after it is not about it.
    world.git(&[
        "commit",
        "--quiet",
        "--amend",
        "--no-edit",
        "--date",
        "2020-01-01",
    ]);
    assert!(
        !world
            .dowel(&["promote", name, "--env", "prod"])
            .status
            .success()
    );
    let amend = "GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' git commit --quiet --amend --no-edit";
    let output = std::process::Command::new("sh")
        .args(["-c", amend])
        .current_dir(world.clone_path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    world.edit("environments/staging.yaml", "# Released", "# All released");
    world.commit("a comment");
    let found = world.does(&["promote", name, "--env", "prod"]);
    assert!(found.contains("promote/prod/first-orders-0.1.0"), "{found}");

    let lowered = "from: staging, soak: 1h, approvals: 1";
    world.edit(
        "environments/prod.yaml",
        lowered,
        "from: staging, approvals: 0",
    );
    let shown = world.does(&["plan", "--env", "prod", "--against", "HEAD"]);
    assert!(
        shown.contains("~ environment promotion.approvals: 1 -> 0")
            && shown.contains("- environment promotion.soak: 1h"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_asks_for_the_soak_whoever_has_written_the_pin() {
    let world = World::new();
    world.edit(
        "environments/prod.yaml",
        "from: staging, approvals: 1, forbid_author: true, approvers: deployers",
        "from: staging, soak: 1h, approvals: 0",
    );
    world.commit("soak");
    let first = world.promoted_past_the_soak("0.1.0");
    let host = world.host("prod", "");
    let status = world.looks(&host, &first).await;
    assert_eq!(status["active"]["commit"], json!(first), "the first tree");

    world.new_version("0.1.0", "0.2.0");
    let hostile = world.promoted_past_the_soak("0.2.0");
    let status = world.looks(&host, &hostile).await;
    let error = &status["repository"]["error"];
    assert_eq!(error["code"], json!("DWL-1309"), "{status}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("first-orders@0.2.0"), "{message}");
    assert_eq!(status["active"]["commit"], json!(first));

    // What is pinned already has not to soak for a change of something else.
    world.git(&["reset", "--quiet", "--hard", &first]);
    world.edit("environments/prod.yaml", "soak: 1h", "soak: 2h");
    let other = world.commit("a longer soak");
    let status = world.looks(&host, &other).await;
    assert_eq!(status["active"]["commit"], json!(other), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_tells_its_unfinished_runs_and_its_drift() {
    let world = World::new();
    world.edit(
        FLOW,
        "  - id: announce",
        "  - id: pause\n    wait: { duration: 2h }\n\n  - id: announce",
    );
    let first = world.commit("with a pause");
    let host = world.host("dev", "");
    world.looks(&host, &first).await;
    let url = format!("{}/hooks/first-orders", host.public);
    let order = r#"{"order_id":"1","lines":[{"qty":2,"price":"1.50"}]}"#;
    let request = world.http.post(url).bearer_auth(TOKEN);
    let request = request.header("content-type", "application/json");
    assert!(
        request
            .body(order)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let address = host.socket.clone();
    let disable = [
        "flow",
        "disable",
        "first-orders",
        "--reason",
        "harm",
        "--host",
        &address,
    ];
    world.does(&disable);
    world.edit(FLOW, "version: 0.1.0", "version: 0.2.0");
    world.edit(FLOW, "duration: 2h", "duration: 3h");

    // Without another state, the commit that is active on the host is compared with.
    let arguments = ["--env", "dev", "--host", &address];
    let counted = async || {
        let found = plan(&world, &arguments);
        (found["live_runs"]["first-orders"]["0.1.0"] == json!(1)).then_some(found)
    };
    let found = eventually("the run to be counted", counted).await;
    assert_eq!(found["flows"][0]["to"], json!("0.2.0"), "{found}");
    let drift = found["drift"][0].as_str().unwrap();
    assert!(
        drift.starts_with("flow first-orders is disabled at run time: harm"),
        "{drift}"
    );
    let human = world.does(&[&["plan"], &arguments[..]].concat());
    assert!(
        human.contains("first-orders@0.1.0: 1 unfinished, which stay on it"),
        "{human}"
    );

    // A host that is away does not take the plan with it.
    host.kill();
    let away = [
        "--env",
        "dev",
        "--against",
        &first,
        "--host",
        "http://127.0.0.1:1",
    ];
    let found = plan(&world, &away);
    assert_eq!(found["flows"][0]["to"], json!("0.2.0"));
    let note = found["notes"][0].as_str().unwrap();
    assert!(note.contains("no host answers"), "{note}");
}

#[test]
fn files_are_laid_out_without_saying_something_else() {
    let world = World::new();
    let well = "all files are laid out well";
    assert!(world.does(&["fmt", "--check"]).contains(well));
    let careless =
        "steps:\n # Exact: prices are texts.\n  - id:   totals\n    set:\n        total:";
    world.edit(
        FLOW,
        "steps:\n  - id: totals\n    set:\n      total:",
        careless,
    );
    let path = world.clone_path().join(FLOW);
    let before = std::fs::read_to_string(&path).unwrap();
    let found = world.dowel(&["fmt", "--check"]);
    assert!(
        text(&found).contains(&format!("would change {FLOW}")),
        "{}",
        text(&found)
    );
    assert_eq!(found.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    assert!(world.does(&["fmt"]).contains(&format!("changed {FLOW}")));
    let after = std::fs::read_to_string(&path).unwrap();
    let laid_out = "steps:\n  # Exact: prices are texts.\n  - id: totals\n    set:\n      total:";
    assert!(after.contains(laid_out), "{after}");
    assert!(world.does(&["fmt"]).contains(well));

    // What is released keeps its digest.
    world.edit(FLOW, "  - id: totals", "  - id:    totals");
    world.commit("careless");
    world.does(&["flow", "release", "first-orders"]);
    let left = world.does(&["fmt"]);
    assert!(left.contains("first-orders@0.1.0 is released"), "{left}");
    world.does(&["check"]);

    std::fs::write(world.clone_path().join("environments/dev.yaml"), "a: [").unwrap();
    let wrong = world.dowel(&["fmt"]);
    assert!(
        text(&wrong).contains("environments/dev.yaml:1"),
        "{}",
        text(&wrong)
    );
    assert_eq!(wrong.status.code(), Some(1));
}
