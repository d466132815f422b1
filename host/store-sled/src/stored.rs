//! The form in which a value lies in the tree: one byte that says where the value is,
//! then the value or the name of its file.

use crate::health::Fault;
use sha2::{Digest as _, Sha256};

/// The value itself follows.
const INLINE: u8 = 1;
/// A SHA-256 digest and a length follow; the value lies in the file of that name.
const FILE: u8 = 2;

const DIGEST_BYTES: usize = 32;
const REFERENCE_BYTES: usize = 1 + DIGEST_BYTES + size_of::<u64>();

/// Names a value that lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileReference {
    pub(crate) digest: [u8; DIGEST_BYTES],
    pub(crate) length: u64,
}

impl FileReference {
    pub(crate) fn of(value: &[u8]) -> Self {
        Self {
            digest: Sha256::digest(value).into(),
            length: value.len() as u64,
        }
    }

    pub(crate) fn describes(&self, value: &[u8]) -> bool {
        self.length == value.len() as u64
            && self.digest == <[u8; DIGEST_BYTES]>::from(Sha256::digest(value))
    }
}

/// A decoded entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stored<'a> {
    Inline(&'a [u8]),
    File(FileReference),
}

impl<'a> Stored<'a> {
    pub(crate) fn decode(raw: &'a [u8]) -> Result<Self, Fault> {
        match raw.split_first() {
            Some((&INLINE, value)) => Ok(Self::Inline(value)),
            Some((&FILE, rest)) if raw.len() == REFERENCE_BYTES => {
                let (digest, length) = rest.split_at(DIGEST_BYTES);
                Ok(Self::File(FileReference {
                    digest: digest.try_into().map_err(|_| Fault::Form)?,
                    length: u64::from_le_bytes(length.try_into().map_err(|_| Fault::Form)?),
                }))
            }
            _ => Err(Fault::Form),
        }
    }

    /// Whether this entry stands for `value`; needs no file to be read.
    pub(crate) fn stands_for(&self, value: &[u8]) -> bool {
        match self {
            Self::Inline(stored) => *stored == value,
            Self::File(reference) => reference.describes(value),
        }
    }
}

pub(crate) fn encode_inline(value: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(1 + value.len());
    raw.push(INLINE);
    raw.extend_from_slice(value);
    raw
}

pub(crate) fn encode_file(reference: &FileReference) -> Vec<u8> {
    let mut raw = Vec::with_capacity(REFERENCE_BYTES);
    raw.push(FILE);
    raw.extend_from_slice(&reference.digest);
    raw.extend_from_slice(&reference.length.to_le_bytes());
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_come_back() {
        assert_eq!(
            Stored::decode(&encode_inline(b"")).unwrap(),
            Stored::Inline(b"")
        );
        let reference = FileReference::of(b"long");
        let raw = encode_file(&reference);
        assert_eq!(Stored::decode(&raw).unwrap(), Stored::File(reference));
        assert!(Stored::decode(&raw).unwrap().stands_for(b"long"));
        assert!(!Stored::decode(&raw).unwrap().stands_for(b"gone"));
    }

    #[test]
    fn anything_else_is_refused() {
        for raw in [&b""[..], b"\x00", b"\x02short", b"\x09abc"] {
            assert!(Stored::decode(raw).is_err(), "{raw:?}");
        }
    }
}
