//! What an environment runs of a repository.

use dowel_core::port::{FlowSource, ReadScope, RepositoryError};
use dowel_core::repository::SourceTree;
use dowel_core::{CommitId, FlowName};
use dowel_flow::environment::{Released, set_pin};
use dowel_flow::repository::{LoadError, Loaded, flows, load, load_at};
use std::collections::BTreeMap;

const FLOW: &str = "language: dowel/v1\nflow: a\nversion: 1.0.0\ntrigger: { manual: {} }\nsteps:\n  - id: x\n    set: { a: 1 }\n";

/// Commits by their names.
#[derive(Default)]
struct Commits(BTreeMap<CommitId, SourceTree>);

fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

impl Commits {
    fn add(&mut self, digit: char, files: &[(&str, &str)]) -> CommitId {
        let commit = commit(digit);
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let tree = SourceTree {
            commit: Some(commit.clone()),
            files: files.collect(),
            skipped: vec![],
        };
        self.0.insert(commit.clone(), tree);
        commit
    }
}

impl FlowSource for Commits {
    fn resolve(&self, revision: &str) -> Result<CommitId, RepositoryError> {
        Ok(revision.parse().unwrap())
    }

    fn read(&self, commit: &CommitId, _: ReadScope<'_>) -> Result<SourceTree, RepositoryError> {
        let missing = || RepositoryError {
            code: dowel_core::code::gitops::REVISION,
            message: "no such commit".to_owned(),
        };
        self.0.get(commit).cloned().ok_or_else(missing)
    }
}

fn names(loaded: &Loaded) -> Vec<(String, Option<CommitId>)> {
    let flows = loaded.flows.iter();
    flows
        .map(|flow| (flow.folder.name().to_owned(), flow.commit.clone()))
        .collect()
}

fn pinned(commits: &Commits, from: &CommitId, version: &str) -> String {
    let folder = flows(&commits.0[from]).remove(0);
    let pin = Released {
        version: version.parse().unwrap(),
        commit: from.clone(),
        digest: folder.digest(),
    };
    set_pin("environment: prod\n", &FlowName::new("a").unwrap(), &pin).unwrap()
}

#[test]
fn without_pins_every_flow_runs_as_it_is() {
    let mut commits = Commits::default();
    let b = FLOW.replace("flow: a", "flow: b");
    let files = [
        ("environments/dev.yaml", "environment: dev\n"),
        ("flows/a/flow.yaml", FLOW),
        ("flows/b/flow.yaml", &b),
        ("flows/c/notes.md", "no flow"),
    ];
    let one = commits.add('1', &files);
    let loaded = load_at(&commits, &one, "dev").unwrap();
    let expected = ["a", "b"].map(|name| (name.to_owned(), Some(one.clone())));
    assert_eq!(names(&loaded), expected);
}

#[test]
fn a_pinned_flow_is_read_at_its_commit() {
    let mut commits = Commits::default();
    let one = commits.add('1', &[("flows/a/flow.yaml", FLOW)]);
    let environment = pinned(&commits, &one, "1.0.0");
    let files = [
        ("environments/prod.yaml", environment.as_str()),
        ("flows/a/flow.yaml", "not even a flow"),
        ("flows/b/flow.yaml", FLOW),
    ];
    let two = commits.add('2', &files);
    let loaded = load_at(&commits, &two, "prod").unwrap();
    assert_eq!(names(&loaded), [("a".to_owned(), Some(one))]);
    assert_eq!(loaded.flows[0].folder.files["flow.yaml"], FLOW);
    assert_eq!(loaded.commit, Some(two.clone()));
    // A folder alone has no commits that pins could be read from.
    let error = load(&commits.0[&two], "prod", None).unwrap_err();
    assert!(matches!(error, LoadError::Pin { .. }), "{error}");
}

#[test]
fn a_pin_has_to_hold() {
    let mut commits = Commits::default();
    let one = commits.add('1', &[("flows/a/flow.yaml", FLOW)]);
    let two = commits.add('2', &[("flows/a/flow.yaml", &FLOW.replace("a: 1", "a: 2"))]);
    commits.add('3', &[("policy.yaml", "groups: {}\n")]);
    let good = pinned(&commits, &one, "1.0.0");
    let check = |commits: &mut Commits, environment: &str, expected: &str| {
        let files = [("environments/prod.yaml", environment)];
        let head = commits.add('9', &files);
        let error = load_at(commits, &head, "prod").unwrap_err();
        let said = format!("{} {error}", error.code());
        assert!(said.contains(expected), "{said}");
    };
    let moved = |digit: char| good.replace(one.as_str(), commit(digit).as_str());
    check(
        &mut commits,
        &moved('2'),
        "DWL-6207 the pin of the flow `a` does not hold: its files",
    );
    check(&mut commits, &moved('3'), "has no such flow");
    check(&mut commits, &moved('4'), "DWL-6202");
    check(
        &mut commits,
        &good.replace("1.0.0", "1.0.1"),
        "has 1.0.0, the pin says 1.0.1",
    );
    let head = "environment: prod\nflows: { a: { version: head } }\n";
    check(&mut commits, head, "the repository has no such flow");
    check(&mut commits, "environment: dev\n", "DWL-6206");
    assert!(commits.0.contains_key(&two));
}

#[test]
fn the_digest_is_of_what_would_become_active() {
    let digest = |files: &[(&str, &str)]| {
        let mut commits = Commits::default();
        let mut all = vec![
            ("environments/dev.yaml", "environment: dev\n"),
            ("flows/a/flow.yaml", FLOW),
        ];
        all.extend(files);
        let one = commits.add('1', &all);
        load_at(&commits, &one, "dev").unwrap().digest
    };
    let base = digest(&[]);
    let same = [
        ("environments/prod.yaml", "environment: prod\n"),
        ("flows/a/flow.test.yaml", "x"),
        ("flows/a/runbook.md", "x"),
        ("flows.lock", "flows: {}\n"),
        ("flows/notes.txt", "x"),
    ];
    for file in same {
        assert_eq!(digest(&[file]), base, "{file:?}");
    }
    let office = "calendar: office\ntimezone: Europe/Berlin\n";
    let others = [
        ("environments/dev.yaml", "environment: dev # other\n"),
        ("policy.yaml", "groups: {}\n"),
        ("flows/a/schema.json", "{}"),
        ("flows/b/flow.yaml", FLOW),
        ("calendars/office.yaml", office),
    ];
    for file in others {
        assert_ne!(digest(&[file]), base, "{file:?}");
    }
}
