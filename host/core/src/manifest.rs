//! A connector's manifest: what it can do and what it needs. It stands in the
//! component's custom section [`SECTION`] and is covered by the component's digest.

use crate::connection::EgressRule;
use crate::deprecation::Deprecation;
use crate::error::ErrorKind;
use crate::id::{ConnectorName, OperationName};
use crate::json::JsonText;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The component's custom section that holds the manifest as JSON.
pub const SECTION: &str = "dowel:manifest";

/// The contract versions that this host speaks, the newest last.
pub const CONTRACTS: [&str; 2] = ["0.1.0", "0.2.0"];

/// The first contract that has sources.
pub const CONTRACT_WITH_SOURCES: &str = CONTRACTS[1];

/// What a connector says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the contract, such as `0.1.0`.
    pub contract: String,
    /// The connector's name.
    pub name: ConnectorName,
    /// The connector's own version.
    pub version: semver::Version,
    /// One sentence.
    pub summary: String,
    /// JSON Schema (2020-12) of the connection's `config`.
    pub config_schema: JsonText,
    /// Where it needs to send requests, as rules such as `GET,POST {base_url}/*`:
    /// `{name}` stands for a text of the connection's configuration.
    #[serde(default)]
    pub egress: Vec<String>,
    /// Whether it reads or writes large bodies: from contract 0.2.0 on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blobs: bool,
    /// Its operations.
    pub operations: Vec<OperationSpec>,
    /// Its sources: from contract 0.2.0 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSpec>,
    /// Its receivers: from contract 0.2.0 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<ReceiverSpec>,
}

/// One receiver of a connector: webhooks that it understands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiverSpec {
    /// The receiver's name.
    pub name: OperationName,
    /// One sentence.
    pub summary: String,
    /// JSON Schema (2020-12) of the parameters.
    pub params_schema: JsonText,
    /// JSON Schema (2020-12) of an event's data.
    pub event_schema: JsonText,
    /// Whether it answers requests that prove nothing, as senders make them that want to
    /// know whether somebody listens. It gets `GET` requests then, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handshake: bool,
    /// Whether the connector knows how the service is asked to send.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subscription: bool,
    /// The longest time for one request, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// One source of a connector: events that the host fetches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// The source's name.
    pub name: OperationName,
    /// One sentence.
    pub summary: String,
    /// JSON Schema (2020-12) of the parameters.
    pub params_schema: JsonText,
    /// JSON Schema (2020-12) of an event's data.
    pub event_schema: JsonText,
    /// The longest time that one read may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// One operation of a connector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationSpec {
    /// The operation's name.
    pub name: OperationName,
    /// One sentence.
    pub summary: String,
    /// JSON Schema (2020-12) of the input.
    pub input_schema: JsonText,
    /// JSON Schema (2020-12) of the output.
    pub output_schema: JsonText,
    /// What repeating it does.
    pub idempotency: Idempotency,
    /// Whether it changes anything upstream.
    pub effect: Effect,
    /// The operation that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensated_by: Option<OperationName>,
    /// That it will go, if it will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// How pages follow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// The longest time that one call may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Error kinds after which a step tries again unless its flow says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_kinds: Option<Vec<ErrorKind>>,
    /// An example input that satisfies `input_schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example_input: Option<JsonText>,
    /// An example output that satisfies `output_schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example_output: Option<JsonText>,
}

/// How an operation's pages follow each other. Each field is a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pagination {
    /// Where the input takes the cursor.
    pub cursor_in: String,
    /// Where the output gives the next cursor; `null` or absent at the end.
    pub cursor_out: String,
    /// Where the output has the items.
    pub items: String,
}

/// What repeating an operation with the same input does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idempotency {
    /// Repeating changes nothing, by the operation's nature (a read, a PUT).
    Natural,
    /// Repeating with the same key changes nothing.
    Keyed,
    /// Repeating acts again.
    None,
}

/// Whether an operation changes anything upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It only reads.
    Read,
    /// It writes.
    Write,
}

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// The section does not hold a manifest.
    #[error("the manifest cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Built against a contract that this host does not speak.
    #[error("the connector is built for contract {contract}, this host speaks {}", CONTRACTS.join(" and "))]
    Contract {
        /// What the manifest says.
        contract: String,
    },
    /// The same operation twice.
    #[error("the operation `{0}` is listed twice")]
    RepeatedOperation(OperationName),
    /// The same source twice.
    #[error("the source `{0}` is listed twice")]
    RepeatedSource(OperationName),
    /// The same receiver twice.
    #[error("the receiver `{0}` is listed twice")]
    RepeatedReceiver(OperationName),
    /// Receivers in a contract that has none.
    #[error(
        "the connector has receivers, and its contract {0} has none: build it for {CONTRACT_WITH_SOURCES}"
    )]
    Receivers(String),
    /// Sources in a contract that has none.
    #[error(
        "the connector has sources, and its contract {0} has none: build it for {CONTRACT_WITH_SOURCES}"
    )]
    Sources(String),
    /// An egress rule that cannot be read.
    #[error("the egress rule `{0}` cannot be read: it is written `GET,POST https://host/path/*`")]
    Egress(String),
}

impl Manifest {
    /// Reads and checks the JSON of a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        if !CONTRACTS.contains(&manifest.contract.as_str()) {
            let contract = manifest.contract;
            return Err(InvalidManifest::Contract { contract });
        }
        if !manifest.sources.is_empty() && manifest.contract == CONTRACTS[0] {
            return Err(InvalidManifest::Sources(manifest.contract));
        }
        if !manifest.receivers.is_empty() && manifest.contract == CONTRACTS[0] {
            return Err(InvalidManifest::Receivers(manifest.contract));
        }
        if let Some(name) = repeated(manifest.sources.iter().map(|spec| &spec.name)) {
            return Err(InvalidManifest::RepeatedSource(name));
        }
        if let Some(name) = repeated(manifest.receivers.iter().map(|spec| &spec.name)) {
            return Err(InvalidManifest::RepeatedReceiver(name));
        }
        if let Some(name) = repeated(manifest.operations.iter().map(|spec| &spec.name)) {
            return Err(InvalidManifest::RepeatedOperation(name));
        }
        if let Some(rule) = manifest
            .egress
            .iter()
            .find(|rule| rule.parse::<EgressRule>().is_err())
        {
            return Err(InvalidManifest::Egress(rule.clone()));
        }
        Ok(manifest)
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&SourceSpec> {
        self.sources
            .iter()
            .find(|source| source.name.as_str() == name)
    }

    /// The receiver of this name.
    pub fn receiver(&self, name: &str) -> Option<&ReceiverSpec> {
        self.receivers
            .iter()
            .find(|receiver| receiver.name.as_str() == name)
    }

    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&OperationSpec> {
        self.operations
            .iter()
            .find(|operation| operation.name.as_str() == name)
    }
}

/// The first name that is there a second time.
fn repeated<'a>(names: impl Iterator<Item = &'a OperationName>) -> Option<OperationName> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    names.find(|name| !seen.insert(name.as_str())).cloned()
}
