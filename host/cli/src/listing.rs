//! Lists that a host gives as a whole.

use crate::args::{Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::Result;
use serde_json::Value;
use std::process::ExitCode;

/// Asks for a list and prints it, for people as `table` shows it.
pub(crate) async fn print(
    host: &Host,
    path: &str,
    format: Format,
    table: fn(&Value) -> String,
) -> Result<ExitCode> {
    let text = Client::new(host)?.get(path, &[]).await?.unwrap_or_default();
    let page: Value = serde_json::from_str(&text)?;
    output::print(format, &page, &table(&page))?;
    Ok(exit::found(false))
}
