//! YAML documents that are no flows, read by the same rules.

use crate::diagnostic::{Diagnostic, Report};
use crate::template::constant;
use crate::text::Source;
use crate::yaml;
use dowel_core::JsonText;
use std::sync::Arc;

/// Reads a document of fixed values as JSON; number literals keep their text.
///
/// # Errors
/// Everything that is wrong, in order of place.
pub fn read(path: &str, text: &str) -> Result<JsonText, Vec<Diagnostic>> {
    let mut report = Report::new(Arc::new(Source::new(path, text)));
    let read = yaml::parse(text, &mut report);
    let json = read.and_then(|tree| constant(&tree, "", &mut report));
    match json {
        Some(json) if !report.has_errors() => Ok(json),
        _ => Err(report.into_sorted()),
    }
}
