//! The command line.

mod access;
mod approvals;
mod canary;
mod connector;
mod exceptions;
mod flow;
mod gitops;
mod replay;
mod runs;
mod secret;
mod sources;
mod telemetry;
mod upgrade;

pub(crate) use access::{Access, Admin, Grants, Login, Oidc, Token};
pub(crate) use approvals::Approvals;
pub(crate) use canary::{Canary, EndCanary, StartCanary};
pub(crate) use connector::{
    Build, Connector, ConnectorAdd, ConnectorCall, ConnectorCheck, ConnectorNew, ConnectorPublish,
    ConnectorRecord, ConnectorSign, ConnectorTest, FromOpenapi, Language, LevelName,
};
pub(crate) use exceptions::{Audit, Author, Bulk, Exceptions, Filter, OneBulk, Target};
pub(crate) use flow::{Because, Flow, Switch};
pub(crate) use gitops::{Environment, Init, NewFlow, Pinning, Promote, Release, Rollback, Word};
pub(crate) use replay::ReplayCheck;
pub(crate) use runs::Runs;
pub(crate) use secret::{Rotate, Secret};
pub(crate) use sources::Sources;
pub(crate) use telemetry::{Alerts, Top};
pub(crate) use upgrade::Upgrade;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Integration runtime: runs versioned flows durably, through sandboxed connectors.
#[derive(Debug, Parser)]
#[command(name = "dowel", version, after_help = crate::exit::HELP, propagate_version = true)]
pub(crate) struct Arguments {
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// How log lines on standard error are printed; `DOWEL_LOG` filters them.
    #[arg(long, global = true, value_enum)]
    log_format: Option<LogFormat>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the command line; ends the process if it cannot be understood.
    pub(crate) fn read() -> Self {
        let arguments = Self::parse();
        if !arguments.format.suits(&arguments.command) {
            let message = "this command prints its results as human or json";
            Self::command()
                .error(ErrorKind::InvalidValue, message)
                .exit();
        }
        arguments
    }

    /// JSON for the service, text for people, unless the command line says otherwise.
    pub(crate) fn log_format(&self) -> LogFormat {
        let fallback = if matches!(self.command, Command::Serve(_)) {
            LogFormat::Json
        } else {
            LogFormat::Text
        };
        self.log_format.unwrap_or(fallback)
    }

    /// What is logged unless `DOWEL_LOG` says otherwise. Tests park runs on purpose, and
    /// tell what happened themselves.
    pub(crate) const fn log_filter(&self) -> &'static str {
        match self.command {
            Command::Test(_) | Command::Eval(_) => "error",
            _ => crate::logging::DEFAULT_FILTER,
        }
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// For pull requests and the like; not every command can.
    #[value(hide = true)]
    Markdown,
    /// A picture; `graph` alone.
    #[value(hide = true)]
    Svg,
    /// A picture that other programs draw; `graph` alone.
    #[value(hide = true)]
    Mermaid,
}

impl Format {
    /// Whether a command prints its results like this.
    const fn suits(self, command: &Command) -> bool {
        match self {
            Self::Human | Self::Json => true,
            Self::Svg | Self::Mermaid => matches!(command, Command::Graph(_)),
            Self::Markdown => matches!(command, Command::Plan(_)),
        }
    }
}

