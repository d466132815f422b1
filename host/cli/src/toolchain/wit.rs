//! The contract, for toolchains that read it from a file.

use super::{BuildError, write};
use std::path::Path;

/// The world of connectors in languages other than Rust.
pub(super) const WORLD: &str = "guest";

const CONTRACT: &str = include_str!("../../../../wit/dowel-connector@0.2.0/connector.wit");

/// Writes it into a folder.
pub(super) fn write_to(folder: &Path) -> Result<(), BuildError> {
    write(&folder.join("connector.wit"), CONTRACT)
}
