//! Printing results.

use crate::args::Format;
use anyhow::Result;
use serde::Serialize;
use std::io::Write;

/// Prints a result: `human` for people, `value` for programs.
pub(crate) fn print(format: Format, value: &impl Serialize, human: &str) -> Result<()> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(value)?,
        // A command that writes in other forms hands in what it has written.
        Format::Human | Format::Markdown | Format::Svg | Format::Mermaid => {
            human.trim_end().to_owned()
        }
    };
    let mut out = std::io::stdout().lock();
    // A closed pipe (`| head`) is not an error.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    Ok(())
}