/// How log lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the host: takes events in and executes flows.
    #[command(after_help = "Example:\n  dowel serve --env dev")]
    Serve(Serve),
    /// Checks flows and the environment without running anything.
    #[command(
        after_help = "Examples:\n  dowel check\n  dowel check order-to-invoice --format json\n  dowel check --next 5\n  dowel check --against origin/main"
    )]
    Check(Check),
    /// Lays out the files of the repository: two spaces for each level, one where one is enough.
    #[command(
        after_help = "Only blanks and line ends change: what a file says, its comments and the order of its keys stay.\nThe file of a version that is released stays as it is, because its digest would be another one.\nExits with 1 if a file cannot be laid out, with --check also if one would change.\n\nExamples:\n  dowel fmt\n  dowel fmt --check"
    )]
    Fmt(Fmt),
    /// Runs the tests beside the flows, without any other system.
    #[command(
        after_help = "Calls are answered by the mocks of each case, time is virtual, and nothing is sent.\nExits with 0 if every case passed, with 1 if one failed or a file has errors, with 3 if\nthe tests could not be run. A flow without `flow.test.yaml` is named and fails nothing.\n\nExamples:\n  dowel test\n  dowel test order-to-invoice --case '*busy*'\n  dowel test --junit report.xml"
    )]
    Test(Test),
    /// Runs one flow with one payload in this process and prints the story.
    #[command(
        after_help = "Without --env every call is answered by its operation's example, and nothing is sent.\n\nExample:\n  dowel run order-to-invoice --payload order.json"
    )]
    Run(Run),
    /// Evaluates an expression in the sandbox.
    #[command(
        after_help = "Example:\n  echo '{\"price\": 19.99}' | dowel eval 'dmul(.price; 3)' --input -\n  dowel eval '$steps.customer' --case 'a plain order' --at invoice\n  dowel eval '$trigger.lines | length' --run 019a4f0c6d6c7d3a9a3f5d0c2b1e4f60"
    )]
    Eval(Eval),
    /// Lists the flows: who answers for them, what they promise, take, use and emit.
    #[command(
        after_help = "Examples:\n  dowel catalog\n  dowel catalog order-to-invoice --format json\n  dowel catalog --deprecated"
    )]
    Catalog(Catalog),
    /// Shows which flow feeds which, and of one flow which fields are copies of which.
    #[command(after_help = "Examples:\n  dowel lineage\n  dowel lineage order-to-invoice")]
    Lineage(Lineage),
    /// Shows what a change does before it does it: flows, contracts, capabilities, schedules.
    #[command(
        after_help = "Compares what the environment runs in this folder with another state of the repository: the\nversions that it pins, or every flow where it pins none. With --host the plan says which runs are\nunfinished, by version, and what is different at run time.\n--format markdown is for pull requests, --format json for programs. Exits with 0 if nothing\nbreaks, with 1 if a contract breaks under a version that promises to keep it, with 3 if the\nstates cannot be compared.\n\nExamples:\n  dowel plan --env prod --against origin/main\n  dowel plan --env prod --against ../before --format markdown\n  dowel plan --env prod --from staging --host https://flows.example.com"
    )]
    Plan(Plan),
    /// Draws a flow: its steps, branches, loops, failures and what undoes them.
    #[command(
        after_help = "Prints indented text, or with --format svg a picture, with --format mermaid a flowchart for pages\nthat draw those, with --format json what is shown.\n\nExamples:\n  dowel graph order-to-invoice\n  dowel graph order-to-invoice --format svg > order-to-invoice.svg"
    )]
    Graph(Graph),
    /// Lists runs, or shows one.
    #[command(subcommand)]
    Runs(Runs),
    /// Lists what waits for a person, and decides about it.
    #[command(subcommand)]
    Exceptions(Exceptions),
    /// Lists what waits for the decision of a person, and decides.
    #[command(subcommand)]
    Approvals(Approvals),
    /// Shows what people decided.
    #[command(subcommand)]
    Audit(Audit),
    /// Invites people to a host.
    #[command(subcommand)]
    Admin(Admin),
    /// Shows and changes who may do what.
    #[command(subcommand)]
    Access(Access),
    /// Makes, lists and revokes API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Signs you in at a host over the network.
    #[command(
        after_help = "Examples:\n  dowel login --host https://flows.example.com\n  dowel login --host https://flows.example.com --with-token < token"
    )]
    Login(Login),
    /// Forgets a login and revokes its token.
    #[command(after_help = "Example:\n  dowel logout --host https://flows.example.com")]
    Logout(Host),
    /// Lists what fires when.
    #[command(subcommand)]
    Schedules(Schedules),
    /// Shows what the host polls, and begins anew.
    #[command(subcommand)]
    Sources(Sources),
    /// Prints the story of a run, by its id or by a business key such as an order id.
    #[command(after_help = "Example:\n  dowel trace 4711")]
    Trace(Trace),
    /// Shows how a host is, again and again: throughput, queues, exceptions, breakers, sources.
    #[command(
        after_help = "Lines that want a person are red. `--once` looks once; `--format json` writes the host's\n`/api/v1/status`, one line for each look.\n\nExamples:\n  dowel top\n  dowel top --once --format json"
    )]
    Top(Top),
    /// Prints alerts for Prometheus, made from what the flows promise.
    #[command(
        after_help = "Each alert has the label `owner` and the annotation `runbook_url`. The metrics are those of\n`/metrics`; `--format json` prints the same rules for programs.\n\nExample:\n  dowel alerts --owner operators@example.com > /etc/prometheus/rules/dowel.yaml"
    )]
    Alerts(Alerts),
    /// Writes a new repository: a flow with a test, environments, policy, pipelines.
    #[command(after_help = "Example:\n  dowel init my-flows")]
    Init(Init),
    /// Pins a released version in an environment, by a commit.
    #[command(
        after_help = "Makes a commit that changes the pin and nothing else, on a new branch for a pull request.\nThe version has to be in `flows.lock`, and pinned in the environment that `promotion.from` names.\n\nExamples:\n  dowel promote order-to-invoice@1.5.0 --env staging --direct --push\n  dowel promote order-to-invoice@1.5.0 --env prod --push"
    )]
    Promote(Promote),
    /// Pins the version that an environment had pinned before, by a commit.
    #[command(after_help = "Example:\n  dowel rollback order-to-invoice --env prod --push")]
    Rollback(Rollback),
    /// Shows how the environment of a host stands, and approves changes.
    #[command(subcommand)]
    Environment(Environment),
    /// Lists flows, stops and starts them, begins new ones and releases versions.
    #[command(subcommand)]
    Flow(Flow),
    /// Shows what somebody has switched off or on at run time.
    #[command(subcommand)]
    Switches(Switches),
    /// Shows how connections stand, and stops and starts them.
    #[command(subcommand)]
    Connection(Connection),
    /// Keeps secrets in an encrypted file, and looks whether all are there.
    #[command(subcommand)]
    Secret(Secret),
    /// Builds, tests and inspects connectors.
    #[command(subcommand)]
    Connector(Connector),
    /// Explains an error code.
    #[command(after_help = "Example:\n  dowel explain DWL-1002")]
    Explain {
        /// The code, such as `DWL-1002`.
        code: String,
    },
    /// Checks the installation and says what to mend.
    #[command(after_help = "Example:\n  dowel doctor --env dev")]
    Doctor(Repository),
    /// Copies everything that a running host knows into a folder, while it works.
    #[command(after_help = "Example:\n  dowel backup /backups/2026-11-23")]
    Backup(Backup),
    /// Makes a new data folder from a backup, and checks it.
    #[command(
        after_help = "Example:\n  dowel restore /backups/2026-11-23 --data /var/lib/dowel-restored"
    )]
    Restore(Restore),
    /// Gives a new version of a flow a share of its runs first.
    #[command(subcommand)]
    Canary(Canary),
    /// Replays recorded runs of the version that is pinned on another one, with their answers.
    #[command(
        after_help = "The newest runs of the version that the environment pins are read from a host, masked, and run\ntwice in this process: on that version and on the one that is to come. Every call is answered as\nit was in the run; nothing leaves the process. Shown is where calls, their inputs, the status or\nthe output are not the same, and which calls of the new version have no answer. Exits with 1 if\nthere is anything.\n\nExample:\n  dowel replay-check order-to-invoice@1.5.0 --env prod --runs 50 --host https://prod.example.com"
    )]
    ReplayCheck(ReplayCheck),
    /// Looks before another version of this program takes over.
    #[command(subcommand)]
    Upgrade(Upgrade),
}

