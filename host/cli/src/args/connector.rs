//! `dowel connector`.

use super::Repository;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Connector {
    /// Makes a new connector that builds, passes its tests and is certified as it is.
    #[command(after_help = "Example:\n  dowel connector new suppliers --lang python")]
    New(ConnectorNew),
    /// Makes a connector of an OpenAPI document, or brings one up to date with it.
    #[command(
        after_help = "Reads OpenAPI 3.0 and 3.1, in JSON or YAML. Where the folder has been made by the same command\nbefore, it says what has changed for flows and which version is due, and writes with --update only;\nfiles that were changed by hand are kept. Exits with 1 if there is something to write.\n\nExamples:\n  dowel connector from-openapi petstore.yaml\n  dowel connector from-openapi api.github.com.json --name github --only issues,pulls/list\n  dowel connector from-openapi petstore.yaml --out petstore --update"
    )]
    FromOpenapi(FromOpenapi),
    /// Builds a connector and writes its manifest into it.
    #[command(
        after_help = "The language is known by the folder: `Cargo.toml` is Rust, `pyproject.toml` is Python,\n`package.json` is JavaScript or TypeScript. The toolchain is the one that is installed in\nthe folder; if it is missing, the command that installs it is named.\n\nExamples:\n  dowel connector build connectors/crm\n  dowel connector build --component crm.wasm"
    )]
    Build(Build),
    /// Shows what a connector can do and what it needs.
    #[command(after_help = "Example:\n  dowel connector inspect .dowel/connectors/crm-0.1.0.wasm")]
    Inspect {
        /// The component.
        component: PathBuf,
        /// The repository whose lock and trusted signers are looked at.
        #[arg(long, default_value = ".", env = "DOWEL_REPO")]
        repo: PathBuf,
    },
    /// Prints a page about a connector in Markdown, made of its manifest.
    #[command(
        after_help = "Example:\n  dowel connector docs .dowel/connectors/crm-0.1.0.wasm > crm.md"
    )]
    Docs {
        /// The component.
        component: PathBuf,
    },
    /// Signs a connector: writes a signature beside it.
    #[command(
        after_help = "Example:\n  openssl genpkey -algorithm ed25519 -out key.pem\n  dowel connector sign .dowel/connectors/crm-0.1.0.wasm --key key.pem"
    )]
    Sign(ConnectorSign),
    /// Publishes a connector, with the signature beside it, to a registry or a folder.
    #[command(
        after_help = "A registry that wants an account is given DOWEL_REGISTRY_USER and DOWEL_REGISTRY_PASSWORD.\n\nExamples:\n  dowel connector publish crm-0.1.0.wasm oci://ghcr.io/acme/crm:0.1.0\n  dowel connector publish crm-0.1.0.wasm /srv/connectors"
    )]
    Publish(ConnectorPublish),
    /// Adds a connector to the repository: fetches it, checks it and locks it.
    #[command(
        after_help = "Writes `connectors.lock`. From then on a host loads what the lock names, byte for byte,\nand nothing else; `trusted-signers.yaml` says whose signatures count.\n\nExamples:\n  dowel connector add oci://ghcr.io/acme/crm:0.1.0\n  dowel connector add ../crm/crm-0.1.0.wasm"
    )]
    Add(ConnectorAdd),
    /// Brings the connectors that the lock names: from the cache, or from their source.
    #[command(after_help = "Example:\n  dowel connector install")]
    Install(Repository),
    /// Compares a connector with another version of it, and says which version is due.
    #[command(
        after_help = "Exits with 1 if the version is too low for what has changed.\n\nExample:\n  dowel connector check .dowel/connectors/crm-0.2.0.wasm --against oci://ghcr.io/acme/crm:0.1.0"
    )]
    Check(ConnectorCheck),
    /// Tests a connector of any language, and says which level of certification it has.
    #[command(
        after_help = "Plays the recorded cases, then every way in which an upstream can go wrong. Nothing is\nsent: what stands behind the gateway is the kit itself. Exits with 0 if no check failed and\nthe level is reached, with 1 if not.\n\nExamples:\n  dowel connector test .dowel/connectors/crm-0.1.0.wasm --cases connectors/crm/cases\n  dowel connector test crm.wasm --level gold --junit report.xml"
    )]
    Test(ConnectorTest),
    /// Calls one operation through a connection of an environment.
    #[command(
        after_help = "Examples:\n  dowel connector call crm.get-contact --with '{\"id\": \"C-1042\"}' --env dev\n  dowel connector call erp.create-invoice --with invoice.json --env dev --wire"
    )]
    Call(ConnectorCall),
    /// Makes a case for `dowel connector test` of a call to a live upstream.
    #[command(
        after_help = "Credentials are never written, and personal data is replaced by made-up data; the fields are\nlisted. Read the file before you commit it.\n\nExample:\n  dowel connector record crm.get-contact --with '{\"id\": \"C-1042\"}' --env dev --out connectors/crm/cases"
    )]
    Record(ConnectorRecord),
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The connector's folder.
    #[arg(required_unless_present = "component")]
    pub(crate) folder: Option<PathBuf>,
    /// A component that is built already and has no manifest yet.
    #[arg(long, conflicts_with = "folder")]
    pub(crate) component: Option<PathBuf>,
    /// Where the connector goes.
    #[arg(long, default_value = ".dowel/connectors")]
    pub(crate) out: PathBuf,
    /// The cargo profile of a connector in Rust.
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
}

