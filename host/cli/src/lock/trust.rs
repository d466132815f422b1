//! Whose signatures count.

use super::signature::is_key;
use super::{Candidate, Refusal, Signature};
use dowel_flow::document;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The file's name, at the root of the repository.
pub(crate) const TRUST_FILE: &str = "trusted-signers.yaml";

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trust {
    /// Public keys by names for people. Two keys of one signer have two names.
    signers: BTreeMap<String, String>,
    /// What happens to connectors without a signature.
    #[serde(default)]
    unsigned: Unsigned,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unsigned {
    #[default]
    Refuse,
    Allow,
}

impl Trust {
    /// Reads the file of a repository; `None` if it has none.
    pub(crate) fn read(repo: &Path) -> Result<Option<Self>, Refusal> {
        let path = repo.join(TRUST_FILE);
        let bad = |why: String| Refusal::File {
            file: path.display().to_string(),
            why,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad(error.to_string())),
        };
        let json = document::read(TRUST_FILE, &text).map_err(|found| {
            let lines = found.iter().map(|one| one.render());
            bad(lines.collect::<Vec<_>>().join("\n"))
        })?;
        let trust: Self =
            serde_json::from_str(json.as_str()).map_err(|error| bad(error.to_string()))?;
        if let Some((name, _)) = trust.signers.iter().find(|(_, key)| !is_key(key)) {
            let why = format!("the key of `{name}` is not `ed25519:` and 32 bytes in base64");
            return Err(bad(why));
        }
        Ok(Some(trust))
    }

    /// The name of the signer, or why the connector is not accepted.
    pub(crate) fn check(
        &self,
        found: &Candidate<'_>,
        signature: Option<&Signature>,
    ) -> Result<Option<String>, Refusal> {
        let (name, version) = (found.name.to_owned(), found.version.clone());
        let Some(signature) = signature else {
            return match self.unsigned {
                Unsigned::Allow => Ok(None),
                Unsigned::Refuse => Err(Refusal::Unsigned { name, version }),
            };
        };
        let mut signers = self.signers.iter();
        let Some((signer, _)) = signers.find(|(_, key)| **key == signature.key) else {
            let trusted: Vec<&str> = self.signers.keys().map(String::as_str).collect();
            return Err(Refusal::Stranger {
                name,
                version,
                key: signature.key.clone(),
                trusted: match trusted.as_slice() {
                    [] => "nobody".to_owned(),
                    names => names.join(", "),
                },
            });
        };
        if !signature.holds(found.digest) {
            return Err(Refusal::WrongSignature {
                name,
                version,
                signer: signer.clone(),
            });
        }
        Ok(Some(signer.clone()))
    }
}
