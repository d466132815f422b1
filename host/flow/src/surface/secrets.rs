//! Where the values of secrets come from.

use super::environment::Origin;
use crate::shape::{Located, Text, record};

record! {
    /// Where the values of secrets come from. The first place that has a secret counts:
    /// `environment`, `age`, `files`, `vault`.
    SecretsFile {
        /// Environment variables of the host's process.
        environment = "environment": Option<VariablesFile>,
        /// One file in the age format, written by `dowel secret set`.
        age = "age": Option<AgeSecrets>,
        /// A folder with one file per secret, as Kubernetes mounts them.
        files = "files": Option<FolderFile>,
        /// A server that speaks the HTTP API of HashiCorp Vault (key/value engine, version 2).
        vault = "vault": Option<VaultFile>,
    }
    not_yet []
}

record! {
    /// Environment variables.
    VariablesFile {
        /// What their names begin with; `DOWEL_SECRET_` unless given.
        prefix = "prefix": Option<Text>,
    }
    not_yet []
}

record! {
    /// An encrypted file. Paths are relative to the repository.
    AgeSecrets {
        /// The encrypted file, such as `environments/prod.secrets.age`.
        file = "file": Text,
        /// The file with the X25519 identity that opens it; never in git.
        identity_file = "identity_file": Text,
        /// Others who can open it as well, such as `age1…`.
        recipients = "recipients": Option<Vec<Text>>,
    }
    not_yet []
}

record! {
    /// A folder with one file per secret.
    FolderFile {
        /// The folder, relative to the repository.
        folder = "folder": Text,
    }
    not_yet []
}

record! {
    /// A server that speaks the HTTP API of HashiCorp Vault.
    VaultFile {
        /// `https://host[:port]`.
        url = "url": Located<Origin>,
        /// Where the key/value engine is mounted; `secret` unless given.
        mount = "mount": Option<Text>,
        /// The path below it that the secrets are in, such as `dowel/prod`.
        path = "path": Option<Text>,
        /// The file with the token; it is read for each request.
        token_file = "token_file": Text,
        /// The namespace, for servers that have them.
        namespace = "namespace": Option<Text>,
    }
    not_yet []
}
