//! Compiled guests on disk.
//!
//! Loading compiled code is `unsafe`: whoever can change the file runs code in the
//! host. An artefact is therefore loaded only if it carries a seal made with this
//! installation's key, which only the host's user can read.

use dowel_core::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

const KEY_BYTES: usize = 32;
const SEAL_BYTES: usize = 32;

/// Compiles a guest, or takes it from the cache. A cache that does not work costs time,
/// not the start.
pub(crate) fn component(
    engine: &Engine,
    directory: Option<&Path>,
    wasm: &[u8],
    digest: &Digest,
) -> wasmtime::Result<Component> {
    let Some(directory) = directory else {
        return Component::new(engine, wasm);
    };
    let key = match key(directory) {
        Ok(key) => key,
        Err(error) => {
            tracing::warn!(%error, "the compile cache is not used");
            return Component::new(engine, wasm);
        }
    };
    let path = directory.join(format!(
        "mapping-{}-{}.cwasm",
        digest.hex(),
        compatibility(engine)
    ));
    if let Some(artefact) = unseal(&path, &key) {
        // SAFETY: the seal proves that this host wrote the bytes, as the serialised
        // form of a component; Wasmtime checks its own version and settings itself.
        if let Ok(component) = unsafe { Component::deserialize(engine, artefact) } {
            return Ok(component);
        }
    }
    let component = Component::new(engine, wasm)?;
    let artefact = component.serialize()?;
    if let Err(error) = seal(directory, &path, &key, &artefact) {
        tracing::warn!(%error, "the compiled mapping guest cannot be cached");
    }
    Ok(component)
}

/// Digest of everything about the engine that compiled code depends on.
fn compatibility(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    Digest::of(hasher.0.finalize()).short()
}

/// This installation's key; made at first use.
fn key(directory: &Path) -> io::Result<[u8; KEY_BYTES]> {
    fs::create_dir_all(directory)?;
    let path = directory.join("mapping-cache.key");
    let mut key = [0; KEY_BYTES];
    match File::open(&path) {
        Ok(mut file) => {
            private(&file)?;
            file.read_exact(&mut key)?;
            return Ok(key);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // A name of its own and a link: two hosts that start at once agree on one key, and
    // nobody sees half of one.
    let own = directory.join(format!("mapping-cache.key.{}", std::process::id()));
    write_private(&own, &[&key])?;
    let linked = fs::hard_link(&own, &path);
    fs::remove_file(&own)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut file = File::open(&path)?;
            private(&file)?;
            file.read_exact(&mut key)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

/// Refuses a key that others can read.
fn private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other(
                "mapping-cache.key can be read by others (it must have mode 0600)",
            ));
        }
    }
    Ok(())
}

fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
}

/// HMAC-SHA-256 (RFC 2104) over an artefact.
fn mac(key: &[u8; KEY_BYTES], artefact: &[u8]) -> io::Result<Hmac<Sha256>> {
    // Any length of key is accepted; the error exists for other algorithms.
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(io::Error::other)?;
    Ok(mac.chain_update(artefact))
}

fn seal(directory: &Path, path: &Path, key: &[u8; KEY_BYTES], artefact: &[u8]) -> io::Result<()> {
    let own = directory.join(format!("mapping.{}.tmp", std::process::id()));
    let seal = mac(key, artefact)?.finalize().into_bytes();
    write_private(&own, &[&seal, artefact])?;
    fs::rename(own, path)
}

fn unseal(path: &Path, key: &[u8; KEY_BYTES]) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let (seal, artefact) = bytes.split_at_checked(SEAL_BYTES)?;
    // Compares in constant time.
    mac(key, artefact).ok()?.verify_slice(seal).ok()?;
    Some(artefact.to_vec())
}
