//! Where this user has signed in: tokens by the address of the host, in a file that only
//! they can read.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// What is kept of a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) expires_at: String,
}

/// All logins of this user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Logins {
    /// The host that is meant where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) hosts: BTreeMap<String, Login>,
}

/// The file; nothing for a user without a home.
fn file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || folder("HOME").map(|home| PathBuf::from(home).join(".config"));
    let config = folder("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
    Some(config.join("dowel").join("logins.json"))
}

impl Logins {
    /// Reads them; none without the file.
    pub(crate) fn load() -> Result<Self> {
        let Some(path) = file() else {
            return Ok(Self::default());
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} cannot be used: remove it", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes them, whole or not at all.
    pub(crate) fn save(&self) -> Result<()> {
        let path = file().context("there is no home folder to keep the login in")?;
        let failed = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).with_context(failed)?;
        }
        let part = path.with_extension("part");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&part).with_context(failed)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)
            .with_context(failed)?;
        file.sync_all().with_context(failed)?;
        fs::rename(&part, &path).with_context(failed)
    }

    /// The token for a host.
    pub(crate) fn token(&self, url: &str) -> Option<String> {
        self.hosts.get(url).map(|login| login.token.clone())
    }
}
