//! A `dowel serve` under measurement.

use super::ends::Ends;
use crate::Bench;
use anyhow::{Context as _, Result, anyhow, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The token that orders carry.
pub(crate) const HOOK_TOKEN: &str = "hook-token-of-the-benchmark";

/// Names the groups of people that flows ask.
const POLICY: &str = "policy.yaml";

/// Where `environments/dev.yaml` expects the shop.
const SHOP_IN_FILE: &str = "127.0.0.1:9100";

/// The end of each connection in that file, and what the benchmark puts behind it: room
/// for all clients at once, as an operator would grant who expects as many. By default a
/// connection makes 16 calls at a time, and 64 clients would wait for each other.
const CONNECTION_END: &str = "    private_addresses: [127.0.0.1/32]\n";
const LIMITS: &str = "    limits: { concurrency: 64 }\n";

/// The longest time until the host is ready, with everything to compile.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The longest time until the host has stopped after it was asked to.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// A running host.
pub(crate) struct Host {
    pub(crate) public: String,
    pub(crate) admin: String,
    /// The local socket, which administers a host without users.
    pub(crate) socket: String,
    pub(crate) pid: u32,
    /// From the start of the process to its line `ready`.
    pub(crate) ready_in: Duration,
    pub(crate) ends: Arc<Ends>,
    child: Child,
}

/// A repository of its own, so that what is compiled and stored starts from nothing
/// and the user's is left alone.
pub(crate) struct Home {
    folder: PathBuf,
}

impl Home {
    /// Copies the flows with their policy, and the environment with the shop's address.
    pub(crate) fn new(bench: &Bench, name: &str, shop: &str) -> Result<Self> {
        let folder = bench.folder.path().join(name);
        copy(&bench.arguments.repo.join("flows"), &folder.join("flows"))?;
        let policy = bench.arguments.repo.join(POLICY);
        fs::copy(&policy, folder.join(POLICY))
            .with_context(|| format!("{} cannot be copied", policy.display()))?;
        let template = bench.arguments.repo.join("environments/dev.yaml");
        let text = fs::read_to_string(&template)
            .with_context(|| format!("{} cannot be read", template.display()))?;
        for needed in [SHOP_IN_FILE, CONNECTION_END] {
            if !text.contains(needed) {
                bail!("{} does not contain `{needed}`", template.display());
            }
        }
        let limited = format!("{CONNECTION_END}{LIMITS}");
        let text = text.replace(CONNECTION_END, &limited);
        fs::write(folder.join("bench.yaml"), text.replace(SHOP_IN_FILE, shop))?;
        Ok(Self { folder })
    }

    /// Writes one flow, by name and text, and its environment.
    pub(crate) fn of_flow(
        bench: &Bench,
        name: &str,
        (flow, text): (&str, &str),
        environment: &str,
    ) -> Result<Self> {
        let folder = bench.folder.path().join(name);
        let place = folder.join("flows").join(flow);
        fs::create_dir_all(&place)?;
        fs::write(place.join("flow.yaml"), text)?;
        fs::write(folder.join("bench.yaml"), environment)?;
        Ok(Self { folder })
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("{} is missing", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

impl Host {
    /// Starts a host and waits until it is ready.
    pub(crate) async fn start(bench: &Bench, home: &Home) -> Result<Self> {
        let mut command = command(bench, home)?;
        let begun = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", bench.arguments.dowel.display()))?;
        let pid = child.id().context("the host ended at once")?;
        let log = child.stderr.take().context("the host has no log")?;
        let ends = Ends::read(log);
        let stdout = child.stdout.take().context("the host has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = timeout(READY_WITHIN, ready(&mut lines)).await;
        let ready = ready.unwrap_or_else(|_| Err(anyhow!("it was not ready in time")));
        let ready_in = begun.elapsed();
        let [public, admin, socket] =
            ready.with_context(|| format!("the host does not start:\n{}", ends.tail()))?;
        // Nobody reads on; draining keeps the host from blocking on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            public,
            admin,
            socket,
            pid,
            ready_in,
            ends,
            child,
        })
    }

    /// Asks the host to stop, as a service manager would, and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.pid.to_string();
        Command::new("kill").arg(pid).status().await?;
        let stopped = timeout(STOPPED_WITHIN, self.child.wait()).await;
        let status = stopped.context("the host does not stop")??;
        if !status.success() {
            bail!("the host stopped with {status}:\n{}", self.ends.tail());
        }
        Ok(())
    }
}

fn command(bench: &Bench, home: &Home) -> Result<Command> {
    let arguments = &bench.arguments;
    // The host has its own idea of `.`.
    let absolute = |path: &Path| {
        fs::canonicalize(path).with_context(|| {
            let path = path.display();
            format!("{path} is missing; `cargo xtask bench` builds what is measured")
        })
    };
    let mut command = Command::new(absolute(&arguments.dowel)?);
    command.arg("serve").arg("--repo").arg(&home.folder);
    command
        .arg("--env-file")
        .arg(home.folder.join("bench.yaml"));
    command
        .arg("--connectors")
        .arg(absolute(&arguments.connectors)?);
    command.arg("--data").arg(home.folder.join("data"));
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.args(["--log-format", "json"]);
    let tokens = dowel_shop::ShopOptions::default();
    command.env("DOWEL_SECRET_CRM_TOKEN", tokens.crm_token);
    command.env("DOWEL_SECRET_ERP_TOKEN", tokens.erp_token);
    command.env("DOWEL_SECRET_SHOP_HOOK", HOOK_TOKEN);
    // The log as it is by default: its price belongs to the result.
    command.env_remove("DOWEL_LOG");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    Ok(command)
}

async fn ready(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<[String; 3]> {
    while let Some(line) = lines.next_line().await? {
        if let Some(addresses) = addresses(&line) {
            return Ok(addresses);
        }
    }
    bail!("it ended before it was ready")
}

/// Reads `ready public=http://… admin=http://… socket=…`.
fn addresses(line: &str) -> Option<[String; 3]> {
    let mut words = line.trim().strip_prefix("ready ")?.split_whitespace();
    let mut value = |name: &str| {
        let word = words.find_map(|word| word.strip_prefix(name))?;
        Some(word.to_owned())
    };
    Some([value("public=")?, value("admin=")?, value("socket=")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read() {
        let line = "ready public=http://127.0.0.1:1 admin=http://127.0.0.1:2 socket=/d/s\n";
        let expected = ["http://127.0.0.1:1", "http://127.0.0.1:2", "/d/s"];
        assert_eq!(addresses(line), Some(expected.map(str::to_owned)));
        assert_eq!(addresses("starting"), None);
    }
}
