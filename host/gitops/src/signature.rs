//! Signatures of commits by ssh keys: which keys are allowed, and whether a commit is
//! signed by one of them. The form is that of OpenSSH (`PROTOCOL.sshsig`), the same that
//! `git commit -S` writes with `gpg.format=ssh`.

use crate::error::GitError;
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// Around the signature.
const ARMOR: [&str; 2] = [
    "-----BEGIN SSH SIGNATURE-----",
    "-----END SSH SIGNATURE-----",
];

/// Before everything that is signed.
const MAGIC: &[u8] = b"SSHSIG";

/// Keeps signatures of commits apart from signatures of anything else by the same key.
const NAMESPACE: &[u8] = b"git";

/// The only kind of key that is taken.
const KIND: &str = "ssh-ed25519";

/// Larger files are not lists of keys.
const MAX_FILE: u64 = 1 << 20;

/// The keys whose signatures count, and whose they are: a file of the form that
/// `ssh-keygen` calls *allowed signers*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners(Vec<Signer>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signer {
    /// As what people are known, such as `ana@example.com`.
    names: Vec<String>,
    /// The public key in the form of OpenSSH.
    key: Vec<u8>,
}

impl AllowedSigners {
    /// Reads the file.
    ///
    /// # Errors
    /// [`GitError::Signers`] if it cannot be read, or has a line that is not understood: a
    /// limit that is not kept would be none.
    pub fn read(path: &Path) -> Result<Self, GitError> {
        let wrong = |reason: String| GitError::Signers(format!("{}: {reason}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
        if size.len() > MAX_FILE {
            return Err(wrong("it is larger than 1 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    /// Reads its text; the error names the line.
    fn parse(text: &str) -> Result<Self, String> {
        let mut signers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = signer(line).map_err(|reason| format!("line {}: {reason}", index + 1))?;
            signers.push(signer);
        }
        Ok(Self(signers))
    }

    /// Whose signature it is.
    ///
    /// # Errors
    /// Why it counts for nothing.
    pub(crate) fn who(&self, signature: &str, signed: &[u8]) -> Result<&[String], String> {
        let signature = Signature::parse(signature).ok_or("its signature is not one by ssh")?;
        let known = self.0.iter().find(|signer| signer.key == signature.key);
        let signer = known.ok_or("it is signed by a key that is not allowed")?;
        match signature.holds(signed) {
            true => Ok(&signer.names),
            false => Err("its signature is not one of this commit".to_owned()),
        }
    }
}

fn signer(line: &str) -> Result<Signer, String> {
    let mut words = line.split_whitespace();
    let names = words.next().unwrap_or_default();
    if names.contains(['*', '?', '!', '"']) {
        return Err(format!(
            "`{names}` is no list of names: patterns are not taken"
        ));
    }
    let mut kind = words.next().unwrap_or_default();
    if kind == "namespaces=\"git\"" {
        kind = words.next().unwrap_or_default();
    }
    if kind != KIND {
        return Err(format!(
            "`{kind}` is neither `{KIND}` nor the option namespaces=\"git\": other kinds of keys and other options are not taken"
        ));
    }
    let key = words.next().and_then(|key| STANDARD.decode(key).ok());
    let key = key.filter(|key| raw_key(key).is_some());
    Ok(Signer {
        names: names.split(',').map(str::to_lowercase).collect(),
        key: key.ok_or("the key is damaged")?,
    })
}

/// The 32 bytes of a key in the form of OpenSSH.
fn raw_key(key: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(key);
    let kind = fields.take()?;
    let raw = fields.take()?;
    (kind == KIND.as_bytes() && raw.len() == 32 && fields.0.is_empty()).then_some(raw)
}

/// A signature, without its armor.
struct Signature {
    key: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    value: Vec<u8>,
}

impl Signature {
    fn parse(text: &str) -> Option<Self> {
        let [begin, end] = ARMOR;
        let inner = text.trim().strip_prefix(begin)?.strip_suffix(end)?;
        let inner: String = inner.split_whitespace().collect();
        let bytes = STANDARD.decode(inner).ok()?;
        let rest = bytes
            .strip_prefix(MAGIC)?
            .strip_prefix(&1_u32.to_be_bytes())?;
        let mut fields = Fields(rest);
        let key = fields.take()?.to_vec();
        let namespace = fields.take()?;
        let (reserved, hash) = (fields.take()?.to_vec(), fields.take()?.to_vec());
        let mut inner = Fields(fields.take()?);
        let kind = inner.take()?;
        let value = inner.take()?.to_vec();
        let is_whole = fields.0.is_empty() && inner.0.is_empty();
        (is_whole && namespace == NAMESPACE && kind == KIND.as_bytes()).then_some(Self {
            key,
            reserved,
            hash,
            value,
        })
    }

    fn holds(&self, message: &[u8]) -> bool {
        let algorithm = match self.hash.as_slice() {
            b"sha512" => &SHA512,
            b"sha256" => &SHA256,
            _ => return false,
        };
        let hashed = digest(algorithm, message);
        let mut signed = MAGIC.to_vec();
        for field in [NAMESPACE, &self.reserved, &self.hash, hashed.as_ref()] {
            put(&mut signed, field);
        }
        let key = raw_key(&self.key).map(|key| UnparsedPublicKey::new(&ED25519, key));
        key.is_some_and(|key| key.verify(&signed, &self.value).is_ok())
    }
}

/// Fields with their lengths before them (RFC 4251, section 5: `string`).
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn take(&mut self) -> Option<&'b [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}

fn put(out: &mut Vec<u8>, field: &[u8]) {
    // What is put here is short: names, and digests.
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

    fn check(text: &str, expected: &str) {
        let found = match AllowedSigners::parse(text) {
            Ok(signers) => format!("{} signer(s)", signers.0.len()),
            Err(reason) => reason,
        };
        assert!(found.contains(expected), "{text}: {found}");
    }

    #[test]
    fn lines_that_are_not_understood_are_refused() {
        check(
            &format!("# people\n\nana@example.com,ana ssh-ed25519 {KEY} laptop\n"),
            "1 signer(s)",
        );
        check(
            &format!("ana namespaces=\"git\" ssh-ed25519 {KEY}"),
            "1 signer",
        );
        check(&format!("* ssh-ed25519 {KEY}"), "line 1: `*` is no list");
        check(
            &format!("\nana valid-before=\"20200101\" ssh-ed25519 {KEY}"),
            "line 2: `valid-before",
        );
        check(
            &format!("ana cert-authority ssh-ed25519 {KEY}"),
            "`cert-authority`",
        );
        check("ana ssh-rsa AAAA", "`ssh-rsa`");
        check("ana ssh-ed25519", "damaged");
        check(&format!("ana ssh-ed25519 {}", &KEY[..40]), "damaged");
    }

    #[test]
    fn what_is_no_signature_is_refused_whatever_it_is() {
        let signers = AllowedSigners::parse(&format!("ana ssh-ed25519 {KEY}")).unwrap();
        let armored =
            |bytes: &[u8]| format!("{}\n{}\n{}\n", ARMOR[0], STANDARD.encode(bytes), ARMOR[1]);
        let mut whole = MAGIC.to_vec();
        whole.extend_from_slice(&1_u32.to_be_bytes());
        let key = STANDARD.decode(KEY).unwrap();
        let mut inner = Vec::new();
        put(&mut inner, KIND.as_bytes());
        put(&mut inner, &[0; 64]);
        for field in [key.as_slice(), NAMESPACE, b"", b"sha512", &inner] {
            put(&mut whole, field);
        }
        let refused = |text: &str| signers.who(text, b"message").unwrap_err();
        assert!(refused(&armored(&whole)).contains("not one of this commit"));
        for length in 0..whole.len() {
            assert!(refused(&armored(&whole[..length])).contains("not one by ssh"));
        }
        let other = String::from_utf8_lossy(&whole).replace("git", "gut");
        assert!(refused(&armored(other.as_bytes())).contains("not one by ssh"));
        assert!(refused("-----BEGIN PGP SIGNATURE-----").contains("not one by ssh"));
    }
}
