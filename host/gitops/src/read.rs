//! Reads the files at a commit from the object database.

use crate::error::GitError;
use dowel_core::CommitId;
use dowel_core::port::ReadScope as Scope;
use dowel_core::repository::{self, MAX_FILE_BYTES, Skipped, SourceTree};
use git2::{ObjectType, Odb, Oid, Repository, Tree};
use std::collections::BTreeMap;

/// Files and folders below the folders that are read: a repository with more of them is
/// not one of flows.
const MAX_ENTRIES: usize = 50_000;

/// All texts together, in bytes.
const MAX_TOTAL_BYTES: u64 = 64 << 20;

/// Folders within each other. A flow's folder is read eight deep.
const MAX_DEPTH: usize = 10;

const FOLDER: i32 = 0o040_000;
const LINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;

/// The files at a commit.
pub(crate) fn read(
    repository: &Repository,
    commit: &CommitId,
    scope: Scope<'_>,
) -> Result<SourceTree, GitError> {
    let missing = |_| GitError::Revision(commit.to_string());
    let oid = Oid::from_str(commit.as_str()).map_err(missing)?;
    let tree = repository.find_commit(oid).map_err(missing)?.tree()?;
    let mut reader = Reader {
        repository,
        odb: repository.odb()?,
        commit,
        scope,
        found: SourceTree {
            commit: Some(commit.clone()),
            ..SourceTree::default()
        },
        folded: BTreeMap::new(),
        bytes: 0,
    };
    reader.folder(&tree, "", 0)?;
    Ok(reader.found)
}

struct Reader<'a> {
    repository: &'a Repository,
    odb: Odb<'a>,
    commit: &'a CommitId,
    scope: Scope<'a>,
    found: SourceTree,
    /// Paths in lower case: a disk that does not tell case apart would have one of them.
    folded: BTreeMap<String, ()>,
    bytes: u64,
}

impl Reader<'_> {
    fn folder(&mut self, tree: &Tree<'_>, above: &str, depth: usize) -> Result<(), GitError> {
        for entry in tree {
            let Ok(name) = std::str::from_utf8(entry.name_bytes()) else {
                let path = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                self.odd_name(above, &path)?;
                continue;
            };
            let path = join(above, name);
            if !self.is_wanted(&path) {
                continue;
            }
            self.check_name(&path, name)?;
            match entry.filemode() {
                LINK => return self.refuse(&path, "is a symbolic link"),
                SUBMODULE => return self.refuse(&path, "is a submodule"),
                FOLDER if depth == MAX_DEPTH => {
                    return self.refuse(&path, "lies too deep");
                }
                FOLDER => {
                    let inner = self.repository.find_tree(entry.id())?;
                    self.folder(&inner, &path, depth + 1)?;
                }
                _ => self.file(path, entry.id())?,
            }
        }
        Ok(())
    }

    /// A name that is not UTF-8 matters only where files are read.
    fn odd_name(&self, above: &str, name: &str) -> Result<(), GitError> {
        let path = join(above, name);
        if above.is_empty() || !self.is_wanted(&path) {
            return Ok(());
        }
        self.refuse(&path, "has a name that is not UTF-8")
    }

    fn is_wanted(&self, path: &str) -> bool {
        match self.scope {
            Scope::All => repository::is_read(path),
            Scope::Flow(flow) => {
                let folder = format!("flows/{flow}");
                let is_in = |folder: &str| {
                    path == folder
                        || path
                            .strip_prefix(folder)
                            .is_some_and(|p| p.starts_with('/'))
                };
                path == "flows" || is_in(&folder) || is_in("calendars")
            }
        }
    }

    fn check_name(&mut self, path: &str, name: &str) -> Result<(), GitError> {
        let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
        if name.chars().any(is_odd) || matches!(name, "" | "." | "..") {
            return self.refuse(path, "has a name that is not plain text");
        }
        if name.eq_ignore_ascii_case(".git") {
            return self.refuse(path, "is a repository within the repository");
        }
        if self.folded.insert(path.to_lowercase(), ()).is_some() {
            return self.refuse(path, "differs from another name only in case");
        }
        if self.folded.len() > MAX_ENTRIES {
            return self.refuse(path, "is one file too many: there are more than 50,000");
        }
        Ok(())
    }

    fn file(&mut self, path: String, id: Oid) -> Result<(), GitError> {
        // The header tells the size, so that what is huge is never held in memory.
        let (size, kind) = self.odb.read_header(id)?;
        let size = size as u64;
        if kind != ObjectType::Blob {
            return self.refuse(&path, "is no file");
        }
        if size > MAX_FILE_BYTES {
            self.skip(path, "is larger than 1 MiB");
            return Ok(());
        }
        self.bytes += size;
        if self.bytes > MAX_TOTAL_BYTES {
            return self.refuse(
                &path,
                "is beyond the 64 MiB that all files may have together",
            );
        }
        let blob = self.repository.find_blob(id)?;
        match std::str::from_utf8(blob.content()) {
            Ok(text) => drop(self.found.files.insert(path, text.to_owned())),
            Err(_) => self.skip(path, "is not UTF-8 text"),
        }
        Ok(())
    }

    fn skip(&mut self, path: String, reason: &'static str) {
        self.found.skipped.push(Skipped { path, reason });
    }

    fn refuse<T>(&self, path: &str, reason: &'static str) -> Result<T, GitError> {
        Err(GitError::Refused {
            commit: self.commit.short().to_owned(),
            path: path.escape_debug().to_string(),
            reason,
        })
    }
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() {
        name.to_owned()
    } else {
        format!("{above}/{name}")
    }
}
