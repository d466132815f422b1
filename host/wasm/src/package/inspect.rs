//! What a component is, without running or compiling it.

use super::{MAX_COMPONENT_BYTES, check_size, manifest};
use crate::load::LoadError;
use dowel_core::Digest;
use dowel_core::manifest::Manifest;
use serde::Serialize;
use wasmparser::{Parser, Payload};

/// What `dowel connector inspect` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// What the connector says about itself.
    pub manifest: Manifest,
    /// Digest of the file.
    pub digest: Digest,
    /// Size of the file, in bytes.
    pub size: u64,
    /// Names of the interfaces that it imports.
    pub imports: Vec<String>,
    /// Names of what it exports.
    pub exports: Vec<String>,
    /// The contract version that it is built for.
    pub contract: String,
}

/// Reads a component's manifest, imports and exports. Does not run anything.
pub fn inspect(component: &[u8]) -> Result<Inspection, LoadError> {
    let manifest = manifest(component)?;
    let shape = shape(component)?;
    Ok(Inspection {
        contract: manifest.contract.clone(),
        manifest,
        digest: Digest::of(component),
        size: component.len() as u64,
        imports: shape.imports,
        exports: shape.exports,
    })
}

/// Names at the component's outer border.
pub(crate) struct Shape {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// Reads the names of the top-level imports and exports.
pub(crate) fn shape(component: &[u8]) -> Result<Shape, LoadError> {
    check_size("the component", component.len(), MAX_COMPONENT_BYTES)?;
    // Checks the header first, for the better message.
    super::section::sections(component)?;
    let broken = |e: wasmparser::BinaryReaderError| LoadError::NotAComponent(e.to_string());
    let mut shape = Shape {
        imports: Vec::new(),
        exports: Vec::new(),
    };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(broken)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    shape
                        .imports
                        .push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    shape
                        .exports
                        .push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(shape)
}
