//! What a repository may hold and what is done about it. The trees are made by the
//! plumbing of git, as somebody with bad intentions would.

use crate::support::{Clone, git_in, read, succeed};
use dowel_core::FlowName;
use dowel_core::code::gitops::TREE_REFUSED;
use dowel_core::port::{FlowSource, ReadScope};
use std::io::Write;
use std::process::Stdio;

/// A commit whose tree has these entries besides what the clone holds.
fn planted(clone: &Clone, entries: &[(&str, &str, &str)]) -> dowel_core::CommitId {
    clone.git(&["config", "core.ignoreCase", "false"]);
    for (mode, path, content) in entries {
        let id = if *mode == "160000" {
            clone.head().to_string()
        } else {
            blob(clone, content)
        };
        let info = format!("{mode},{id},{path}");
        clone.git(&["update-index", "--add", "--cacheinfo", &info]);
    }
    clone.git(&["commit", "--quiet", "--message", "planted"]);
    clone.head()
}

fn blob(clone: &Clone, content: &str) -> String {
    let mut command = git_in(clone.path());
    command.args(["hash-object", "-w", "--stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(content.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn with_flow() -> Clone {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "flow: a\n");
    clone.commit("one");
    clone
}

fn refused(entries: &[(&str, &str, &str)], reason: &str) {
    let clone = with_flow();
    let commit = planted(&clone, entries);
    let error = clone.open().read(&commit, ReadScope::All).unwrap_err();
    assert_eq!(error.code, TREE_REFUSED, "{error}");
    assert!(error.message.contains(reason), "{error}");
    let top = entries[0].1.split('/').next().unwrap();
    assert!(error.message.contains(&format!("`{top}")), "{error}");
}

#[test]
fn links_are_refused_wherever_they_lead() {
    refused(
        &[("120000", "flows/a/schema.json", "/etc/passwd")],
        "symbolic link",
    );
    refused(&[("120000", "flows/b", "a")], "symbolic link");
    refused(&[("120000", "policy.yaml", "other.yaml")], "symbolic link");
}

#[test]
fn submodules_are_refused() {
    refused(&[("160000", "flows/sub", "")], "submodule");
}

#[test]
fn names_that_clash_on_other_disks_are_refused() {
    refused(
        &[
            ("100644", "flows/a/FLOW.yaml", "x"),
            ("100644", "flows/a/flow.yaml", "y"),
        ],
        "only in case",
    );
    refused(&[("100644", "flows/A/flow.yaml", "x")], "only in case");
}

#[test]
fn names_that_are_no_plain_text_are_refused() {
    refused(&[("100644", "flows/a/b\\c", "x")], "not plain text");
    refused(&[("100644", "flows/a/c:d", "x")], "not plain text");
}

#[test]
fn what_is_outside_of_the_folders_is_left_alone() {
    let clone = with_flow();
    let commit = planted(
        &clone,
        &[
            ("120000", "link", "/etc/passwd"),
            ("160000", "vendor/sub", ""),
            ("100644", "src/A", "x"),
            ("100644", "src/a", "x"),
        ],
    );
    let tree = read(&clone.open(), &commit);
    assert_eq!(tree.files.len(), 1, "{:?}", tree.files.keys());
    assert_eq!(tree.commit, Some(commit));
}

#[test]
fn what_is_huge_or_no_text_is_not_held() {
    let clone = with_flow();
    clone.write("flows/a/big.json", vec![b' '; (1 << 20) + 1]);
    clone.write("flows/a/fits.json", vec![b' '; 1 << 20]);
    clone.write("flows/a/logo.png", [0x89, b'P', 0xff, 0]);
    let commit = clone.commit("two");
    let tree = read(&clone.open(), &commit);
    let names: Vec<_> = tree.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["flows/a/fits.json", "flows/a/flow.yaml"]);
    let skipped: Vec<_> = tree
        .skipped
        .iter()
        .map(|s| (s.path.as_str(), s.reason))
        .collect();
    assert_eq!(
        skipped,
        [
            ("flows/a/big.json", "is larger than 1 MiB"),
            ("flows/a/logo.png", "is not UTF-8 text"),
        ]
    );
}

#[test]
fn all_files_together_have_a_limit() {
    let clone = with_flow();
    for number in 0..65 {
        // Different contents, or git would keep one of them.
        let text = number.to_string() + &" ".repeat((1 << 20) - 2);
        clone.write(&format!("flows/a/{number}.json"), text);
    }
    let commit = clone.commit("two");
    let error = clone.open().read(&commit, ReadScope::All).unwrap_err();
    assert!(error.message.contains("64 MiB"), "{error}");
}

#[test]
fn a_flow_is_read_alone() {
    let clone = with_flow();
    clone.write("flows/ab/flow.yaml", "flow: ab\n");
    clone.write("calendars/work.yaml", "calendar: work\n");
    clone.write("environments/dev.yaml", "environment: dev\n");
    let commit = clone.commit("two");
    let flow = FlowName::new("a").unwrap();
    let tree = clone.open().read(&commit, ReadScope::Flow(&flow)).unwrap();
    let names: Vec<_> = tree.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["calendars/work.yaml", "flows/a/flow.yaml"]);
}

#[test]
fn a_bare_repository_is_read_as_well() {
    let clone = with_flow();
    let (_folder, bare) = clone.publish();
    let repository = dowel_gitops::Repository::open(&bare).unwrap();
    let commit = repository.resolve("main").unwrap();
    assert_eq!(commit, clone.head());
    assert_eq!(read(&repository, &commit).files.len(), 1);
    assert!(repository.work_folder().is_none());
    let listed = succeed(git_in(&bare).args(["rev-parse", "main"]));
    assert_eq!(listed, commit.to_string());
}
