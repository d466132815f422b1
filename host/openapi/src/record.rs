//! [`Record`]: what a generation leaves behind for the next one.

use crate::Problem;
use dowel_core::Digest;
use dowel_core::manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file of the record within the project.
pub const RECORD: &str = "openapi.lock.json";

/// The form of the record that this version writes.
pub(crate) const FORMAT: u32 = 1;

/// What a project was made from, and what was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The form of this record.
    pub format: u32,
    /// The document's title.
    pub title: String,
    /// The version that the document has given itself.
    pub document_version: String,
    /// The document.
    pub document: Digest,
    /// Tags and operation ids that were chosen; empty for all.
    pub only: Vec<String>,
    /// Objects deeper than this are passed on unread.
    pub depth: usize,
    /// Every file that was written, and what was written into it.
    pub files: BTreeMap<String, Digest>,
    /// What the connector promises.
    pub manifest: Manifest,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// The text is not a record of a form that this version knows.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let record: Self = serde_json::from_str(text)
            .map_err(|error| Problem::Record(format!("{RECORD} cannot be read: {error}")))?;
        if record.format == FORMAT {
            return Ok(record);
        }
        let format = record.format;
        Err(Problem::Record(format!(
            "{RECORD} has the form {format}, and this version knows {FORMAT}"
        )))
    }

    pub(crate) fn to_text(&self) -> Result<String, Problem> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n")
            .map_err(|error| Problem::Record(error.to_string()))
    }
}
