//! `dowel upgrade check`: whether this program could take over what a backup holds;
//! `status` and `finalize`: until when the program before it could.

use super::{backup, restore};
use crate::args::{Format, Upgrade};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Context as _, Result};
use dowel_core::journal::{PLAIN_VERSION, VERSION};
use dowel_engine::StoreFormat;
use dowel_engine::backup::Verified;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where a host tells of its upgrade.
const PATH: &str = "/api/v1/upgrade";

/// A folder for the restored data, removed with everything in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let name = format!("dowel-upgrade-check-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Journals hold what people may not see.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the restored data cannot be removed");
        }
    }
}

pub(crate) async fn run(command: Upgrade, format: Format) -> Result<ExitCode> {
    match command {
        Upgrade::Check { folder } => check(&folder, format).await,
        Upgrade::Status(host) => {
            let text = Client::new(&host)?.get(PATH, &[]).await?;
            show(&text.unwrap_or_default(), format)
        }
        Upgrade::Finalize(because) => {
            let body = json!({ "reason": because.reason });
            let client = Client::speaking_for(&because.host, because.actor.as_deref())?;
            let text = client
                .post(&format!("{PATH}/finalize"), body.to_string())
                .await?;
            show(&text, format)
        }
    }
}

fn show(text: &str, format: Format) -> Result<ExitCode> {
    let status: Value = serde_json::from_str(text)?;
    output::print(format, &status, &told(&status))?;
    Ok(exit::found(false))
}

/// How an upgrade stands, for people.
fn told(status: &Value) -> String {
    let number = |name: &str| status[name].as_u64().unwrap_or_default();
    let (format, newest) = (number("format"), number("newest"));
    let program = status["program"].as_str().unwrap_or("?");
    if status["finalized"] == true {
        let since = match (status["since"].as_str(), status["by"].as_str()) {
            (Some(since), Some(by)) => format!(" since {since} ({by})"),
            _ => String::new(),
        };
        return format!(
            "the store has format {format}{since}, the newest of dowel {program}: there is nothing to finalise, and \
             programs that do not know format {format} refuse the store\n"
        );
    }
    let mut text = format!(
        "the store has format {format}, and dowel {program} could write {newest}: the program before can take the \
         store back until `dowel upgrade finalize`, which brings\n"
    );
    for one in status["pending"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  {}", one.as_str().unwrap_or_default());
    }
    text
}

async fn check(folder: &Path, format: Format) -> Result<ExitCode> {
    let scratch = Scratch::new()?;
    match look(folder, &scratch.0).await {
        Ok(found) => {
            let after = match found.store_format < StoreFormat::NEWEST {
                true => format!(
                    ", which stays so until `dowel upgrade finalize` makes it {}",
                    StoreFormat::NEWEST
                ),
                false => String::new(),
            };
            let text = format!(
                "this program reads the backup: {} runs, {} of them unfinished, {} plans; journals of format {} to {}, it reads {PLAIN_VERSION} to {VERSION}; the store has format {}{after}",
                found.runs,
                found.unfinished,
                found.plans,
                found.oldest_format,
                found.newest_format,
                found.store_format
            );
            let value = json!({
                "readable": true, "found": found, "reads": { "from": PLAIN_VERSION, "to": VERSION },
                "store": { "format": found.store_format, "newest": StoreFormat::NEWEST },
            });
            output::print(format, &value, &text)?;
            Ok(exit::found(false))
        }
        Err(error) => {
            let text = format!("this program must not take over: {error:#}");
            let value = json!({ "readable": false, "reason": format!("{error:#}") });
            output::print(format, &value, &text)?;
            Ok(exit::found(true))
        }
    }
}

async fn look(folder: &Path, scratch: &Path) -> Result<Verified> {
    let data = scratch.join("data");
    restore::fill(&backup::file(folder), &data).await?;
    restore::look(&data).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_told_before_and_after_it_is_finalised() {
        let mut status = json!({
            "program": "0.2.0", "format": 1, "newest": 2, "finalized": false, "since": null,
            "by": null, "pending": ["large values lie beside the journal"],
        });
        expect_test::expect![[r"
            the store has format 1, and dowel 0.2.0 could write 2: the program before can take the store back until `dowel upgrade finalize`, which brings
              large values lie beside the journal
        "]]
        .assert_eq(&told(&status));
        status["finalized"] = true.into();
        status["format"] = 2.into();
        status["since"] = "2026-03-01T09:00:00.000Z".into();
        status["by"] = "ana".into();
        expect_test::expect![[r"
            the store has format 2 since 2026-03-01T09:00:00.000Z (ana), the newest of dowel 0.2.0: there is nothing to finalise, and programs that do not know format 2 refuse the store
        "]]
        .assert_eq(&told(&status));
    }
}
