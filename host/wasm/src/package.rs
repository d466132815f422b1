//! A connector as a file: what is in it, and how its manifest gets into it.

mod describe;
mod inspect;
pub(crate) mod section;

pub use describe::describe;
pub(crate) use inspect::shape;
pub use inspect::{Inspection, inspect};

use crate::load::LoadError;
use dowel_core::manifest::{Manifest, SECTION};

/// The largest component that is accepted: four times a Python or JavaScript guest.
pub const MAX_COMPONENT_BYTES: usize = 128 << 20;

/// The largest manifest that is accepted: thousands of operations with schemas.
pub const MAX_MANIFEST_BYTES: usize = 8 << 20;

/// Checks `manifest` and writes it into the component's custom section, in place of
/// one that is already there.
pub fn embed(component: &[u8], manifest: &[u8]) -> Result<Vec<u8>, LoadError> {
    check_size("the manifest", manifest.len(), MAX_MANIFEST_BYTES)?;
    Manifest::parse(manifest)?;
    section::replace_custom(component, SECTION, manifest)
}

/// Checks a component as loading it does, without compiling it.
pub fn check(component: &[u8]) -> Result<(), LoadError> {
    crate::connector::check_shape(component)?;
    crate::connector::check_needs(component, &manifest(component)?)
}

/// Reads and checks the manifest of a component.
pub(crate) fn manifest(component: &[u8]) -> Result<Manifest, LoadError> {
    check_size("the component", component.len(), MAX_COMPONENT_BYTES)?;
    let text = section::custom(component, SECTION)?.ok_or(LoadError::NoManifest)?;
    check_size("the manifest", text.len(), MAX_MANIFEST_BYTES)?;
    Ok(Manifest::parse(text)?)
}

pub(crate) fn check_size(what: &'static str, bytes: usize, limit: usize) -> Result<(), LoadError> {
    if bytes > limit {
        return Err(LoadError::TooLarge { what, bytes, limit });
    }
    Ok(())
}
