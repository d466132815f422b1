//! Why a component or a connection is refused.

use dowel_core::code::{Code, connector as code};
use dowel_core::manifest::{InvalidManifest, SECTION};
use dowel_core::{ConnectionName, Digest};

/// Why a connector is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No WebAssembly at all, or a broken file.
    #[error("this is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component: build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Larger than the host accepts.
    #[error("{what} has {bytes} bytes, and {limit} is the most that is accepted")]
    TooLarge {
        /// The component or the manifest.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// No custom section with the manifest.
    #[error("the component has no custom section `{SECTION}`")]
    NoManifest,
    /// More than one custom section with a manifest.
    #[error("the component has more than one custom section `{SECTION}`")]
    RepeatedManifest,
    /// A manifest that is not accepted.
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    /// Imports that no connector is given.
    #[error("the component imports what no connector is given: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// The contract is not exported, or with other types.
    #[error("the component does not export the contract: {0}")]
    MissingExport(String),
    /// The manifest asks for what the component cannot use.
    #[error(
        "the manifest asks for `{0}`, and the component imports nothing by which it could use that: the manifest is another component's"
    )]
    UnusedNeed(String),
    /// Refused by the compiler.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// The cache folder or its key.
    #[error("the compile cache cannot be used: {0}")]
    Cache(String),
    /// The engine did not start.
    #[error("the sandbox cannot be started: {0}")]
    Engine(String),
    /// The guest's own description failed.
    #[error("the component cannot describe itself: {0}")]
    Describe(String),
}

impl LoadError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NotAComponent(_) => code::NOT_A_COMPONENT,
            Self::CoreModule => code::CORE_MODULE,
            Self::TooLarge { .. } => code::TOO_LARGE,
            Self::NoManifest => code::NO_MANIFEST,
            Self::RepeatedManifest | Self::Manifest(_) => code::BAD_MANIFEST,
            Self::UnknownImports(_) => code::UNKNOWN_IMPORT,
            Self::MissingExport(_) => code::MISSING_EXPORT,
            Self::UnusedNeed(_) => code::UNUSED_NEED,
            Self::Compile(_) => code::COMPILE_FAILED,
            Self::Cache(_) => code::CACHE,
            Self::Engine(_) => code::ENGINE,
            Self::Describe(_) => code::DESCRIBE_FAILED,
        }
    }
}

/// Why a connection cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection `{connection}`: {reason}")]
pub struct BindError {
    /// The connection.
    pub connection: ConnectionName,
    /// What is wrong with it.
    pub reason: BindReason,
}

impl BindError {
    /// The stable code.
    pub fn code(&self) -> Code {
        self.reason.code()
    }
}

/// What is wrong with a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindReason {
    /// A rule that cannot be used.
    #[error("the egress rule `{rule}` cannot be used: {why}")]
    Rule {
        /// The rule, as it is written.
        rule: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A need of the manifest that no `allow` rule covers.
    #[error("the connector needs `{need}`, and no `allow` rule of the connection covers any of it")]
    NotGranted {
        /// The manifest's rule.
        need: String,
        /// The connector version that needs it.
        component: Digest,
    },
    /// A placeholder without a setting.
    #[error(
        "the manifest's egress rule `{rule}` needs the text `{name}` in the connection's config"
    )]
    Config {
        /// The manifest's rule.
        rule: String,
        /// The setting.
        name: String,
    },
    /// An origin that is not one.
    #[error("`{0}` is not an origin such as https://api.example.com")]
    Origin(String),
    /// An address range that is not one.
    #[error("`{0}` is not an address or a CIDR range such as 10.0.0.0/8")]
    Addresses(String),
    /// A header name that cannot be used.
    #[error("`{0}` cannot be used as the name of a header here")]
    Header(String),
    /// More memory than an instance can have.
    #[error("{wanted} bytes of memory are granted, and an instance can have {limit} at most")]
    Memory {
        /// The connection's limit.
        wanted: u64,
        /// The host's limit.
        limit: u64,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// The same name twice.
    #[error("there is another connection of this name")]
    Twice,
}

impl BindReason {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Rule { .. } => code::BIND_RULE,
            Self::NotGranted { .. } => code::BIND_NOT_GRANTED,
            Self::Config { .. } => code::BIND_CONFIG,
            Self::Origin(_) => code::BIND_ORIGIN,
            Self::Addresses(_) => code::BIND_ADDRESSES,
            Self::Header(_) => code::BIND_HEADER,
            Self::Memory { .. } => code::BIND_MEMORY,
            Self::Client(_) => code::BIND_CLIENT,
            Self::Twice => code::BIND_TWICE,
        }
    }
}
