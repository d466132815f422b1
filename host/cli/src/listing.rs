//! Lists that a host gives as a whole.

use crate::args::{Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::Result;
use serde_json::Value;
use std::process::ExitCode;

/// Asks for a list, the `member` of its answers, and prints it, for people as `table` shows it.
pub(crate) async fn print(
    host: &Host,
    path: &str,
    member: &str,
    format: Format,
    table: fn(&Value) -> String,
) -> Result<ExitCode> {
    let page = Client::new(host)?.list(path, member).await?;
    let page = page.unwrap_or_default();
    output::print(format, &page, &table(&page))?;
    Ok(exit::found(false))
}
