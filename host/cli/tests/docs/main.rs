//! The documentation against the program: commands are run, flows are checked, links
//! lead somewhere, and the reference of the command line is what the program says.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cli_reference;
mod connector_pages;
mod curl;
mod flows;
mod gitops;
mod links;
mod markdown;
mod output;
mod pages;
mod session;

// The world of the end-to-end tests; a few of its helpers have no use here.
#[allow(dead_code)]
#[path = "../e2e/world.rs"]
mod world;

use markdown::Page;
use session::Session;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_and_flows_of_the_guides_work() {
    for path in pages::with_commands() {
        let page = Page::read(&path);
        let mut session = Session::start().await;
        for block in &page.blocks {
            session.play(block).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_pages_about_git_work() {
    gitops::follow_the_pages().await;
}

/// The flows that the reference of the language takes its examples from.
#[test]
fn the_examples_of_the_reference_work() {
    let folder = tempfile::tempdir().unwrap();
    session::copy(
        &pages::root().join("docs/reference/examples"),
        folder.path(),
    );
    for (command, good) in [
        ("check", " 0 error(s), 0 warning(s)"),
        ("test", " 0 failed"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dowel"))
            .arg(command)
            .arg("--repo")
            .arg(folder.path())
            .arg("--connectors")
            .arg(pages::root().join(".dowel/connectors"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains(good),
            "{printed}"
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let broken: Vec<String> = pages::all()
        .iter()
        .flat_map(|path| links::broken(path))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_connector_pages_are_fresh() {
    connector_pages::check();
}

#[test]
fn the_command_reference_is_fresh() {
    cli_reference::check();
}
