//! `--update`: what came is written where it was expected.

use super::load::Tested;
use crate::args::Repository;
use anyhow::{Context as _, Result};
use dowel_flow::flow_test::{self, Edit, TEST_FILE};
use std::fs;
use std::path::Path;

/// What was done to a file.
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) has_written: bool,
}

/// Writes the expected values of every failed case that only has wrong values.
pub(crate) fn write(repository: &Repository, tested: &[Tested]) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    for one in tested {
        let edits = one.cases.iter().flat_map(|(_, report)| &report.edits);
        let edits: Vec<Edit> = edits.cloned().collect();
        if edits.is_empty() {
            continue;
        }
        let file = format!("{}/{TEST_FILE}", one.found.folder.path);
        let text = one.found.folder.files.get(TEST_FILE);
        let text = text.map_or("", String::as_str);
        match flow_test::apply(text, &edits) {
            Ok(new) => {
                replace(&repository.repo.join(&file), &new)?;
                notes.push(Note {
                    text: format!(
                        "updated {file}: {} value(s); read what has changed before you commit it",
                        edits.len()
                    ),
                    has_written: true,
                });
            }
            Err(error) => notes.push(Note {
                text: format!("{file} is not updated: {error}"),
                has_written: false,
            }),
        }
    }
    Ok(notes)
}

/// Replaces a file as a whole: nobody sees half of it.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let temporary = path.with_extension("yaml.new");
    fs::write(&temporary, text).with_context(|| format!("cannot write {}", temporary.display()))?;
    fs::rename(&temporary, path).with_context(|| format!("cannot write {}", path.display()))
}
