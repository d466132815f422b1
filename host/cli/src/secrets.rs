//! Secrets from environment variables and from files (Kubernetes mounts). Read when
//! used, so that a rotated file counts at once.

use dowel_core::port::{BoxFuture, Secret, SecretError, Secrets};
use std::path::PathBuf;

/// Environment variables begin with this: `crm_token` is `DOWEL_SECRET_CRM_TOKEN`.
const PREFIX: &str = "DOWEL_SECRET_";

/// The largest secret file, in bytes.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Environment variables first, then one file per secret in a folder.
pub(crate) struct HostSecrets {
    pub(crate) folder: Option<PathBuf>,
}

/// The environment variable of a secret.
pub(crate) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase().replace('-', "_"))
}

impl HostSecrets {
    /// The current value of a secret.
    pub(crate) fn read(&self, name: &str) -> Result<Secret, SecretError> {
        if let Ok(value) = std::env::var(variable(name)) {
            return Ok(Secret::new(value));
        }
        let missing = || SecretError::Missing(name.to_owned());
        let is_plain = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let folder = self
            .folder
            .as_ref()
            .filter(|_| is_plain)
            .ok_or_else(missing)?;
        let path = folder.join(name);
        let unreadable = |reason: String| SecretError::Unreadable {
            name: name.to_owned(),
            reason,
        };
        match std::fs::metadata(&path) {
            Err(_) => return Err(missing()),
            Ok(data) if data.len() > MAX_SECRET_BYTES => {
                return Err(unreadable("the file is too large".into()));
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(&path).map_err(|e| unreadable(e.kind().to_string()))?;
        // Editors end files with a line break that is not part of the secret.
        Ok(Secret::new(text.strip_suffix('\n').unwrap_or(&text)))
    }
}

impl Secrets for HostSecrets {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(std::future::ready(self.read(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_and_names_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crm_token"), "t0p\n").unwrap();
        let secrets = HostSecrets {
            folder: Some(folder.path().join("")),
        };
        assert_eq!(secrets.read("crm_token").unwrap().expose(), "t0p");
        for name in ["other", "../crm_token", "/etc/hostname", "."] {
            assert!(
                matches!(secrets.read(name), Err(SecretError::Missing(_))),
                "{name}"
            );
        }
        assert_eq!(variable("crm_token"), "DOWEL_SECRET_CRM_TOKEN");
    }
}
