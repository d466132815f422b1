//! Signs commits as the configuration of the clone asks for it: by `ssh-keygen`, which
//! knows keys, agents and hardware.

use crate::error::GitError;
use git2::{Commit, Oid, Repository as Git, Signature, Tree};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a commit is made of.
pub(crate) struct Parts<'p> {
    pub(crate) author: &'p Signature<'p>,
    pub(crate) message: &'p str,
    pub(crate) tree: &'p Tree<'p>,
    pub(crate) parent: &'p Commit<'p>,
}

/// The key that commits of this clone are signed by with ssh, if they are.
pub(crate) fn key(git: &Git) -> Option<String> {
    let config = git.config().ok()?;
    let is_wanted = config.get_bool("commit.gpgsign").unwrap_or_default();
    let format = config.get_string("gpg.format").unwrap_or_default();
    let key = config.get_string("user.signingkey").ok()?;
    (is_wanted && format == "ssh").then_some(key)
}

/// Writes a signed commit; no branch has it yet.
pub(crate) fn commit(git: &Git, parts: &Parts<'_>, key: &str) -> Result<Oid, GitError> {
    let Parts {
        author,
        message,
        tree,
        parent,
    } = parts;
    let buffer = git.commit_create_buffer(author, author, message, tree, &[parent])?;
    let text = std::str::from_utf8(&buffer).map_err(|_| failed("the commit is not UTF-8 text"))?;
    let signature = sign(key, text.as_bytes())?;
    Ok(git.commit_signed(text, &signature, None)?)
}

fn sign(key: &str, content: &[u8]) -> Result<String, GitError> {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", "git", "-f"])
        .arg(home(key))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&format!("`ssh-keygen` cannot be started: {error}")))?;
    if let Some(mut input) = child.stdin.take() {
        // Why it did not want the text, it says at its end.
        let _ = input.write_all(content);
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(&error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(&format!("`ssh-keygen` says: {}", said.trim())));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it is no text"))
}

/// A path as people write it in the configuration of git.
fn home(key: &str) -> std::path::PathBuf {
    match (key.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => key.into(),
    }
}

fn failed(reason: &str) -> GitError {
    GitError::NotWritten(format!(
        "it is to be signed (`commit.gpgsign`), and cannot be: {reason}"
    ))
}