/// A level of certification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelName {
    /// No level: no check may fail.
    None,
    /// Safe to run.
    Bronze,
    /// Safe to rely on when things go wrong.
    Silver,
    /// Proven in everything that the kit knows.
    Gold,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorTest {
    /// The component, with its manifest.
    pub(crate) component: PathBuf,
    /// The folder with its cases.
    #[arg(long, default_value = "cases")]
    pub(crate) cases: PathBuf,
    /// The level that it has to have.
    #[arg(long, value_enum, default_value_t = LevelName::Bronze)]
    pub(crate) level: LevelName,
    /// Writes a report in the form of JUnit as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// The longest time that a call may take whose upstream is down.
    #[arg(long, default_value = "10s", value_parser = super::duration)]
    pub(crate) deadline: std::time::Duration,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorCall {
    /// The connection and its operation, such as `crm.get-contact`.
    #[arg(value_name = "CONNECTION.OPERATION")]
    pub(crate) operation: String,
    /// The input: JSON, or a file with it, or `-` for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) with: String,
    /// The idempotency key; a new one for each call unless given.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Shows the requests and answers, without credentials.
    #[arg(long)]
    pub(crate) wire: bool,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorRecord {
    /// The connection and its operation, such as `crm.get-contact`.
    #[arg(value_name = "CONNECTION.OPERATION")]
    pub(crate) operation: String,
    /// The input: JSON, or a file with it, or `-` for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) with: String,
    /// The folder of the cases.
    #[arg(long, default_value = "cases")]
    pub(crate) out: PathBuf,
    /// The name of the case; the operation's unless given.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorSign {
    /// The component.
    pub(crate) component: PathBuf,
    /// The private key: ed25519 in PKCS #8, as OpenSSL writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorPublish {
    /// The component.
    pub(crate) component: PathBuf,
    /// `oci://registry/repository:tag`, or a folder.
    pub(crate) target: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorAdd {
    /// `oci://registry/repository:tag`, with `@sha256:…` if it is pinned, or a file.
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorCheck {
    /// The component.
    pub(crate) component: PathBuf,
    /// The version to compare it with: a file or `oci://…`.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) against: String,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

/// A language that connectors are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, compiled for wasm32-wasip2.
    Rust,
    /// Python, with its interpreter inside the component.
    Python,
    /// TypeScript, with the QuickJS engine inside the component.
    #[value(name = "typescript")]
    TypeScript,
    /// JavaScript, with the QuickJS engine inside the component.
    #[value(name = "javascript")]
    JavaScript,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorNew {
    /// The connector's name, in kebab-case.
    pub(crate) name: String,
    /// The language.
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub(crate) lang: Language,
    /// The folder to make; the connector's name unless given.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// The folder of the SDK; that of the copy of Dowel that the command is run in unless
    /// given.
    #[arg(long, env = "DOWEL_SDK")]
    pub(crate) sdk: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct FromOpenapi {
    /// The document.
    pub(crate) document: PathBuf,
    /// The connector's name, in kebab-case; made from the document's title unless given.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only operations with one of these tags or operation ids.
    #[arg(long, value_name = "TAG,ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Objects that lie deeper in each other are passed on unread [default: 6].
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) depth: Option<u8>,
    /// The folder; the connector's name unless given.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Writes what has changed into a folder that is there.
    #[arg(long)]
    pub(crate) update: bool,
    /// The folder of the SDK; that of the copy of Dowel that the command is run in unless
    /// given.
    #[arg(long, env = "DOWEL_SDK")]
    pub(crate) sdk: Option<PathBuf>,
}