/// Where flows, environments and connectors are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Repository {
    /// The folder with `flows/` and `environments/`.
    #[arg(long, default_value = ".", env = "DOWEL_REPO")]
    pub(crate) repo: PathBuf,
    /// The environment: reads `environments/<name>.yaml`.
    #[arg(long, env = "DOWEL_ENV")]
    pub(crate) env: Option<String>,
    /// An environment file elsewhere.
    #[arg(long, conflicts_with = "env")]
    pub(crate) env_file: Option<PathBuf>,
    /// The folder with built connectors; `<repo>/.dowel/connectors` unless given.
    #[arg(long, env = "DOWEL_CONNECTORS")]
    pub(crate) connectors: Option<PathBuf>,
    /// A folder with one file per secret; the environment variable `DOWEL_SECRET_<NAME>`
    /// comes first.
    #[arg(long, env = "DOWEL_SECRETS_DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// The host file: what belongs to this machine, such as which repository it follows.
    #[arg(long, env = "DOWEL_HOST_FILE")]
    pub(crate) host_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) repository: Repository,
    /// How long a version of a flow that nothing needs any more is kept in memory.
    #[arg(long, default_value = "7d", value_parser = dowel_core::units::parse_duration)]
    pub(crate) keep_versions: std::time::Duration,
    /// Where webhooks are taken in; `listen.public` of the host file, or else
    /// `127.0.0.1:8080`, unless given.
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where desk, API and metrics are served; `listen.admin` of the host file, or else
    /// `127.0.0.1:8081`, unless given. The socket `admin.sock` in the data folder serves the
    /// same to the user that the host runs as.
    #[arg(long)]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The address under which people reach the desk, such as `https://flows.example.com`.
    /// Links begin with it, and cookies are for HTTPS alone if it does.
    #[arg(long, env = "DOWEL_PUBLIC_URL", value_parser = public_url)]
    pub(crate) public_url: Option<String>,
    /// A proxy whose word about the address of callers counts, such as 127.0.0.1/32; may be
    /// given more than once, besides those of the host file.
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The data folder; `store.sled` of the host file, or else `<repo>/.dowel/data`,
    /// unless given.
    #[arg(long, env = "DOWEL_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Unfinished runs beyond which intake answers 429.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) max_backlog: u64,
    /// The largest payload.
    #[arg(long, default_value = "1MiB", value_parser = size)]
    pub(crate) max_body: usize,
    /// How long open calls may go on after the signal to stop.
    #[arg(long, default_value = "25s", value_parser = duration)]
    pub(crate) drain: std::time::Duration,
    /// Opens a store whose log lost its end, and gives up what was there.
    #[arg(long)]
    pub(crate) accept_loss: bool,
    // The last, because what follows would stand under its heading.
    #[command(flatten)]
    pub(crate) oidc: Oidc,
}

