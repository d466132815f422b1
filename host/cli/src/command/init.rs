//! `dowel init` and `dowel flow new`: files to begin with. Nothing that is there is
//! overwritten.

use crate::args::{Format, Init, NewFlow};
use crate::templates::{self, File};
use crate::{exit, output};
use anyhow::{Context as _, Result, bail};
use dowel_core::FlowName;
use dowel_flow::releases::{LOCK_FILE, Releases};
use serde_json::json;
use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// The flow of a new repository.
const FIRST_FLOW: &str = "first-orders";

pub(crate) fn init(init: &Init, format: Format) -> Result<ExitCode> {
    let name = FlowName::new(FIRST_FLOW)?;
    let mut files = templates::flow(&name, &init.owner, templates::Template::Webhook);
    files.extend(templates::repository(&name));
    files.push((LOCK_FILE.to_owned(), Releases::default().render()));
    write_all(&init.folder, &files)?;
    let git = dowel_gitops::Repository::init(&init.folder)
        .with_context(|| format!("no git repository in {}", init.folder.display()))?;
    let next = [
        "dowel check",
        "dowel test",
        "git add --all && git commit --message 'First flow'",
    ];
    report(
        &files,
        &next,
        if git {
            "a new git repository"
        } else {
            "the git repository"
        },
        format,
    )
}

pub(crate) fn new_flow(new: &NewFlow, format: Format) -> Result<ExitCode> {
    let name = FlowName::new(&new.flow)?;
    let files = templates::flow(&name, &new.owner, new.template);
    let folder = new.repo.join("flows").join(name.as_str());
    if folder.exists() {
        bail!("there is a flow `{name}` already: {}", folder.display());
    }
    write_all(&new.repo, &files)?;
    let test = format!("dowel test {name}");
    report(&files, &["dowel check", &test], "the repository", format)
}

/// All of them, or none where one is there already.
fn write_all(folder: &Path, files: &[File]) -> Result<()> {
    if let Some((path, _)) = files.iter().find(|(path, _)| folder.join(path).exists()) {
        bail!(
            "{} is there already; nothing was written",
            folder.join(path).display()
        );
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn report(files: &[File], next: &[&str], place: &str, format: Format) -> Result<ExitCode> {
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let value = json!({ "written": paths, "next": next });
    let mut text = format!("written to {place}:\n");
    for path in &paths {
        let _ = writeln!(text, "  {path}");
    }
    let _ = write!(text, "next: {}", next.join("; "));
    output::print(format, &value, &text)?;
    Ok(exit::found(false))
}
