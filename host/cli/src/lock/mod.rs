//! `connectors.lock`: which connectors this repository uses, where they come from and who
//! signed them; and `trusted-signers.yaml`: whose signatures count. With a lock, only what
//! it names is loaded, byte for byte.

mod file;
mod signature;
mod trust;

pub(crate) use file::{Entry, LOCK_FILE, Lock, capabilities};
pub(crate) use signature::{Signature, SigningKey, signature_file};
pub(crate) use trust::{TRUST_FILE, Trust};

use anyhow::Result;
use dowel_core::Digest;
use dowel_core::code::{Code, connector as code};
use std::path::Path;

/// Why a connector is not accepted although it can be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A file that cannot be used.
    #[error("{file}: {why}")]
    File { file: String, why: String },
    /// The lock does not name it.
    #[error(
        "the connector {digest} is not in {LOCK_FILE}; if it is meant to be used, run `dowel connector add {path}`"
    )]
    NotLocked { digest: Digest, path: String },
    /// Other bytes than the lock says.
    #[error(
        "`{name}` {version} has the digest {found}, and {LOCK_FILE} says {locked}: it was changed after it was added. Bring the locked one back with `dowel connector install`, or accept this one with `dowel connector add {path}`"
    )]
    Changed {
        name: String,
        version: String,
        locked: Box<Digest>,
        found: Box<Digest>,
        path: String,
    },
    /// No signature where one is needed.
    #[error(
        "`{name}` {version} is not signed, and {TRUST_FILE} asks for a signature: have it signed (`dowel connector sign`), or write `unsigned: allow` there"
    )]
    Unsigned { name: String, version: String },
    /// Signed by somebody whose signature does not count.
    #[error(
        "`{name}` {version} is signed by {key}, which {TRUST_FILE} does not name; it trusts {trusted}"
    )]
    Stranger {
        name: String,
        version: String,
        key: String,
        trusted: String,
    },
    /// The signature is not one of these bytes.
    #[error(
        "the signature of `{name}` {version} by {signer} is not one of these bytes: they were changed after they were signed, or the signature is another connector's"
    )]
    WrongSignature {
        name: String,
        version: String,
        signer: String,
    },
}

impl Refusal {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::File { .. } => code::LOCK_FILE,
            Self::NotLocked { .. } => code::NOT_LOCKED,
            Self::Changed { .. } => code::LOCK_DIGEST,
            Self::Unsigned { .. } | Self::Stranger { .. } => code::SIGNER_NOT_TRUSTED,
            Self::WrongSignature { .. } => code::SIGNATURE_WRONG,
        }
    }
}

/// A refusal as an error with its code, for people.
pub(crate) fn refused(refusal: Refusal) -> anyhow::Error {
    let code = refusal.code();
    anyhow::Error::new(refusal).context(code.to_string())
}

/// What a repository says about its connectors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// `None`: there is no lock, and everything in the folder is taken as it is.
    lock: Option<Lock>,
    trust: Option<Trust>,
}

/// A connector that is about to be used.
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: String,
    pub(crate) digest: Digest,
    pub(crate) path: &'a Path,
}

impl Rules {
    /// Reads both files of a repository.
    pub(crate) fn read(repo: &Path) -> Result<Self> {
        Ok(Self {
            lock: Lock::read(repo).map_err(refused)?,
            trust: Trust::read(repo).map_err(refused)?,
        })
    }

    /// Checks a connector before anything of it is compiled.
    pub(crate) fn check(&self, found: &Candidate<'_>) -> Result<(), Refusal> {
        let Some(lock) = &self.lock else {
            return match &self.trust {
                None => Ok(()),
                // Signatures stand in the lock.
                Some(trust) => trust.check(found, None).map(drop),
            };
        };
        let path = found.path.display().to_string();
        let Some(entry) = lock.by_digest(found.digest) else {
            return Err(match lock.named(found.name, &found.version) {
                Some(entry) => Refusal::Changed {
                    name: found.name.to_owned(),
                    version: found.version.clone(),
                    locked: entry.digest.into(),
                    found: found.digest.into(),
                    path,
                },
                None => Refusal::NotLocked {
                    digest: found.digest,
                    path,
                },
            });
        };
        self.check_signature(found, entry.signature.as_ref())
            .map(drop)
    }

    /// Checks the signature by the repository's trust; the name of the signer.
    pub(crate) fn check_signature(
        &self,
        found: &Candidate<'_>,
        signature: Option<&Signature>,
    ) -> Result<Option<String>, Refusal> {
        match &self.trust {
            Some(trust) => trust.check(found, signature),
            // Nobody is trusted by name; a signature still has to be one.
            None => match signature {
                Some(signature) if !signature.holds(found.digest) => Err(Refusal::WrongSignature {
                    name: found.name.to_owned(),
                    version: found.version.clone(),
                    signer: signature.key.clone(),
                }),
                Some(_) | None => Ok(None),
            },
        }
    }

    /// The lock's entry of a component.
    pub(crate) fn entry(&self, digest: Digest) -> Option<&Entry> {
        self.lock.as_ref()?.by_digest(digest)
    }
}

#[cfg(test)]
mod tests;
