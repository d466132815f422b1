//! Files that a flow refers to.

use super::Lowering;
use crate::check::Known;
use crate::diagnostic::{Report, Severity};
use crate::shape::{Located, Text, closest};
use crate::source::FlowFolder;
use crate::text::{Source, Span};
use crate::validate::Validator;
use dowel_core::JsonText;
use dowel_core::code::reference as code;

/// A schema that was read.
#[derive(Clone, Debug)]
pub(super) struct SchemaFile {
    pub(super) json: JsonText,
    pub(super) known: Known,
}

/// Checks that a path stays in the flow's folder.
fn path_within(path: &str, span: Span, report: &mut Report) -> Option<String> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let relative = path.strip_prefix("./").unwrap_or(path);
    if relative.split('/').all(plain) && !relative.contains(['\\', ':', '\0']) {
        return Some(relative.to_owned());
    }
    let message = format!("the path `{path}` leaves the flow's folder");
    let found = report.error(code::FILE_OUTSIDE, span, message);
    found.help("write a relative path with forward slashes, such as schemas/order.json");
    None
}

/// The text of a file in a flow's folder, with its path.
pub(crate) fn file_within<'f>(
    folder: &'f FlowFolder,
    path: &str,
    span: Span,
    report: &mut Report,
) -> Option<(String, &'f str)> {
    let path = path_within(path, span, report)?;
    if let Some(text) = folder.files.get(&path) {
        return Some((path, text));
    }
    let message = format!("the flow's folder has no file `{path}`");
    let names = folder.files.keys().map(String::as_str);
    let help = closest(&path, names).map(|name| format!("did you mean `{name}`?"));
    report.error(code::FILE_NOT_FOUND, span, message).help = help;
    None
}

impl Lowering<'_> {
    /// Checks that a path stays in the flow's folder.
    pub(super) fn folder_path(&mut self, path: &str, span: Span) -> Option<String> {
        path_within(path, span, &mut self.report)
    }

    /// The text of a file in the flow's folder, with its path.
    pub(super) fn file(&mut self, path: &str, span: Span) -> Option<(String, String)> {
        let (path, text) = file_within(self.folder, path, span, &mut self.report)?;
        self.used_files.insert(path.clone());
        Some((path, text.to_owned()))
    }

    /// The schema that a key names; `Some(None)` if the key is absent.
    pub(super) fn optional_schema(
        &mut self,
        path: Option<&Located<Text>>,
    ) -> Option<Option<SchemaFile>> {
        match path {
            None => Some(None),
            Some(path) => self.schema(path).map(Some),
        }
    }

    fn schema(&mut self, path: &Located<Text>) -> Option<SchemaFile> {
        let name = &path.value.0;
        if let Some(known) = self.schemas.get(name) {
            return known.clone();
        }
        let read = self.read_schema(name, path.span);
        self.schemas.insert(name.clone(), read.clone());
        read
    }

    fn read_schema(&mut self, name: &str, span: Span) -> Option<SchemaFile> {
        let (path, text) = self.file(name, span)?;
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
            let source = Source::new(&self.path_of(&path), &text);
            let at = Span::at(source.offset(error.line(), error.column()));
            let message = "the schema is not JSON".to_owned();
            let found =
                self.report
                    .add(Severity::Error, code::SCHEMA_NOT_JSON, &source, at, message);
            found.help(error.to_string());
            return None;
        }
        let json = match JsonText::parse_strict(&text) {
            Ok(json) => json,
            Err(error) => {
                let message = format!("the schema `{path}` cannot be used: {error}");
                self.report.error(code::SCHEMA_NOT_JSON, span, message);
                return None;
            }
        };
        if let Err(error) = Validator::new(&json) {
            let message = format!("`{path}` is not a JSON Schema: {error}");
            let found = self.report.error(code::SCHEMA_INVALID, span, message);
            found.help("follow JSON Schema 2020-12; `$ref` stays within the file");
            return None;
        }
        let known = Known::schema(&json);
        Some(SchemaFile { json, known })
    }

    /// A file of the flow's folder as diagnostics name it.
    pub(super) fn path_of(&self, file: &str) -> String {
        crate::compile::path_in(self.folder, file)
    }
}
