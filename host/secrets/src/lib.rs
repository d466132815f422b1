//! Where secrets come from: an encrypted file (age), environment variables, files, and
//! servers that speak the HTTP API of HashiCorp Vault.
//!
//! A value is read when it is used. What is kept in memory is kept briefly and wiped, so
//! that a rotation counts without a restart. While a value is exchanged for another both
//! are valid: what comes in is compared with all of them, what goes out uses the newest.

mod age_file;
mod content;
mod folder;
mod vault;

pub use age_file::{AgeFile, Kept};
pub use content::{MAX_VALUE_BYTES, Overlap};

use dowel_core::code::{Code, secret as code};
use dowel_core::port::{BoxFuture, Clock, Secret, SecretError, Secrets};
use dowel_core::secret::{SecretSources, VariableSource};
use folder::Folder;
use std::path::Path;
use std::sync::Arc;
use vault::Vault;

/// What an earlier value is called in variables and files: `<name>.previous`.
const PREVIOUS: &str = "previous";

/// Why secrets cannot be kept or a place of them cannot be used. No text holds a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The encrypted file or its identity.
    #[error("{place}: {reason}")]
    AgeFile {
        /// The path.
        place: String,
        /// Why.
        reason: String,
    },
    /// What is written about a place cannot work.
    #[error("`secrets.{key}`: {reason}")]
    Source {
        /// The key.
        key: &'static str,
        /// Why.
        reason: String,
    },
    /// The value is none.
    #[error("{0}")]
    Value(&'static str),
    /// There is no secret of this name to rotate or to remove.
    #[error("there is no secret `{0}` in the encrypted file")]
    Missing(String),
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::AgeFile { .. } => code::AGE_FILE,
            Self::Source { .. } => code::SOURCE,
            Self::Value(_) => code::VALUE,
            Self::Missing(_) => code::MISSING,
        }
    }
}

/// All places of a host, in the order in which they are asked.
pub struct Providers {
    variables: Option<VariableSource>,
    age: Option<Arc<AgeFile>>,
    folder: Option<Folder>,
    vault: Option<Vault>,
}

/// Which kind of place has a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An environment variable.
    Variable,
    /// The encrypted file.
    Age,
    /// A file of its own.
    File,
    /// The server.
    Vault,
}

impl Place {
    /// The key that names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Variable => "environment",
            Self::Age => "age",
            Self::File => "files",
            Self::Vault => "vault",
        }
    }
}

impl Providers {
    /// Checks what is written; nothing is read yet. Paths are relative to `base`.
    ///
    /// # Errors
    /// The first place that cannot work.
    pub fn new(sources: &SecretSources, base: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let age = sources.age.as_ref();
        let age = age.map(|source| AgeFile::new(source, base, clock));
        let vault = sources.vault.as_ref();
        Ok(Self {
            variables: sources.environment.clone(),
            age: age.transpose()?.map(Arc::new),
            folder: sources
                .files
                .as_ref()
                .map(|source| Folder::new(base.join(&source.folder))),
            vault: vault.map(|source| Vault::new(source, base)).transpose()?,
        })
    }

    /// The encrypted file, if there is one.
    pub fn age(&self) -> Option<&Arc<AgeFile>> {
        self.age.as_ref()
    }

    /// Every value that is valid now, the newest first, and the place that has them.
    ///
    /// # Errors
    /// No place has the secret, or one cannot be read: what comes after it is not asked
    /// then, because an older value might lie there.
    pub async fn find(&self, name: &str) -> Result<(Place, Vec<Secret>), SecretError> {
        if let Some(values) = self.variables.as_ref().and_then(|v| variables(v, name)) {
            return Ok((Place::Variable, values));
        }
        if let Some(age) = &self.age
            && let Some(values) = age.values(name)?
        {
            return Ok((Place::Age, values));
        }
        if let Some(folder) = &self.folder
            && let Some(values) = folder.values(name)?
        {
            return Ok((Place::File, values));
        }
        if let Some(vault) = &self.vault
            && let Some(values) = vault.values(name).await?
        {
            return Ok((Place::Vault, values));
        }
        Err(SecretError::Missing(name.to_owned()))
    }

    /// Where a secret that is missing can be put.
    pub fn advice(&self, name: &str) -> String {
        if self.age.is_some() {
            return format!("run `dowel secret set {name}`");
        }
        if let Some(variables) = &self.variables {
            let variable = variables.variable(name);
            return format!("set the environment variable {variable}");
        }
        if let Some(folder) = &self.folder {
            return format!("write the file {}", folder.path(name).display());
        }
        "write it into the Vault".to_owned()
    }
}

/// The values in variables; none if there is no variable.
fn variables(source: &VariableSource, name: &str) -> Option<Vec<Secret>> {
    let value = std::env::var(source.variable(name)).ok()?;
    let previous = std::env::var(source.variable(&format!("{name}.{PREVIOUS}")));
    let previous = previous.ok().filter(|value| !value.is_empty());
    Some(
        [Some(value), previous]
            .into_iter()
            .flatten()
            .map(Secret::new)
            .collect(),
    )
}

impl Secrets for Providers {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            let (_, values) = self.find(name).await?;
            let missing = || SecretError::Missing(name.to_owned());
            values.into_iter().next().ok_or_else(missing)
        })
    }

    fn valid<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Secret>, SecretError>> {
        Box::pin(async move { Ok(self.find(name).await?.1) })
    }

    fn put<'a>(&'a self, name: &'a str, value: Secret) -> BoxFuture<'a, Result<(), SecretError>> {
        Box::pin(async move {
            let age = self.age.clone();
            let age = age.ok_or_else(|| SecretError::ReadOnly(name.to_owned()))?;
            let owned = name.to_owned();
            // Waits for a lock, and for the disk.
            let written =
                tokio::task::spawn_blocking(move || age.put(&owned, &value, Overlap::None));
            match written.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(unreadable(name, error.to_string())),
                Err(_) => Err(unreadable(name, "the host stops")),
            }
        })
    }
}

fn unreadable(name: &str, reason: impl Into<String>) -> SecretError {
    SecretError::Unreadable {
        name: name.to_owned(),
        reason: reason.into(),
    }
}
