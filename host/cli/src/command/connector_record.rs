//! `dowel connector record`.

use crate::args::{ConnectorRecord, Format};
use crate::one_call::{Wanted, make};
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_conformance::{Recorded, record, scrub};
use dowel_core::JsonText;
use dowel_flow::flow_test::yaml;
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;

/// The file with the connection's configuration.
const CONNECTION_FILE: &str = "connection.yaml";

pub(crate) async fn run(wanted: &ConnectorRecord, format: Format) -> Result<ExitCode> {
    let made = make(&Wanted {
        name: &wanted.operation,
        with: &wanted.with,
        key: None,
        repository: &wanted.repository,
    })
    .await?;
    let mut case = record(&Recorded {
        operation: &made.operation,
        input: &made.input,
        exchanges: &made.exchanges,
        outcome: &made.outcome,
        key_parameter: made.key_parameter(),
    })
    .map_err(|why| anyhow!("no case can be made of the call: {why}"))?;
    let scrubbed = scrub(&mut case, &made.secrets);
    let name = wanted.name.as_deref().unwrap_or(made.operation.as_str());
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        bail!("the name of a case has letters, digits and hyphens only");
    }
    std::fs::create_dir_all(&wanted.out)?;
    let path = wanted.out.join(format!("{name}.yaml"));
    if path.exists() {
        bail!(
            "{} is there already: give the case another --name",
            path.display()
        );
    }
    let text = yaml(&JsonText::of(&case)?);
    std::fs::write(&path, format!("{text}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let connection = wanted.out.join(CONNECTION_FILE);
    if !connection.exists() {
        let config = JsonText::object([("config", &made.connection.config)]);
        std::fs::write(&connection, format!("{}\n", yaml(&config)))?;
    }
    let mut human = format!(
        "{} recorded: {} exchange(s)\n",
        path.display(),
        case.exchanges.len()
    );
    for (field, count) in &scrubbed.fields {
        let _ = writeln!(
            human,
            "  {count} value(s) of `{field}` replaced by made-up ones"
        );
    }
    if scrubbed.secrets > 0 {
        let _ = writeln!(
            human,
            "  {} place(s) with a secret scrubbed",
            scrubbed.secrets
        );
    }
    human.push_str("Read the file before you commit it: only you know what else is personal.");
    let value = json!({
        "file": path, "exchanges": case.exchanges.len(),
        "scrubbed": scrubbed.fields, "secrets": scrubbed.secrets,
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}
