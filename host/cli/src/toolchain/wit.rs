//! The interfaces that connectors in languages other than Rust are built for.

use super::{BuildError, write};
use std::path::Path;

/// The name of the world.
pub(super) const WORLD: &str = "guest";

const FILES: [(&str, &str); 5] = [
    ("world.wit", include_str!("../../../../wit/guest/world.wit")),
    (
        "deps/connector/connector.wit",
        include_str!("../../../../wit/dowel-connector@0.2.0/connector.wit"),
    ),
    (
        "deps/io/io.wit",
        include_str!("../../../../wit/guest/deps/io.wit"),
    ),
    (
        "deps/clocks/clocks.wit",
        include_str!("../../../../wit/guest/deps/clocks.wit"),
    ),
    (
        "deps/http/http.wit",
        include_str!("../../../../wit/guest/deps/http.wit"),
    ),
];

/// Writes them into a folder.
pub(super) fn write_to(folder: &Path) -> Result<(), BuildError> {
    FILES
        .iter()
        .try_for_each(|(name, text)| write(&folder.join(name), text))
}