#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files; all files in YAML that Dowel reads unless given.
    pub(crate) files: Vec<PathBuf>,
    /// Writes nothing, and says which files would change.
    #[arg(long)]
    pub(crate) check: bool,
    /// The folder with `flows/` and `environments/`.
    #[arg(long, default_value = ".", env = "DOWEL_REPO")]
    pub(crate) repo: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Flows to check; all of them unless given.
    pub(crate) flows: Vec<String>,
    /// Shows that many of the next fires of each schedule.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) next: usize,
    /// Compares the contracts of the flows with those of another state of the repository, a
    /// branch, tag or commit, or a folder, and says which version is due.
    #[arg(long, value_name = "STATE")]
    pub(crate) against: Option<String>,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Catalog {
    /// Shows all about this flow.
    #[arg(conflicts_with = "deprecated")]
    pub(crate) flow: Option<String>,
    /// Shows the flows and operations that will go, and who still uses them.
    #[arg(long)]
    pub(crate) deprecated: bool,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Lineage {
    /// Only what is about this flow, however far, and where its fields come from.
    pub(crate) flow: Option<String>,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The state that is there now: a branch, tag or commit of the repository, or a folder
    /// with `flows/` and `environments/`; with `--host` the commit that is active there,
    /// unless given.
    #[arg(long, value_name = "STATE", required_unless_present_any = ["from", "host"])]
    pub(crate) against: Option<String>,
    /// Shows what would change if everything that this environment pins was promoted.
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "against")]
    pub(crate) from: Option<String>,
    /// Replays so many runs of each flow that changes, as `dowel replay-check` does, and shows
    /// where they come to something else.
    #[arg(long, value_name = "RUNS", requires = "host", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) replay: Option<u16>,
    // The host whose unfinished runs and drift are shown as well.
    #[command(flatten)]
    pub(crate) host: Host,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The flow.
    pub(crate) flow: String,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Flows to test; all of them unless given.
    pub(crate) flows: Vec<String>,
    /// Only cases whose names match; `*` stands for any text, `?` for one character.
    #[arg(long, value_name = "GLOB")]
    pub(crate) case: Option<String>,
    /// Runs the tests again whenever a file has changed, until it is interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Writes what came into the test files, where it is not what was expected. Comments
    /// stay, except inside of a list or map that is replaced as a whole.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) update: bool,
    /// Writes a report in the form of JUnit as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Adds a case that is made of a real run, and runs nothing else. Masked values are
    /// replaced by made-up ones, which are listed.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["watch", "update", "junit", "case", "flows"])]
    pub(crate) record: Option<String>,
    /// Takes the run from a data folder whose host is stopped, instead of from a host.
    #[arg(long, requires = "record")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) host: Host,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The flow.
    pub(crate) flow: String,
    /// A file with the payload, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) payload: PathBuf,
    /// The trigger; the flow's first one unless given.
    #[arg(long)]
    pub(crate) trigger: Option<String>,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The jq expression, without `${` and `}`.
    pub(crate) expression: String,
    /// A file with the value of `.`, or `-` for standard input; `null` unless given.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// A variable, such as `trigger={"a": 1}`.
    #[arg(long = "var", value_name = "NAME=JSON")]
    pub(crate) variables: Vec<String>,
    /// Sees what the steps of this run see; sensitive values are masked.
    #[arg(long, value_name = "ID", conflicts_with = "case")]
    pub(crate) run: Option<String>,
    /// Sees what the steps of this test case see.
    #[arg(long, value_name = "NAME")]
    pub(crate) case: Option<String>,
    /// Before this step began; at the end unless given. `.` is the step's raw result, as
    /// in its `output`.
    #[arg(long, value_name = "STEP")]
    pub(crate) at: Option<String>,
    /// Takes the run from a data folder whose host is stopped, instead of from a host.
    #[arg(long, requires = "run")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) host: Host,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Backup {
    /// A folder for this backup alone; it is made.
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Restore {
    /// The folder of the backup.
    pub(crate) folder: PathBuf,
    /// The data folder to make; it must not be there yet.
    #[arg(long)]
    pub(crate) data: PathBuf,
}

