//! The manifest, made from the connector's types when `dowel connector build` asks.

use crate::{Connector, Operation, Receiver, Source};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::value::RawValue;

/// The version of the contract that this SDK speaks.
const CONTRACT: &str = "0.2.0";

/// The connector's manifest as JSON. Builds every schema anew: it is for building and
/// testing, no call needs it.
pub fn manifest<C: Connector>() -> String {
    let mut entries = Vec::new();
    C::describe_operations(&mut Operations(&mut entries));
    let mut sources = Vec::new();
    C::describe_sources(&mut Sources(&mut sources));
    let mut receivers = Vec::new();
    C::describe_receivers(&mut Receivers(&mut receivers));
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let document = Document {
        contract: CONTRACT,
        name: C::NAME,
        version: C::VERSION,
        summary: C::SUMMARY,
        config_schema: settings.into_generator().into_root_schema_for::<C>(),
        egress: C::EGRESS,
        blobs: C::BLOBS,
        operations: entries,
        sources,
        receivers,
    };
    // Cannot fail: texts, and schemas that are JSON values already. An empty text is
    // refused by whoever asked.
    serde_json::to_string(&document).unwrap_or_default()
}

/// What `#[operation]` says about an operation.
#[derive(Clone, Copy, Debug)]
pub struct OperationSpec {
    /// One sentence.
    pub summary: &'static str,
    /// `read` or `write`.
    pub effect: &'static str,
    /// `natural`, `keyed` or `none`.
    pub idempotency: &'static str,
    /// The name of the operation that undoes it.
    pub compensated_by: Option<&'static str>,
    /// That it will go, as JSON text.
    pub deprecated: Option<&'static str>,
    /// The longest time of one call, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// Error kinds after which a step tries again by default.
    pub retry_kinds: Option<&'static [&'static str]>,
    /// How pages follow each other.
    pub pagination: Option<Pagination>,
    /// JSON text.
    pub example_input: Option<&'static str>,
    /// JSON text.
    pub example_output: Option<&'static str>,
}

/// How pages follow each other, in JSON Pointers (RFC 6901).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pagination {
    /// Where the input takes the cursor.
    pub cursor_in: &'static str,
    /// Where the output gives the next one.
    pub cursor_out: &'static str,
    /// Where the output has the items.
    pub items: &'static str,
}

/// What `#[source]` says about a source.
#[derive(Clone, Copy, Debug)]
pub struct SourceSpec {
    /// One sentence.
    pub summary: &'static str,
    /// The longest time of one read, in milliseconds.
    pub deadline_ms: Option<u64>,
}

/// What `#[receiver]` says about a receiver.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverSpec {
    /// One sentence.
    pub summary: &'static str,
    /// Whether it answers requests that prove nothing.
    pub handshake: bool,
    /// Whether it sets up the sending itself.
    pub subscription: bool,
    /// The longest time for one request, in milliseconds.
    pub deadline_ms: Option<u64>,
}

/// The receivers of a manifest that is being written.
pub struct Receivers<'a>(&'a mut Vec<ReceiverEntry>);

impl Receivers<'_> {
    /// Adds a receiver.
    pub fn add<R: Receiver>(&mut self) {
        let params = SchemaSettings::draft2020_12().for_deserialize();
        let event = SchemaSettings::draft2020_12().for_serialize();
        self.0.push(ReceiverEntry {
            name: R::NAME,
            summary: R::SPEC.summary,
            params_schema: params.into_generator().into_root_schema_for::<R::Params>(),
            event_schema: event.into_generator().into_root_schema_for::<R::Event>(),
            handshake: R::SPEC.handshake,
            subscription: R::SPEC.subscription,
            deadline_ms: R::SPEC.deadline_ms,
        });
    }
}

/// The sources of a manifest that is being written.
pub struct Sources<'a>(&'a mut Vec<SourceEntry>);

impl Sources<'_> {
    /// Adds a source.
    pub fn add<S: Source>(&mut self) {
        let params = SchemaSettings::draft2020_12().for_deserialize();
        let event = SchemaSettings::draft2020_12().for_serialize();
        self.0.push(SourceEntry {
            name: S::NAME,
            summary: S::SPEC.summary,
            params_schema: params.into_generator().into_root_schema_for::<S::Params>(),
            event_schema: event.into_generator().into_root_schema_for::<S::Event>(),
            deadline_ms: S::SPEC.deadline_ms,
        });
    }
}

/// The operations of a manifest that is being written.
pub struct Operations<'a>(&'a mut Vec<Entry>);

impl Operations<'_> {
    /// Adds an operation.
    pub fn add<O: Operation>(&mut self) {
        let input = SchemaSettings::draft2020_12().for_deserialize();
        let output = SchemaSettings::draft2020_12().for_serialize();
        let spec = O::SPEC;
        self.0.push(Entry {
            name: O::NAME,
            summary: spec.summary,
            input_schema: input.into_generator().into_root_schema_for::<O::Input>(),
            output_schema: output.into_generator().into_root_schema_for::<O::Output>(),
            idempotency: spec.idempotency,
            effect: spec.effect,
            compensated_by: spec.compensated_by,
            deprecated: spec
                .deprecated
                .and_then(|text| serde_json::from_str(text).ok()),
            pagination: spec.pagination,
            deadline_ms: spec.deadline_ms,
            retry_kinds: spec.retry_kinds,
            // The macro checked the syntax.
            example_input: spec
                .example_input
                .and_then(|text| serde_json::from_str(text).ok()),
            example_output: spec
                .example_output
                .and_then(|text| serde_json::from_str(text).ok()),
        });
    }
}

#[derive(Serialize)]
struct Document {
    contract: &'static str,
    name: &'static str,
    version: &'static str,
    summary: &'static str,
    config_schema: Schema,
    egress: &'static [&'static str],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blobs: bool,
    operations: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    receivers: Vec<ReceiverEntry>,
}

#[derive(Serialize)]
struct ReceiverEntry {
    name: &'static str,
    summary: &'static str,
    params_schema: Schema,
    event_schema: Schema,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    handshake: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subscription: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
}

#[derive(Serialize)]
struct SourceEntry {
    name: &'static str,
    summary: &'static str,
    params_schema: Schema,
    event_schema: Schema,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    summary: &'static str,
    input_schema: Schema,
    output_schema: Schema,
    idempotency: &'static str,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    compensated_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<&'static RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_kinds: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    example_input: Option<&'static RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    example_output: Option<&'static RawValue>,
}
