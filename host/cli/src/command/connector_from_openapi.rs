//! `dowel connector from-openapi`: a connector made of a document, and kept up to date
//! with it.

use super::connector_new;
use crate::args::{Format, FromOpenapi};
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow};
use dowel_conformance::{Comparison, compare};
use dowel_core::Digest;
use dowel_core::code::openapi as code;
use dowel_flow::contract::Bump;
use dowel_openapi::{DEFAULT_DEPTH, Options, Project, RECORD, Record};
use semver::Version;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The version that a connector begins with.
const FIRST: Version = Version::new(0, 1, 0);

pub(crate) fn run(from: &FromOpenapi, format: Format) -> Result<ExitCode> {
    let path = &from.document;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let options = Options {
        name: from.name.as_deref().map(str::parse).transpose()?,
        version: FIRST,
        only: from.only.clone(),
        depth: from.depth.map_or(DEFAULT_DEPTH, usize::from),
        sdk: String::new(),
    };
    // Without `--out` the document's title says where an earlier generation is.
    let folder = match (&from.out, &from.name) {
        (Some(out), _) => out.clone(),
        (None, Some(name)) => PathBuf::from(name),
        (None, None) => PathBuf::from(dowel_openapi::generate(&text, &options)?.name.as_str()),
    };
    match folder.exists() {
        true => again(from, &folder, &text, options, format),
        false => first(from, &folder, &text, options, format),
    }
}

/// Makes the project.
fn first(
    from: &FromOpenapi,
    folder: &Path,
    text: &str,
    mut options: Options,
    format: Format,
) -> Result<ExitCode> {
    options.sdk = connector_new::rust_sdk(from.sdk.as_deref())?
        .display()
        .to_string();
    let project = dowel_openapi::generate(text, &options)?;
    for (path, text) in &project.files {
        write(&folder.join(path), text)?;
    }
    let (name, operations) = (&project.name, project.operations);
    let shown = folder.display();
    let mut human = format!(
        "{shown} made: {operations} operation(s), {} files\n",
        project.files.len()
    );
    tell_left_out(&project, &mut human);
    let _ = write!(
        human,
        "  cd {shown}\n  dowel connector build .\n  dowel connector test .dowel/connectors/{name}-{FIRST}.wasm"
    );
    let value = json!({
        "folder": folder, "name": name, "operations": operations,
        "files": project.files.keys().collect::<Vec<_>>(), "left_out": left_out(&project),
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

/// Compares the project with what the document says now, and writes if that is asked for.
fn again(
    from: &FromOpenapi,
    folder: &Path,
    text: &str,
    mut options: Options,
    format: Format,
) -> Result<ExitCode> {
    let old = record(folder)?;
    options.name = Some(old.manifest.name.clone());
    options.version = old.manifest.version.clone();
    if options.only.is_empty() {
        options.only.clone_from(&old.only);
    }
    if from.depth.is_none() {
        options.depth = old.depth;
    }
    options.sdk = match (&from.sdk, named_sdk(folder)) {
        (None, Some(named)) => named,
        (given, _) => connector_new::rust_sdk(given.as_deref())?
            .display()
            .to_string(),
    };
    let mut project = dowel_openapi::generate(text, &options)?;
    let comparison = compare(&old.manifest, &project.record.manifest);
    let least = comparison.least_version(&old.manifest.version);
    if comparison.due() != Bump::None {
        options.version = least;
        project = dowel_openapi::generate(text, &options)?;
    }
    let changes = Changes::of(folder, &old, &project)?;
    if from.update {
        changes.write(folder, &project)?;
    }
    let human = tell(from, &old, (&project, &comparison), &changes);
    let value = json!({
        "folder": folder, "from": old.manifest.version, "to": options.version,
        "class": class(&comparison), "due": comparison.due(), "changes": comparison.changes,
        "files": changes.files, "updated": from.update, "left_out": left_out(&project),
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(!from.update && !changes.is_empty()))
}

/// Whether flows notice.
fn class(comparison: &Comparison) -> &'static str {
    match comparison.due() {
        Bump::None => "none",
        Bump::Patch | Bump::Minor => "compatible",
        Bump::Major => "breaking",
    }
}

fn tell(
    from: &FromOpenapi,
    old: &Record,
    (project, comparison): (&Project, &Comparison),
    changes: &Changes,
) -> String {
    let version = &project.record.manifest.version;
    let before = &old.manifest.version;
    let mut human = format!("{} {before} -> {version}\n", project.name);
    for change in &comparison.changes {
        let _ = writeln!(human, "  {:<8} {}", change.class.to_string(), change.what);
    }
    match comparison.due() {
        Bump::None => human.push_str("nothing that flows see has changed\n"),
        due => {
            let class = class(comparison);
            let _ = writeln!(human, "{class}: a {due} version is due, {version}");
        }
    }
    for (path, state) in &changes.files {
        let _ = writeln!(human, "  {:<8} {path}", state.word());
    }
    tell_left_out(project, &mut human);
    human.push_str(match (changes.is_empty(), from.update) {
        (true, _) => "the files are up to date",
        (false, true) => "written",
        (false, false) => "nothing is written yet: say --update",
    });
    human
}

fn tell_left_out(project: &Project, human: &mut String) {
    /// The rest stands in the project's README.
    const SHOWN: usize = 10;
    for (place, what) in project.left_out.iter().take(SHOWN) {
        let _ = writeln!(human, "  note     {place}: {what}");
    }
    let more = project.left_out.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(human, "  note     and {more} more, in README.md");
    }
}

fn left_out(project: &Project) -> Vec<serde_json::Value> {
    let notes = project.left_out.iter();
    let one = |(place, what): &(String, String)| json!({ "place": place, "what": what });
    notes.map(one).collect()
}

fn record(folder: &Path) -> Result<Record> {
    let path = folder.join(RECORD);
    let text = std::fs::read_to_string(&path).map_err(|_| {
        let shown = folder.display();
        anyhow!(
            "{}: {shown} is there already and was not made from a document: it has no {RECORD}",
            code::RECORD
        )
    })?;
    Ok(Record::parse(&text)?)
}

/// The SDK that the project names.
fn named_sdk(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("dowel-sdk"));
    let (_, after) = lines.next()?.split_once("path = \"")?;
    after.split_once('"').map(|(path, _)| path.to_owned())
}

/// What a new generation does to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    New,
    Changed,
    /// The document no longer needs it.
    Removed,
    /// Changed by hand: what would be written goes beside it.
    Kept,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Kept => "kept",
        }
    }
}

