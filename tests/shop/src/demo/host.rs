//! The host under the demo: a `dowel serve` of its own with a store that goes away.

use super::Setup;
use crate::server::ShopHandle;
use anyhow::{Context as _, Result, anyhow, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The token that the demo's orders carry.
pub(crate) const HOOK_TOKEN: &str = "hook-token-of-the-demo";

/// Where `environments/dev.yaml` expects the shop.
const SHOP_IN_FILE: &str = "127.0.0.1:9100";

/// The longest time until the host is ready: it compiles the connectors on a cold cache.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The longest time until the host has stopped after it was asked to.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// Lines of the log that are shown when something went wrong.
const TAIL: usize = 20;

/// A running host.
pub(crate) struct Host {
    pub(crate) public: String,
    pub(crate) admin: String,
    /// The local socket, which administers a host without users.
    pub(crate) socket: String,
    pub(crate) log: PathBuf,
    child: Child,
    // Data and environment file; removed with this value.
    _folder: TempDir,
}

impl Host {
    /// Starts a host that knows the shop, and waits until it is ready.
    pub(crate) async fn start(setup: &Setup, shop: &ShopHandle) -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let environment = folder.path().join("dev.yaml");
        let template = setup.repo.join("environments/dev.yaml");
        let text = fs::read_to_string(&template)
            .with_context(|| format!("cannot read {}", template.display()))?;
        fs::write(&environment, with_shop(&text, &shop.addr.to_string())?)?;
        let log = folder.path().join("host.log");
        let mut child = command(setup, folder.path(), &environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", setup.dowel.display()))?;
        let stdout = child.stdout.take().context("the host has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = timeout(READY_WITHIN, ready(&mut lines)).await;
        let ready = ready.unwrap_or_else(|_| Err(anyhow!("it was not ready in time")));
        let [public, admin, socket] =
            ready.with_context(|| format!("the host does not start:\n{}", tail(&log)))?;
        // Nobody reads on; draining keeps the host from blocking on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            public,
            admin,
            socket,
            log,
            child,
            _folder: folder,
        })
    }

    /// The last lines of the host's log.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log)
    }

    /// Asks the host to stop, as a service manager would, and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(id) = self.child.id() {
            // After Ctrl-C the host is on its way already, and `kill` finds nothing.
            let asked = Command::new("kill").arg(id.to_string()).output().await;
            asked.context("`kill` cannot be started")?;
        }
        let stopped = timeout(STOPPED_WITHIN, self.child.wait()).await;
        let status = stopped.context("the host does not stop")??;
        if !status.success() {
            bail!("the host stopped with {status}:\n{}", self.log_tail());
        }
        Ok(())
    }
}

fn command(setup: &Setup, folder: &Path, environment: &Path) -> Command {
    let mut command = Command::new(&setup.dowel);
    command.arg("serve").arg("--repo").arg(&setup.repo);
    command.arg("--env-file").arg(environment);
    command.arg("--connectors").arg(&setup.connectors);
    command.arg("--data").arg(folder.join("data"));
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let tokens = crate::ShopOptions::default();
    command.env("DOWEL_SECRET_CRM_TOKEN", tokens.crm_token);
    command.env("DOWEL_SECRET_ERP_TOKEN", tokens.erp_token);
    command.env("DOWEL_SECRET_SHOP_HOOK", HOOK_TOKEN);
    command
}

/// The environment file with the shop's address.
fn with_shop(text: &str, addr: &str) -> Result<String> {
    if !text.contains(SHOP_IN_FILE) {
        bail!("environments/dev.yaml does not name the shop at {SHOP_IN_FILE}");
    }
    Ok(text.replace(SHOP_IN_FILE, addr))
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
    let rest = line.trim().strip_prefix("ready ")?;
    let value = |name: &str| {
        let mut words = rest.split_whitespace();
        words
            .find_map(|word| word.strip_prefix(name))
            .map(str::to_owned)
    };
    Some([value("public=")?, value("admin=")?, value("socket=")?])
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read() {
        let line = "ready public=http://127.0.0.1:1 admin=http://127.0.0.1:2 socket=/d/s";
        let expected = ["http://127.0.0.1:1", "http://127.0.0.1:2", "/d/s"];
        assert_eq!(addresses(line), Some(expected.map(str::to_owned)));
        assert_eq!(addresses("ready public=x"), None);
        assert_eq!(addresses("starting"), None);
    }

    #[test]
    fn the_shops_address_is_put_in() {
        let text = with_shop("a: http://127.0.0.1:9100/x", "127.0.0.1:5").unwrap();
        assert_eq!(text, "a: http://127.0.0.1:5/x");
        assert!(with_shop("a: b", "127.0.0.1:5").is_err());
    }

    #[tokio::test]
    async fn a_host_that_ends_early_is_told_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("environments")).unwrap();
        let file = folder.path().join("environments/dev.yaml");
        fs::write(file, SHOP_IN_FILE).unwrap();
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let shop = crate::Shop::start(any).await.unwrap();
        let setup = Setup {
            dowel: PathBuf::from("false"),
            repo: folder.path().to_owned(),
            connectors: PathBuf::new(),
            ending: super::super::Ending::Stop,
        };
        let Err(error) = Host::start(&setup, &shop).await else {
            panic!("`false` is no host");
        };
        assert!(format!("{error:#}").contains("ended before it was ready"));
    }
}
