//! `oci://registry/repository:tag@sha256:…`.

use anyhow::{Context as _, Result, bail};
use dowel_core::Digest;
use std::fmt;

/// Before every reference.
const SCHEME: &str = "oci://";

/// The tag where none is given.
const DEFAULT_TAG: &str = "latest";

/// An artifact of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Name or address of the registry, with its port.
    pub(crate) host: String,
    /// The repository in it.
    pub(crate) repository: String,
    tag: Option<String>,
    /// Digest of the artifact's manifest.
    pub(crate) digest: Option<Digest>,
}

impl Reference {
    /// Whether a text is meant as a reference.
    pub(crate) fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let form =
            "a reference is written oci://registry/repository:tag, with @sha256:… if it is pinned";
        let rest = text.strip_prefix(SCHEME).context(form)?;
        let (host, path) = rest.split_once('/').context(form)?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest.parse::<Digest>()?)),
            None => (path, None),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        let is_tag = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let plain_tag = tag
            .as_deref()
            .is_none_or(|tag| !tag.is_empty() && tag.chars().all(is_tag));
        let plain_host = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
        let segments = repository
            .split('/')
            .all(|part| !part.is_empty() && part != "..");
        if host.is_empty()
            || !plain_host
            || !plain_tag
            || !segments
            || !repository.chars().all(is_name)
        {
            bail!(form);
        }
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }

    pub(crate) fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or(DEFAULT_TAG)
    }

    /// What is asked for: the digest where there is one.
    pub(crate) fn pin_or_tag(&self) -> String {
        self.digest
            .map_or_else(|| self.tag().to_owned(), |digest| digest.to_string())
    }

    /// The same artifact, whatever happens to its tag.
    pub(crate) fn pinned(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// A URL of the registry's API. Loopback alone is spoken to without TLS.
    pub(crate) fn url(&self, path: &str) -> String {
        let name = match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.host,
        };
        let is_local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
        let scheme = if is_local { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{path}", self.host, self.repository)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let pin = format!("@sha256:{}", "a1".repeat(32));
        for (text, url) in [
            (
                "oci://ghcr.io/acme/crm:1.2.0",
                "https://ghcr.io/v2/acme/crm/manifests/1.2.0",
            ),
            (
                "oci://localhost:5000/crm",
                "http://localhost:5000/v2/crm/manifests/latest",
            ),
            (
                "oci://127.0.0.1:5000/a/b:x",
                "http://127.0.0.1:5000/v2/a/b/manifests/x",
            ),
            (
                &format!("oci://r.example/crm:1{pin}"),
                &format!(
                    "https://r.example/v2/crm/manifests/sha256:{}",
                    "a1".repeat(32)
                ),
            ),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.to_string(), text);
            let path = format!("manifests/{}", reference.pin_or_tag());
            assert_eq!(reference.url(&path), *url);
        }
        for bad in [
            "ghcr.io/acme/crm",
            "oci://ghcr.io",
            "oci:///crm",
            "oci://r/Upper",
            "oci://r/../x",
            "oci://r/a:",
            "oci://user@r/a",
            "oci://r/a@sha256:12",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }
}
