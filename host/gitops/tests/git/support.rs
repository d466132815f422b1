//! The program `git`, without what the machine has configured for it.

use dowel_core::CommitId;
use dowel_core::port::{FlowSource, ReadScope};
use dowel_core::repository::SourceTree;
use dowel_gitops::Repository;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A clone that a person works in.
pub(crate) struct Clone {
    pub(crate) folder: TempDir,
}

pub(crate) fn git_in(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear();
    for (name, value) in [
        ("PATH", std::env::var("PATH").unwrap()),
        ("HOME", "/nonexistent".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_AUTHOR_NAME", "Ana".to_owned()),
        ("GIT_AUTHOR_EMAIL", "ana@example.com".to_owned()),
        ("GIT_COMMITTER_NAME", "Ana".to_owned()),
        ("GIT_COMMITTER_EMAIL", "ana@example.com".to_owned()),
    ] {
        command.env(name, value);
    }
    command
}

pub(crate) fn succeed(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let message = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {message}");
    String::from_utf8(stdout).unwrap().trim().to_owned()
}

impl Clone {
    pub(crate) fn new() -> Self {
        let clone = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        clone.git(&["init", "--quiet", "--initial-branch", "main"]);
        clone.git(&["config", "user.name", "Ana"]);
        clone.git(&["config", "user.email", "ana@example.com"]);
        clone
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        succeed(git_in(self.path()).args(arguments))
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits everything that lies there.
    pub(crate) fn commit(&self, message: &str) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    pub(crate) fn head(&self) -> CommitId {
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    pub(crate) fn open(&self) -> Repository {
        Repository::open(self.path()).unwrap()
    }

    /// A bare repository that this clone pushes to.
    pub(crate) fn publish(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("flows.git");
        let path = bare.to_str().unwrap();
        self.git(&[
            "init",
            "--quiet",
            "--bare",
            "--initial-branch",
            "main",
            path,
        ]);
        self.git(&["remote", "add", "origin", path]);
        self.git(&["push", "--quiet", "--all", "origin"]);
        (folder, bare)
    }
}

pub(crate) fn read(repository: &Repository, commit: &CommitId) -> SourceTree {
    repository.read(commit, ReadScope::All).unwrap()
}
