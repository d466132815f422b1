//! Compiled components on disk. Machine code that is loaded runs with the host's
//! rights, so an artefact is used only if this installation wrote it: each carries an
//! HMAC-SHA-256 (RFC 2104) under a key that only the host's user can read.

use crate::load::LoadError;
use dowel_core::Digest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The key's file in the cache folder.
const KEY_FILE: &str = "key";

/// Bytes of the key: the hash's output size.
const KEY_BYTES: usize = 32;

/// Bytes of the authentication code before the artefact.
const MAC_BYTES: usize = 32;

/// A folder of compiled components.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Changes with Wasmtime's version, its settings and the processor's features.
    compatibility: u64,
}

impl Cache {
    /// Opens or creates the folder and its key.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Result<Self, LoadError> {
        let failed = |e: std::io::Error| LoadError::Cache(format!("{}: {e}", folder.display()));
        fs::create_dir_all(folder).map_err(failed)?;
        let key = match read_key(&folder.join(KEY_FILE)).map_err(failed)? {
            Some(key) => key,
            None => create_key(folder).map_err(failed)?,
        };
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            folder: folder.to_owned(),
            key,
            compatibility: hasher.finish(),
        })
    }

    /// The compiled component, if it is there and this installation wrote it.
    pub(crate) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest);
        let bytes = fs::read(&path).ok()?;
        let (code, artefact) = bytes.split_at_checked(MAC_BYTES)?;
        if self.mac(digest, artefact).verify_slice(code).is_err() {
            tracing::warn!(
                component = %digest,
                "a compiled connector in the cache is damaged or not ours; compiling it again"
            );
            return None;
        }
        // SAFETY: the code above proves that `Cache::store` of this installation wrote
        // exactly these bytes, from `Component::serialize` of a compatible engine.
        let loaded = unsafe { Component::deserialize(engine, artefact) };
        loaded
            .inspect_err(
                |e| tracing::warn!(component = %digest, "a cached connector does not load: {e:#}"),
            )
            .ok()
    }

    /// Keeps a compiled component. The file appears whole or not at all.
    pub(crate) fn store(&self, digest: Digest, artefact: &[u8]) -> std::io::Result<()> {
        let path = self.path(digest);
        let draft = draft(&path)?;
        let code = self.mac(digest, artefact).finalize().into_bytes();
        let mut file = fs::File::create(&draft)?;
        file.write_all(&code)?;
        file.write_all(artefact)?;
        file.sync_data()?;
        fs::rename(&draft, &path)
    }

    /// Covers the digest too, so that one connector's artefact cannot stand in for
    /// another's.
    fn mac(&self, digest: Digest, artefact: &[u8]) -> Hmac<Sha256> {
        #[allow(clippy::expect_used)] // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key length");
        mac.update(digest.hex().as_bytes());
        mac.update(&self.compatibility.to_le_bytes());
        mac.update(artefact);
        mac
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = format!("{}-{:016x}.cwasm", digest.hex(), self.compatibility);
        self.folder.join(name)
    }
}

/// The key. One that others could have read or written, or that is no key, is removed:
/// what it vouches for is compiled again.
fn read_key(path: &Path) -> std::io::Result<Option<[u8; KEY_BYTES]>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    match bytes.try_into() {
        Ok(key) if is_private(path)? => Ok(Some(key)),
        _ => {
            tracing::warn!("the key of the compile cache is not private; making a new one");
            fs::remove_file(path)?;
            Ok(None)
        }
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_path: &Path) -> std::io::Result<bool> {
    Ok(true)
}

/// Writes a new key beside its final place and links it there: of hosts that start at
/// once, one wins and all use its key, and nobody reads half a key.
fn create_key(folder: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    let key: [u8; KEY_BYTES] = random()?;
    let draft = draft(&folder.join(KEY_FILE))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(&key)?;
    file.sync_data()?;
    let linked = fs::hard_link(&draft, folder.join(KEY_FILE));
    fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let theirs = read_key(&folder.join(KEY_FILE))?;
            theirs.ok_or_else(|| std::io::Error::other("the key changes all the time"))
        }
        linked => linked.map(|()| key),
    }
}

/// A path beside `path` that nobody else writes to.
fn draft(path: &Path) -> std::io::Result<PathBuf> {
    let unique = u64::from_le_bytes(random()?);
    Ok(path.with_extension(format!("{unique:016x}.draft")))
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}