/// Where the host's admin listener is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Host {
    /// The host's admin address, `https://…` or `unix:<path of its socket>`. Unless given,
    /// the socket in the data folder (`DOWEL_DATA`, or `.dowel/data`), then the host of the
    /// last `dowel login`, then http://127.0.0.1:8081. `DOWEL_TOKEN` or `dowel login` says
    /// who calls.
    #[arg(long, env = "DOWEL_HOST")]
    pub(crate) host: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Schedules {
    /// Lists the schedules of the active flows, with their last and next fires.
    #[command(after_help = "Example:\n  dowel schedules list")]
    List {
        #[command(flatten)]
        host: Host,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// A run's id, or a business key such as an order id.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Switches {
    /// Lists flows, triggers and connections that somebody has switched at run time.
    #[command(after_help = "Example:\n  dowel switches list")]
    List(Host),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Connection {
    /// Lists the connections of a host: calls, limits, circuit breakers, and who waits.
    #[command(after_help = "Example:\n  dowel connection list")]
    List(Host),
    /// Asks a person for consent, and keeps the refresh token in the encrypted file.
    #[command(
        after_help = "Prints an address for the browser and waits until it comes back, on this machine. The connection\nhas `oauth2_authorization_code`, and `secrets.age` names the encrypted file. Running hosts use the\nnew consent without a restart.\n\nExample:\n  dowel connection authorize crm --env staging"
    )]
    Authorize(Authorize),
    /// Makes no more calls over a connection; who wants to make one waits.
    #[command(
        after_help = "Example:\n  dowel connection disable crm --reason 'wrong tenant until 12:00'"
    )]
    Disable {
        /// The connection.
        connection: String,
        #[command(flatten)]
        because: Because,
    },
    /// Makes calls over a connection again.
    #[command(after_help = "Example:\n  dowel connection enable crm --reason 'tenant corrected'")]
    Enable {
        /// The connection.
        connection: String,
        #[command(flatten)]
        because: Because,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Authorize {
    /// The connection.
    pub(crate) connection: String,
    /// The port on this machine that the browser comes back to; any that is free unless
    /// given. Some servers want the redirect `http://127.0.0.1:<port>/callback` to be
    /// registered.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// How long to wait for the person.
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub(crate) wait: std::time::Duration,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = dowel_core::units::parse_size(text).map_err(|e| e.to_string())?;
    usize::try_from(bytes).map_err(|e| e.to_string())
}

fn public_url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']) => {
            Ok(text.to_owned())
        }
        _ => Err("an address such as https://flows.example.com, without a path".to_owned()),
    }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    dowel_core::units::parse_duration(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
