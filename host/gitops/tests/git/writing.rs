//! Commits that Dowel makes, as `git` sees them.

use crate::support::{Clone, git_in, succeed};
use dowel_core::code::gitops::NOT_WRITTEN;
use dowel_gitops::{Access, Change};

fn change(text: &str) -> Vec<Change> {
    vec![Change {
        path: "environments/prod.yaml".to_owned(),
        text: text.to_owned(),
    }]
}

fn with_environment() -> Clone {
    let clone = Clone::new();
    clone.write("environments/prod.yaml", "environment: prod\n");
    clone.write("environments/dev.yaml", "environment: dev\n");
    clone.write("README.md", "flows\n");
    clone.commit("one");
    clone
}

#[test]
fn a_commit_on_a_branch_of_its_own_leaves_the_work_folder_alone() {
    let clone = with_environment();
    clone.write("README.md", "not committed\n");
    let repository = clone.open();
    let base = clone.head();
    let text = "environment: prod\n# pinned\n";
    let written = repository
        .commit(&base, "promote/a", &change(text), "Promote a")
        .unwrap();
    assert_eq!(clone.head(), base);
    assert_eq!(clone.git(&["status", "--porcelain"]), "M README.md");
    let name = written.commit.as_str();
    assert_eq!(
        clone
            .git(&["show", "--format=%s %ae", "--name-only", name])
            .replace('\n', " "),
        "Promote a ana@example.com  environments/prod.yaml"
    );
    assert_eq!(
        clone.git(&["show", "promote/a:environments/prod.yaml"]),
        text.trim()
    );
    clone.git(&["fsck", "--strict"]);
}

#[test]
fn a_commit_on_the_branch_that_is_checked_out_changes_its_file() {
    let clone = with_environment();
    let repository = clone.open();
    let text = "environment: prod\n# pinned\n";
    repository
        .commit(&clone.head(), "main", &change(text), "Promote a")
        .unwrap();
    assert_eq!(clone.git(&["status", "--porcelain"]), "");
    assert_eq!(
        clone.git(&["show", "HEAD:environments/prod.yaml"]),
        text.trim()
    );
}

#[test]
fn what_is_not_committed_is_not_lost() {
    let clone = with_environment();
    clone.write("environments/prod.yaml", "environment: prod\n# mine\n");
    let base = clone.head();
    let error = clone
        .open()
        .commit(&base, "main", &change("x"), "m")
        .unwrap_err();
    assert_eq!(error.code(), NOT_WRITTEN);
    assert!(error.to_string().contains("not committed"), "{error}");
    assert_eq!(clone.head(), base);
}

#[test]
fn a_branch_that_has_moved_on_is_not_overwritten() {
    let clone = with_environment();
    let base = clone.head();
    clone.commit("two");
    let error = clone
        .open()
        .commit(&base, "main", &change("x"), "m")
        .unwrap_err();
    assert!(error.to_string().contains("stands elsewhere"), "{error}");
    let error = clone
        .open()
        .commit(&base, "a..b", &change("x"), "m")
        .unwrap_err();
    assert!(
        error.to_string().contains("no name for a branch"),
        "{error}"
    );
}

#[test]
fn a_branch_is_pushed_and_never_by_force() {
    let clone = with_environment();
    let (_folder, bare) = clone.publish();
    let repository = clone.open();
    let written = repository
        .commit(&clone.head(), "promote/a", &change("x\n"), "m")
        .unwrap();
    repository.push("promote/a", &Access::default()).unwrap();
    let there = succeed(git_in(&bare).args(["rev-parse", "promote/a"]));
    assert_eq!(there, written.commit.to_string());

    clone.git(&["branch", "--force", "promote/a", "main"]);
    let error = repository
        .push("promote/a", &Access::default())
        .unwrap_err();
    assert_eq!(error.code(), NOT_WRITTEN, "{error}");
    assert_eq!(
        succeed(git_in(&bare).args(["rev-parse", "promote/a"])),
        there
    );
}

#[test]
fn what_a_file_held_before_is_found() {
    let clone = with_environment();
    let one = clone.head();
    clone.write("README.md", "more\n");
    clone.commit("not about it");
    clone.write("environments/prod.yaml", "environment: prod\n# two\n");
    let two = clone.commit("two");
    clone.commit("nothing");
    let past = clone
        .open()
        .past("environments/prod.yaml", &clone.head(), 5)
        .unwrap();
    let found: Vec<_> = past
        .iter()
        .map(|past| (&past.commit, past.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (&two, "environment: prod\n# two\n"),
            (&one, "environment: prod\n")
        ]
    );
}