/// What a new generation does to the folder.
struct Changes {
    files: BTreeMap<String, State>,
}

impl Changes {
    fn of(folder: &Path, old: &Record, project: &Project) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (path, text) in &project.files {
            let new = Digest::of(text);
            let state = match (read(&folder.join(path))?, old.files.get(path)) {
                (None, _) => State::New,
                (Some(own), _) if own == *text => continue,
                // The record is nobody's to edit.
                (Some(_), _) if path == RECORD => State::Changed,
                (Some(own), Some(before)) if Digest::of(&own) == *before => State::Changed,
                // Changed by hand, and the document does not ask for another change.
                (Some(_), Some(before)) if *before == new => continue,
                (Some(_), _) => State::Kept,
            };
            files.insert(path.clone(), state);
        }
        for (path, before) in &old.files {
            if project.files.contains_key(path) {
                continue;
            }
            if let Some(own) = read(&folder.join(path))? {
                let by_hand = Digest::of(&own) != *before;
                files.insert(
                    path.clone(),
                    if by_hand { State::Kept } else { State::Removed },
                );
            }
        }
        Ok(Self { files })
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn write(&self, folder: &Path, project: &Project) -> Result<()> {
        for (path, state) in &self.files {
            let place = folder.join(path);
            match (state, project.files.get(path)) {
                (State::New | State::Changed, Some(text)) => write(&place, text)?,
                (State::Kept, Some(text)) => write(&folder.join(format!("{path}.new")), text)?,
                (State::Removed, _) => std::fs::remove_file(&place)
                    .with_context(|| format!("cannot remove {}", place.display()))?,
                (_, None) => {}
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
