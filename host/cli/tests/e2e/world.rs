//! A shop, a data folder, and host processes that come and go.

use dowel_shop::server::{Shop, ShopHandle};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The token that the shop's orders carry.
pub(crate) const HOOK_TOKEN: &str = "hook-token";

/// The token that the shop's events carry.
pub(crate) const EVENTS_TOKEN: &str = "events-token";

/// How long anything may take before a test gives up: far more than it needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The shop's address in `environments/dev.yaml`.
const SHOP_ADDRESS: &str = "127.0.0.1:9100";

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// `dowel <arguments>` for the flows of a repository of a test's own.
pub(crate) fn dowel(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
    command
        .args(arguments)
        .arg("--repo")
        .arg(folder)
        .arg("--connectors")
        .arg(folder.join("connectors"));
    command
}

/// A host for the flows of a repository of a test's own, with its `env.yaml`.
pub(crate) fn host_of(folder: &Path) -> Host {
    let mut command = dowel(folder, &["serve"]);
    command
        .arg("--env-file")
        .arg(folder.join("env.yaml"))
        .arg("--data")
        .arg(folder.join("data"))
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .env("DOWEL_SECRET_SHOP_EVENTS", EVENTS_TOKEN)
        .env("DOWEL_LOG", "error");
    Host::spawn(command)
}

/// Everything around the host.
pub(crate) struct World {
    pub(crate) shop: ShopHandle,
    pub(crate) folder: TempDir,
    pub(crate) http: reqwest::Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        let shop = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let environment =
            std::fs::read_to_string(repository().join("environments/dev.yaml")).unwrap();
        assert!(environment.contains(SHOP_ADDRESS));
        let environment = environment.replace(SHOP_ADDRESS, &shop.addr.to_string());
        std::fs::write(folder.path().join("dev.yaml"), environment).unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self { shop, folder, http }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder with this world's own connectors, if it has some.
    pub(crate) fn connectors(&self) -> PathBuf {
        self.folder.path().join("connectors")
    }

    /// Gives this world its own copy of the connectors.
    pub(crate) fn copy_connectors(&self) {
        std::fs::create_dir(self.connectors()).unwrap();
        for entry in std::fs::read_dir(repository().join(".dowel/connectors")).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, self.connectors().join(path.file_name().unwrap())).unwrap();
        }
    }

    /// The command that serves the demo's flow on this world.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dowel"));
        self.arguments(&mut command);
        command
    }

    /// Adds the arguments of `dowel serve` to a command.
    pub(crate) fn arguments(&self, command: &mut Command) {
        self.arguments_in(&repository(), command);
    }

    /// The same for the flows of another repository.
    pub(crate) fn arguments_in(&self, folder: &Path, command: &mut Command) {
        let own = self.connectors();
        let built = repository().join(".dowel/connectors");
        let connectors = if own.is_dir() { own } else { built };
        assert!(
            connectors.is_dir(),
            "the connectors are not built: run `cargo xtask guests`"
        );
        command
            .arg("serve")
            .arg("--repo")
            .arg(folder)
            .arg("--env-file")
            .arg(self.folder.path().join("dev.yaml"))
            .arg("--connectors")
            .arg(connectors)
            .arg("--data")
            .arg(self.data())
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .env("DOWEL_SECRET_CRM_TOKEN", "crm-token")
            .env("DOWEL_SECRET_ERP_TOKEN", "erp-token")
            .env("DOWEL_SECRET_SHOP_HOOK", HOOK_TOKEN)
            .env("DOWEL_SECRET_SHOP_EVENTS", EVENTS_TOKEN)
            .env("DOWEL_LOG", "error");
    }

    pub(crate) fn host(&self) -> Host {
        Host::spawn(self.serve())
    }

    /// Posts an order.
    pub(crate) async fn post(
        &self,
        host: &Host,
        order: &str,
    ) -> reqwest::Result<reqwest::Response> {
        self.post_to(&host.public, order).await
    }

    pub(crate) async fn post_to(
        &self,
        public: &str,
        order: &str,
    ) -> reqwest::Result<reqwest::Response> {
        let request = self
            .http
            .post(format!("{public}/hooks/orders"))
            .bearer_auth(HOOK_TOKEN);
        request
            .header("content-type", "application/json")
            .body(order.to_owned())
            .send()
            .await
    }

    /// Posts an order and waits for the rest of its run.
    pub(crate) async fn order(&self, host: &Host, order: &str) -> Value {
        let response = self.post(host, order).await.unwrap();
        let status = response.status();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(status.is_success(), "{status} {body}");
        self.settled(host, body["run"].as_str().unwrap()).await
    }

    /// A resource of the admin listener.
    pub(crate) async fn get(&self, host: &Host, path: &str) -> (u16, String) {
        let response = host
            .api
            .get(format!("{}{path}", host.admin))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Waits until a run has ended or is parked.
    pub(crate) async fn settled(&self, host: &Host, run: &str) -> Value {
        let path = format!("/api/v1/runs/{run}");
        let at_rest = async || {
            let (_, text) = self.get(host, &path).await;
            let story: Value = serde_json::from_str(&text).unwrap();
            matches!(
                story["status"].as_str(),
                Some(
                    "succeeded"
                        | "succeeded_with_failures"
                        | "failed"
                        | "parked"
                        | "cancelled"
                        | "compensated"
                )
            )
            .then_some(story)
        };
        eventually("the run to come to rest", at_rest).await
    }
}

/// Looks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let found = tokio::time::timeout(PATIENCE, async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A host process; killed when dropped.
pub(crate) struct Host {
    pub(crate) child: Child,
    pub(crate) public: String,
    pub(crate) admin: String,
    /// The local socket, as `--host` takes it.
    pub(crate) socket: String,
    /// Reaches the admin listener through the local socket.
    pub(crate) api: reqwest::Client,
}

impl Host {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = |name: &str| {
            let word = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.unwrap_or_else(|| panic!("the host is not ready, it said {line:?}"))
                .to_owned()
        };
        let socket = address("socket");
        Self {
            public: address("public"),
            admin: address("admin"),
            api: reqwest::Client::builder()
                .timeout(PATIENCE)
                .unix_socket(socket.as_str())
                .build()
                .unwrap(),
            socket: format!("unix:{socket}"),
            child,
        }
    }

    /// SIGKILL: nothing of the process gets another instruction.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        signal(self.child.id(), "TERM");
        self.child.wait().unwrap().code()
    }
}

/// Sends a signal to a process that this test has started.
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .status()
        .unwrap();
    assert!(status.success());
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An order that follows the flow's schema.
pub(crate) fn order(id: &str) -> String {
    format!(
        r#"{{"order_id":"{id}","customer_id":"C-{id}","currency":"EUR","lines":[{{"sku":"A","qty":3,"price":"19.99"}},{{"sku":"B","qty":3,"price":"0.10"}}]}}"#
    )
}
