//! `dowel graph`, `dowel plan` and `dowel check --against` as the author of a change sees
//! them.

use crate::world::repository;
use expect_test::{Expect, expect};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Two states of a repository beside each other: `before` and `after`.
struct States(TempDir);

impl States {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for state in ["before", "after"] {
            let to = folder.path().join(state);
            for part in ["flows", "environments"] {
                copy(&repository().join(part), &to.join(part));
            }
            fs::copy(repository().join("policy.yaml"), to.join("policy.yaml")).unwrap();
            // Compiling the sandbox takes longer than all of it.
            let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changes-cache");
            fs::create_dir_all(&cache).unwrap();
            fs::create_dir_all(to.join(".dowel")).unwrap();
            std::os::unix::fs::symlink(cache, to.join(".dowel/cache")).unwrap();
        }
        Self(folder)
    }

    fn after(&self, file: &str) -> PathBuf {
        self.0.path().join("after").join(file)
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.after(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// What a command prints in the state `after`, and its exit code.
    fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
            .args(arguments)
            .current_dir(self.0.path().join("after"))
            .env("DOWEL_CONNECTORS", repository().join(".dowel/connectors"))
            .env_remove("DOWEL_ENV")
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        (text, output.status.code())
    }

    fn check(&self, arguments: &[&str], code: i32, shown: &Expect) {
        let (text, found) = self.run(arguments);
        shown.assert_eq(&text);
        assert_eq!(found, Some(code), "{text}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

#[test]
fn a_flow_is_drawn_in_every_form() {
    let states = States::new();
    let (text, code) = states.run(&["graph", "refund-order"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("approve approval: finance, within 2d"),
        "{text}"
    );
    let (svg, code) = states.run(&["graph", "refund-order", "--format", "svg"]);
    assert!(code == Some(0) && svg.starts_with("<svg "), "{svg}");
    assert!(svg.contains(r#"data-step="void""#), "{svg}");
    let (mermaid, code) = states.run(&["graph", "refund-order", "--format", "mermaid"]);
    assert!(
        code == Some(0) && mermaid.starts_with("flowchart TD\n"),
        "{mermaid}"
    );
    let (json, code) = states.run(&["graph", "refund-order", "--format", "json"]);
    let scene: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(scene["steps"][0]["kind"], "approve");
    let (text, code) = states.run(&["runs", "list", "--format", "svg"]);
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn nothing_changes() {
    let states = States::new();
    states.check(
        &["plan", "--env", "dev", "--against", "../before"],
        0,
        &expect![[r#"
            nothing changes
        "#]],
    );
    states.check(
        &["check", "--against", "../before"],
        0,
        &expect![[r#"
        4 flow(s) checked: 0 error(s), 0 warning(s)
    "#]],
    );
}

#[test]
fn a_change_is_shown_before_it_is_made() {
    let states = States::new();
    let flow = "flows/order-to-invoice/flow.yaml";
    states.edit(flow, "version: 1.0.0", "version: 1.1.0");
    states.edit(flow, "attempts: 5", "attempts: 8");
    states.edit(
        flow,
        "total: '${ $steps.totals.total }'\n\noutput",
        "sum: '${ $steps.totals.total }'\n\noutput",
    );
    states.edit(
        "environments/dev.yaml",
        "'GET http://127.0.0.1:9100/crm/*'",
        "'GET http://127.0.0.1:9100/crm/*', 'POST https://api2.example.com/*'",
    );
    states.edit("environments/dev.yaml", "erp_token", "erp_key");
    fs::remove_dir_all(states.after("flows/open-day")).unwrap();
    let plan = ["plan", "--env", "dev", "--against", "../before"];
    states.check(&plan, 1, &expect![[r#"
        0 flow(s) added, 1 changed, 1 removed; 2 capability(ies) gained; the contract change is breaking

        open-day@1.0.0 is removed: breaking
          trigger   - trigger schedule: schedule 30 6 * * mon-fri Europe/Berlin

        order-to-invoice 1.0.0 -> 1.1.0: breaking, but a new major version is due
          contract  breaking: event com.example.order.invoiced: `total`: events of this type lack a key that they had. [event-key-removed]
          step      ~ step customer retry.attempts: 5 -> 8
          step      + step announce with.sum: $steps.totals.total
          step      - step announce with.total: $steps.totals.total

        capabilities
          + connection crm may reach POST https://api2.example.com/*
          + connection erp uses the secret `erp_key`
          - connection erp uses the secret `erp_token`

        environment
          ~ connection erp auth: {"bearer":{"token":"erp_token"}} -> {"bearer":{"token":"erp_key"}}
    "#]]);
    let (markdown, code) = states.run(&[&plan[..], &["--format", "markdown"]].concat());
    expect![[r###"
        ## Dowel plan

        0 flow(s) added, 1 changed, 1 removed; 2 capability(ies) gained; the contract change is breaking.

        ### Capabilities

        | | who | what |
        | --- | --- | --- |
        | **gains** | connection crm | may reach POST https://api2.example.com/\* |
        | **gains** | connection erp | uses the secret `erp_key` |
        | loses | connection erp | uses the secret `erp_token` |

        ### open-day\@1.0.0 is removed: breaking

        | | what | was | is |
        | --- | --- | --- | --- |
        | removed | trigger schedule | `schedule 30 6 * * mon-fri Europe/Berlin` |  |

        ### order-to-invoice 1.0.0 -> 1.1.0: breaking, but a new major version is due

        - **breaking**: event com.example.order.invoiced: `total`: events of this type lack a key that they had. (`event-key-removed`)

        | | what | was | is |
        | --- | --- | --- | --- |
        | changed | step customer retry.attempts | `5` | `8` |
        | added | step announce with.sum |  | `$steps.totals.total` |
        | removed | step announce with.total | `$steps.totals.total` |  |

        ### Environment

        | | what | was | is |
        | --- | --- | --- | --- |
        | changed | connection erp auth | `{"bearer":{"token":"erp_token"}}` | `{"bearer":{"token":"erp_key"}}` |
    "###]].assert_eq(&markdown);
    assert_eq!(code, Some(1));
    let (json, _) = states.run(&[&plan[..], &["--format", "json"]].concat());
    let changes: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(changes["class"], "breaking");
    assert_eq!(changes["flows"][1]["due"], "major");
    states.check(
        &["check", "order-to-invoice", "--against", "../before"],
        1,
        &expect![[r#"
            error[DWL-1290]: the contract of version 1.0.0 is broken, but 1.1.0 is no new major version: event com.example.order.invoiced: `total`: events of this type lack a key that they had.
             --> flows/order-to-invoice/flow.yaml:3:1
              |
            3 | version: 1.1.0
              | ^^^^^^^^^^^^^^
              = help: keep the contract, or write 2.0.0

            1 flow(s) checked: 1 error(s), 0 warning(s)
        "#]],
    );
    states.edit(flow, "version: 1.1.0", "version: 2.0.0");
    states.check(
        &["check", "order-to-invoice", "--against", "../before"],
        0,
        &expect![[r#"
            1 flow(s) checked: 0 error(s), 0 warning(s)
        "#]],
    );
}

#[test]
fn what_cannot_be_compared_with_is_said() {
    let states = States::new();
    states.check(
        &["plan", "--against", "../nowhere"],
        3,
        &expect![[r#"
        error: DWL-1300: there is no folder, branch, tag or commit `../nowhere` to compare with
    "#]],
    );
    fs::write(
        states.0.path().join("before/flows/open-day/flow.yaml"),
        "steps: [",
    )
    .unwrap();
    let (text, code) = states.run(&["check", "--against", "../before"]);
    assert!(
        text.contains("the state in `../before` cannot be compared with"),
        "{text}"
    );
    assert_eq!(code, Some(3));
}
