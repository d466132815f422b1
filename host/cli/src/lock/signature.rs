//! Signatures of connectors: ed25519 (RFC 8032) over the digest, with keys in the files
//! that OpenSSL writes.

use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dowel_core::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Before every key.
const PREFIX: &str = "ed25519:";

/// Keeps signatures of connectors apart from signatures of anything else by the same key.
const CONTEXT: &str = "dowel connector v1\n";

/// What a key file holds.
const PRIVATE_KEY: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];

/// A signature and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    /// The public key, `ed25519:` and base64.
    pub(crate) key: String,
    /// The signature in base64.
    pub(crate) value: String,
}

impl Signature {
    /// Whether it is one of this component by this key.
    pub(crate) fn holds(&self, digest: Digest) -> bool {
        let Some(key) = self.key.strip_prefix(PREFIX) else {
            return false;
        };
        let (Ok(key), Ok(value)) = (STANDARD.decode(key), STANDARD.decode(&self.value)) else {
            return false;
        };
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(message(digest).as_bytes(), &value).is_ok()
    }

    /// Reads the file beside a component; `None` if there is none.
    pub(crate) fn beside(component: &Path) -> Result<Option<Self>> {
        let path = signature_file(component);
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path)?;
        let read = serde_json::from_str(&text);
        read.map(Some)
            .with_context(|| format!("{} is not a signature", path.display()))
    }
}

/// Where the signature of a component is.
pub(crate) fn signature_file(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Whether a text is a public key.
pub(crate) fn is_key(text: &str) -> bool {
    let key = text.strip_prefix(PREFIX).map(|key| STANDARD.decode(key));
    matches!(key, Some(Ok(bytes)) if bytes.len() == 32)
}

/// What is signed.
fn message(digest: Digest) -> String {
    format!("{CONTEXT}{digest}\n")
}

/// A private key. Shows nothing in `Debug`.
pub(crate) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a key in PKCS #8, as `openssl genpkey -algorithm ed25519` writes it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let [begin, end] = PRIVATE_KEY;
        let inner = text
            .split_once(begin)
            .and_then(|(_, rest)| rest.split_once(end));
        let Some((inner, _)) = inner else {
            bail!("this is not a private key: make one with `openssl genpkey -algorithm ed25519`");
        };
        let inner: String = inner.split_whitespace().collect();
        let bytes = STANDARD.decode(inner).context("the key is damaged")?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map_err(|_| anyhow!("this is not an ed25519 key"))?;
        Ok(Self(pair))
    }

    /// The public key as it stands in files.
    pub(crate) fn public(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0.public_key().as_ref()))
    }

    /// Signs a component.
    pub(crate) fn sign(&self, digest: Digest) -> Signature {
        Signature {
            key: self.public(),
            value: STANDARD.encode(self.0.sign(message(digest).as_bytes()).as_ref()),
        }
    }
}
