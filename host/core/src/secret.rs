//! Where a host looks for the values of secrets. Values are never part of it.

use serde::Deserialize;

/// The environment variable of a secret begins with this unless something else is said:
/// `crm_token` is `DOWEL_SECRET_CRM_TOKEN`.
pub const DEFAULT_PREFIX: &str = "DOWEL_SECRET_";

/// Where a host looks for secrets: the first place that has one counts, in the order of
/// the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSources {
    /// Environment variables of the host's process.
    pub environment: Option<VariableSource>,
    /// One encrypted file.
    pub age: Option<AgeSource>,
    /// A folder with one file per secret, as Kubernetes mounts them.
    pub files: Option<FolderSource>,
    /// A server that speaks the HTTP API of HashiCorp Vault, key/value engine version 2.
    pub vault: Option<VaultSource>,
}

impl SecretSources {
    /// Variables alone: what counts where nothing is said.
    pub fn variables() -> Self {
        Self {
            environment: Some(VariableSource::default()),
            ..Self::default()
        }
    }

    /// What each source is, for people who look at what a change does.
    pub fn describe(&self) -> Vec<String> {
        let environment = self.environment.as_ref();
        let age = self.age.as_ref();
        let files = self.files.as_ref();
        let vault = self.vault.as_ref();
        let all = [
            environment.map(|source| format!("environment variables {}…", source.prefix())),
            age.map(|source| format!("the age file {}", source.file)),
            files.map(|source| format!("the folder {}", source.folder)),
            vault.map(|source| format!("the Vault at {}", source.url)),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableSource {
    /// What the names begin with; [`DEFAULT_PREFIX`] unless given.
    pub prefix: Option<String>,
}

impl VariableSource {
    /// What the names begin with.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or(DEFAULT_PREFIX)
    }

    /// The variable of a secret.
    pub fn variable(&self, name: &str) -> String {
        let name = name.to_uppercase().replace(['-', '.'], "_");
        format!("{}{name}", self.prefix())
    }
}

/// A file in the age format (age-encryption.org/v1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeSource {
    /// The encrypted file.
    pub file: String,
    /// The file with the X25519 identity that opens it.
    pub identity_file: String,
    /// Others who can open it as well, as `age1…`.
    #[serde(default)]
    pub recipients: Vec<String>,
}

/// A folder with one file per secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSource {
    /// The folder.
    pub folder: String,
}

/// A server that speaks the HTTP API of HashiCorp Vault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSource {
    /// `https://host[:port]`; without encryption on the same machine only.
    pub url: String,
    /// Where the key/value engine is mounted; `secret` unless given.
    pub mount: Option<String>,
    /// The path below the mount that the secrets are in, such as `dowel/prod`.
    pub path: Option<String>,
    /// The file with the token, read for each request: an agent renews it.
    pub token_file: String,
    /// The namespace, for servers that have them.
    pub namespace: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_names() {
        let check = |prefix: Option<&str>, name: &str, expected: &str| {
            let prefix = prefix.map(str::to_owned);
            assert_eq!(VariableSource { prefix }.variable(name), expected);
        };
        check(None, "crm_token", "DOWEL_SECRET_CRM_TOKEN");
        check(None, "crm-token.v2", "DOWEL_SECRET_CRM_TOKEN_V2");
        check(Some("SHOP_"), "a", "SHOP_A");
    }
}
