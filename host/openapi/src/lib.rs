//! Connector projects made from OpenAPI documents (3.0 and 3.1): text in, the files of a
//! Rust project out. Pure: whoever calls reads and writes the files.
//!
//! The way of a document: `yaml` and `document` read it into a tree and follow its
//! references; `operation` finds the operations, `schema` turns schemas into types of
//! Rust, `page` finds out how pages follow each other, `auth` what a connection has to
//! show; `render` writes the files, and `contract` the manifest that the project will
//! have once it is built, so that two generations can be compared without building.

mod auth;
mod circle;
mod contract;
mod document;
mod model;
mod name;
mod operation;
mod page;
mod parameter;
mod problem;
mod record;
mod render;
mod sample;
mod schema;
mod server;
mod shape;
mod yaml;

pub use problem::Problem;
pub use record::{RECORD, Record};

use document::Document;
use dowel_core::{ConnectorName, Digest};
use model::Note;
use semver::Version;
use std::collections::BTreeMap;

/// How deeply objects lie in each other before the rest is passed on unread.
pub const DEFAULT_DEPTH: usize = 6;

/// What to make of a document.
#[derive(Clone, Debug)]
pub struct Options {
    /// The connector's name; made from the document's title unless given.
    pub name: Option<ConnectorName>,
    /// The connector's version.
    pub version: Version,
    /// Tags and operation ids; empty for all.
    pub only: Vec<String>,
    /// Objects that lie deeper in each other are passed on unread.
    pub depth: usize,
    /// Where the SDK is, as `Cargo.toml` names it.
    pub sdk: String,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Project {
    /// The connector's name.
    pub name: ConnectorName,
    /// How many operations it has.
    pub operations: usize,
    /// Paths within the project, with `/`, and texts.
    pub files: BTreeMap<String, String>,
    /// What the document says and the connector does not do: place and reason.
    pub left_out: Vec<(String, String)>,
    /// What the next generation compares itself with.
    pub record: Record,
}

/// Makes a project of a document.
///
/// # Errors
/// The text is no OpenAPI document, a reference leads nowhere, or nothing is left.
pub fn generate(text: &str, options: &Options) -> Result<Project, Problem> {
    let document = Document::parse(text)?;
    let api = operation::read(&document, options)?;
    let manifest = contract::manifest(&api)?;
    let mut files = render::project(&api, options);
    let digests = files.iter();
    let digests = digests.map(|(path, text)| (path.clone(), Digest::of(text)));
    let record = Record {
        format: record::FORMAT,
        title: document.title().to_owned(),
        document_version: document.version().to_owned(),
        document: Digest::of(text),
        only: options.only.clone(),
        depth: options.depth,
        files: digests.collect(),
        manifest,
    };
    files.insert(RECORD.to_owned(), record.to_text()?);
    Ok(Project {
        name: api.name,
        operations: api.operations.len(),
        files,
        left_out: notes(api.notes),
        record,
    })
}

/// Each once, in the order of their places.
fn notes(mut notes: Vec<Note>) -> Vec<(String, String)> {
    notes.sort();
    notes.dedup();
    let pair = |note: Note| (note.place, note.what);
    notes.into_iter().map(pair).collect()
}
