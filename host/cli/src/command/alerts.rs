//! `dowel alerts`.

use crate::alerts::{self, Options};
use crate::args::{Alerts, Format};
use crate::{exit, output};
use anyhow::Result;
use std::process::ExitCode;

pub(crate) fn run(arguments: Alerts, format: Format) -> Result<ExitCode> {
    let plans = super::catalog::plans(&arguments.repository)?;
    let options = Options {
        owner: arguments.owner,
        runbooks: folder(arguments.runbooks),
        docs: folder(arguments.docs),
        desk_depth: arguments.desk_depth,
    };
    let rules = alerts::rules(&plans, &options);
    output::print(format, &rules, &rules.yaml())?;
    Ok(exit::found(false))
}

/// An address that a path can follow.
fn folder(address: Option<String>) -> String {
    address.map_or_else(String::new, |address| {
        format!("{}/", address.trim_end_matches('/'))
    })
}
