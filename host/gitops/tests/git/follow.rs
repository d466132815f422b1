//! A mirror follows its remote, whatever people do to the history there.

use crate::support::{Clone, read};
use dowel_core::code::gitops::{REVISION, UNREACHABLE};
use dowel_core::port::FlowSource;
use dowel_gitops::{Access, Location, Repository};
use std::path::Path;
use tempfile::TempDir;

fn mirror_of(address: &str) -> (TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(address).unwrap();
    let path = folder.path().join("mirror");
    let repository = Repository::mirror(&path, location, Access::default()).unwrap();
    (folder, repository)
}

fn file(path: &Path) -> String {
    format!("file://{}", path.display())
}

#[test]
fn branches_and_tags_are_followed() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    let one = clone.commit("one");
    let (_bare, path) = clone.publish();
    let (_mirror, mirror) = mirror_of(&file(&path));
    let moved = mirror.fetch("main").unwrap();
    assert_eq!(
        (moved.from, &moved.to, moved.rewritten),
        (None, &one, false)
    );

    clone.write("flows/a/flow.yaml", "two");
    let two = clone.commit("two");
    clone.git(&["tag", "--annotate", "prod", "--message", "released"]);
    clone.git(&["push", "--quiet", "--tags", "origin", "main"]);
    let moved = mirror.fetch("main").unwrap();
    assert_eq!(
        (moved.from, &moved.to, moved.rewritten),
        (Some(one), &two, false)
    );
    assert_eq!(
        mirror.fetch("prod").unwrap().to,
        two,
        "an annotated tag is its commit"
    );
    assert_eq!(read(&mirror, &two).files["flows/a/flow.yaml"], "two");
}

#[test]
fn a_plain_clone_is_followed_without_being_touched() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    let one = clone.commit("one");
    let (_mirror, mirror) = mirror_of(clone.path().to_str().unwrap());
    assert_eq!(mirror.fetch("main").unwrap().to, one);
    assert_eq!(
        clone.git(&["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main"
    );
    assert_eq!(clone.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_rewritten_history_is_noticed_and_what_was_there_stays_readable() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    clone.commit("one");
    clone.write("flows/a/flow.yaml", "two");
    let two = clone.commit("two");
    let (_bare, path) = clone.publish();
    let (_mirror, mirror) = mirror_of(&file(&path));
    mirror.fetch("main").unwrap();
    mirror.keep(&two).unwrap();

    clone.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    clone.write("flows/a/flow.yaml", "other");
    let other = clone.commit("other");
    clone.git(&["push", "--quiet", "--force", "origin", "main"]);
    let moved = mirror.fetch("main").unwrap();
    assert_eq!((moved.from, &moved.to), (Some(two.clone()), &other));
    assert!(moved.rewritten);
    assert_eq!(read(&mirror, &two).files["flows/a/flow.yaml"], "two");
}

#[test]
fn a_branch_that_is_gone_is_missed_and_comes_back() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    let one = clone.commit("one");
    clone.git(&["branch", "prod"]);
    let (_bare, path) = clone.publish();
    let (_mirror, mirror) = mirror_of(&file(&path));
    assert_eq!(mirror.fetch("prod").unwrap().to, one);
    clone.git(&["push", "--quiet", "--delete", "origin", "prod"]);
    assert_eq!(mirror.fetch("prod").unwrap_err().code(), REVISION);
    clone.git(&["push", "--quiet", "origin", "prod"]);
    assert_eq!(mirror.fetch("prod").unwrap().to, one);
}

#[test]
fn a_remote_that_is_away_is_an_error_and_the_mirror_stays() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    let one = clone.commit("one");
    let (bare, path) = clone.publish();
    let (_mirror, mirror) = mirror_of(&file(&path));
    mirror.fetch("main").unwrap();
    drop(bare);
    let error = mirror.fetch("main").unwrap_err();
    assert_eq!(error.code(), UNREACHABLE, "{error}");
    assert_eq!(mirror.resolve("main").unwrap(), one);
}

#[test]
fn names_of_revisions_are_no_expressions() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    clone.commit("one");
    let one = clone.commit("two");
    let repository = clone.open();
    for name in [
        "main~1",
        "main^",
        "HEAD@{1}",
        "../HEAD",
        "",
        ":/one",
        "main..main",
    ] {
        let error = repository.resolve(name).unwrap_err();
        assert_eq!(error.code, REVISION, "{name}");
    }
    assert_eq!(repository.resolve("HEAD").unwrap(), one);
    assert_eq!(repository.resolve(one.as_str()).unwrap(), one);
    assert_eq!(repository.resolve("refs/heads/main").unwrap(), one);
    assert_eq!(repository.resolve(&one.as_str()[..7]).unwrap(), one);
    for absent in ["refs/tags/main", "0123456", &one.as_str()[..6]] {
        let error = repository.resolve(absent).unwrap_err();
        assert_eq!(error.code, REVISION, "{absent}");
    }
    let absent = "0123456789012345678901234567890123456789";
    assert_eq!(repository.resolve(absent).unwrap_err().code, REVISION);
}

#[test]
fn authors_of_all_new_commits_are_known() {
    let clone = Clone::new();
    clone.write("flows/a/flow.yaml", "one");
    let one = clone.commit("one");
    clone.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "b",
        "--author",
        "Bo <BO@example.com>",
    ]);
    let three = clone.commit("three");
    let repository = clone.open();
    let emails = |since, to| {
        let authors = repository.authors(since, to).unwrap();
        authors
            .into_iter()
            .map(|author| author.email)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        emails(Some(&one), &three),
        ["ana@example.com", "bo@example.com"]
    );
    assert_eq!(emails(None, &three), ["ana@example.com"]);
}
