//! Signatures that the programs `git` and `ssh-keygen` make, and those of this crate as
//! they see them.

use crate::support::{Clone, succeed};
use dowel_core::code::gitops::{NOT_SIGNED, SIGNERS_FILE};
use dowel_gitops::{AllowedSigners, Change, GitError};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Keys of people, and the list of those that are allowed.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a key, and returns its line for the list.
    fn make(&self, name: &str, kind: &str) -> String {
        let mut program = Command::new("ssh-keygen");
        program.args(["-q", "-N", "", "-t", kind, "-C", name, "-f"]);
        succeed(program.arg(self.path(name)));
        let public = std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        format!("{name}@example.com {public}")
    }

    fn allow(&self, lines: &[&str]) -> PathBuf {
        let path = self.path("allowed_signers");
        std::fs::write(&path, lines.concat()).unwrap();
        path
    }

    fn sign_by(&self, clone: &Clone, name: &str) {
        let key = self.path(name);
        for (setting, value) in [
            ("gpg.format", "ssh"),
            ("user.signingkey", key.to_str().unwrap()),
            ("commit.gpgsign", "true"),
        ] {
            clone.git(&["config", setting, value]);
        }
    }
}

fn signers(clone: &Clone, since: Option<&str>, allowed: &Path) -> Result<Vec<String>, GitError> {
    let allowed = AllowedSigners::read(allowed)?;
    let since = since.map(|since| clone.git(&["rev-parse", since]).parse().unwrap());
    let found = clone
        .open()
        .signers(since.as_ref(), &clone.head(), &allowed)?;
    Ok(found.into_iter().collect())
}

fn refused(clone: &Clone, since: Option<&str>, allowed: &Path) -> String {
    let error = signers(clone, since, allowed).unwrap_err();
    assert_eq!(error.code(), NOT_SIGNED, "{error}");
    error.to_string()
}

#[test]
fn ssh_keygen_signs_and_every_new_commit_counts() {
    let (clone, keys) = (Clone::new(), Keys::new());
    let (ana, eve) = (keys.make("ana", "ed25519"), keys.make("eve", "ed25519"));
    let allowed = keys.allow(&[&ana]);
    clone.commit("not signed");
    assert!(refused(&clone, None, &allowed).contains("is not signed"));
    keys.sign_by(&clone, "ana");
    clone.write("flows/a/flow.yaml", "one");
    clone.commit("signed\n\nwith more text");
    assert_eq!(
        signers(&clone, None, &allowed).unwrap(),
        ["ana@example.com"]
    );
    assert_eq!(signers(&clone, Some("HEAD~1"), &allowed).unwrap().len(), 1);

    // Somebody else signs in ana's name; then ana signs on top of it.
    keys.sign_by(&clone, "eve");
    clone.commit("foreign");
    let said = refused(&clone, None, &allowed);
    assert!(said.contains("a key that is not allowed"), "{said}");
    keys.sign_by(&clone, "ana");
    clone.commit("on top");
    assert_eq!(
        signers(&clone, None, &allowed).unwrap(),
        ["ana@example.com"]
    );
    let said = refused(&clone, Some("HEAD~2"), &allowed);
    assert!(said.contains("a key that is not allowed"), "{said}");
    let both = keys.allow(&[&ana, &eve]);
    let found = signers(&clone, Some("HEAD~2"), &both).unwrap();
    assert_eq!(found, ["ana@example.com", "eve@example.com"]);
}

#[test]
fn ssh_keygen_signatures_hold_for_their_commit_alone() {
    let (clone, keys) = (Clone::new(), Keys::new());
    let ana = keys.make("ana", "ed25519");
    let allowed = keys.allow(&[&ana]);
    keys.sign_by(&clone, "ana");
    clone.commit("good");
    // The same signature under another message.
    let raw = clone.git(&["cat-file", "commit", "HEAD"]);
    let forged = raw.replace("good", "evil");
    assert_ne!(raw, forged);
    let file = clone.path().join("forged");
    std::fs::write(&file, format!("{forged}\n")).unwrap();
    let name = clone.git(&["hash-object", "-t", "commit", "-w", "forged"]);
    clone.git(&["update-ref", "refs/heads/main", &name]);
    let said = refused(&clone, None, &allowed);
    assert!(said.contains("not one of this commit"), "{said}");

    // Another kind of key is said to be one, where the list is read.
    let rsa = keys.make("rsa", "rsa");
    let allowed = keys.allow(&[&ana, &rsa]);
    let error = signers(&clone, None, &allowed).unwrap_err();
    assert_eq!(error.code(), SIGNERS_FILE, "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
    let missing = AllowedSigners::read(&keys.path("nothing")).unwrap_err();
    assert_eq!(missing.code(), SIGNERS_FILE);
}

#[test]
fn ssh_keygen_signs_what_is_written_here_and_git_verifies_it() {
    let (clone, keys) = (Clone::new(), Keys::new());
    let ana = keys.make("ana", "ed25519");
    let allowed = keys.allow(&[&ana]);
    keys.sign_by(&clone, "ana");
    let base = clone.commit("base");
    let change = Change {
        path: "environments/prod.yaml".to_owned(),
        text: "environment: prod\n".to_owned(),
    };
    let repository = clone.open();
    let written = repository
        .commit(
            &base,
            "promote/a",
            std::slice::from_ref(&change),
            "Promote a",
        )
        .unwrap();
    clone.git(&[
        "config",
        "gpg.ssh.allowedSignersFile",
        allowed.to_str().unwrap(),
    ]);
    clone.git(&["verify-commit", written.commit.as_str()]);
    clone.git(&["checkout", "--quiet", "promote/a"]);
    assert_eq!(
        signers(&clone, Some("HEAD~1"), &allowed).unwrap(),
        ["ana@example.com"]
    );
    // A key that is not there is said, and no commit is made without it.
    clone.git(&["config", "user.signingkey", "/nonexistent/key"]);
    let error = repository
        .commit(&written.commit, "promote/b", &[change], "m")
        .unwrap_err();
    assert!(error.to_string().contains("`ssh-keygen` says"), "{error}");
    assert_eq!(clone.git(&["branch", "--list", "promote/b"]), "");
}
