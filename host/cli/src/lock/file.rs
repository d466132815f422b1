//! The lock file.

use super::{Refusal, Signature};
use dowel_core::{Digest, JsonText};
use dowel_flow::document;
use dowel_flow::flow_test::yaml;
use dowel_wasm::package::Inspection;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The file's name, at the root of the repository.
pub(crate) const LOCK_FILE: &str = "connectors.lock";

/// The version of the format.
const FORMAT: &str = "dowel/v1";

/// Imports by which a component can reach anything; the rest of WASI is empty.
const GRANTED: [&str; 2] = ["wasi:http/outgoing-handler", "dowel:connector/"];

/// Written at the head of the file.
const HEAD: &str = "# Written by `dowel connector add`. Commit it: only what it names is loaded.\n";

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    lock: String,
    connectors: Vec<Entry>,
}

/// One connector version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The connector's name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Where it comes from: `file:…` or `oci://…@sha256:…`.
    pub(crate) source: String,
    /// Of the component, manifest included.
    pub(crate) digest: Digest,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Signature>,
    /// What it can do, as it was accepted.
    pub(crate) capabilities: Capabilities,
}

/// What a connector needs and imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capabilities {
    /// Where it needs to send requests.
    pub(crate) egress: Vec<String>,
    /// What it imports besides the empty parts of WASI.
    pub(crate) imports: Vec<String>,
}

/// What a component needs and imports, as the lock has it.
pub(crate) fn capabilities(inspection: &Inspection) -> Capabilities {
    let imports = inspection.imports.iter();
    let real = imports.filter(|name| GRANTED.iter().any(|granted| name.starts_with(granted)));
    Capabilities {
        egress: inspection.manifest.egress.clone(),
        imports: real.cloned().collect(),
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            lock: FORMAT.to_owned(),
            connectors: Vec::new(),
        }
    }
}

impl Lock {
    /// Reads the lock of a repository; `None` if it has none.
    pub(crate) fn read(repo: &Path) -> Result<Option<Self>, Refusal> {
        let path = repo.join(LOCK_FILE);
        let bad = |why: String| Refusal::File {
            file: path.display().to_string(),
            why,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad(error.to_string())),
        };
        let json = document::read(LOCK_FILE, &text).map_err(|found| {
            let lines = found.iter().map(|one| one.render());
            bad(lines.collect::<Vec<_>>().join("\n"))
        })?;
        let lock: Self =
            serde_json::from_str(json.as_str()).map_err(|error| bad(error.to_string()))?;
        if lock.lock != FORMAT {
            return Err(bad(format!(
                "`lock: {}` is not known, only {FORMAT}",
                lock.lock
            )));
        }
        Ok(Some(lock))
    }

    /// Writes it. Whoever reads at this moment sees the old file or the new one.
    pub(crate) fn write(&self, repo: &Path) -> anyhow::Result<()> {
        let path = repo.join(LOCK_FILE);
        let draft = repo.join(format!("{LOCK_FILE}.part"));
        let text = format!("{HEAD}{}\n", yaml(&JsonText::of(self)?));
        fs::write(&draft, text)?;
        Ok(fs::rename(&draft, &path)?)
    }

    /// The entry of a component.
    pub(crate) fn by_digest(&self, digest: Digest) -> Option<&Entry> {
        self.connectors.iter().find(|entry| entry.digest == digest)
    }

    /// The entry of a name and version.
    pub(crate) fn named(&self, name: &str, version: &str) -> Option<&Entry> {
        let mut entries = self.connectors.iter();
        entries.find(|entry| entry.name == name && entry.version == version)
    }

    /// The newest entry of a name.
    pub(crate) fn latest(&self, name: &str) -> Option<&Entry> {
        let named = self.connectors.iter().filter(|entry| entry.name == name);
        named.max_by_key(|entry| semver::Version::parse(&entry.version).ok())
    }

    /// Every entry.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.connectors
    }

    /// Puts an entry in, in the place of one of the same name and version.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.connectors
            .retain(|other| (&other.name, &other.version) != (&entry.name, &entry.version));
        self.connectors.push(entry);
        self.connectors.sort_by(|a, b| {
            let version = |entry: &Entry| semver::Version::parse(&entry.version).ok();
            a.name
                .cmp(&b.name)
                .then_with(|| version(a).cmp(&version(b)))
        });
    }
}
