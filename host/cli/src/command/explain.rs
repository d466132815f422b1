//! `dowel explain <code>`.

use crate::args::Format;
use crate::{exit, output};
use anyhow::{Result, bail};
use dowel_core::code::Code;
use serde_json::json;
use std::process::ExitCode;

pub(crate) fn run(text: &str, format: Format) -> Result<ExitCode> {
    let code: Code = text.parse()?;
    let Some(entry) = code.entry() else {
        bail!("there is no code {code}; the list is in docs/errors/");
    };
    let human = format!(
        "{code}: {}\n\n{}\n\nWhat to do: {}",
        entry.title, entry.what, entry.fix
    );
    let value = json!({ "code": code, "title": entry.title, "what": entry.what, "fix": entry.fix, "page": code.page() });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}
