//! The environment file.

use super::auth::{AuthFile, TlsFile};
use super::secrets::SecretsFile;
use crate::shape::{
    Any, FromText, Key, Located, MapOf, OneOrMany, Percent, Size, Text, choice, record,
};
use dowel_core::connection::{EgressRule, Rate};
use dowel_core::digest::InvalidDigest;
use dowel_core::id::{ConnectionName, ConnectorName, FlowName, GroupName, StepId};
use dowel_core::repository::InvalidCommit;
use dowel_core::retention::Keep;
use dowel_core::{CommitId, Digest, units};
use ipnet::IpNet;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Duration;

record! {
    /// An environment of Dowel: what the flows of a host are bound to.
    EnvironmentFile {
        /// The environment's name.
        environment = "environment": FlowName,
        /// Settings of single flows.
        flows = "flows": Option<MapOf<FlowName, FlowSettings>>,
        /// Secrets of the flows' triggers.
        triggers = "triggers": Option<MapOf<FlowName, MapOf<StepId, TriggerSecrets>>>,
        /// Who may send events to `POST /events`; nobody without it.
        events = "events": Option<EventsFile>,
        /// What people decide at the exception desk.
        exceptions = "exceptions": Option<ExceptionsFile>,
        /// How long finished runs are kept, unless a flow says otherwise.
        retention = "retention": Option<RetentionFile>,
        /// Who has to agree before another tree of this environment becomes active.
        promotion = "promotion": Option<PromotionFile>,
        /// Where the values of secrets come from; environment variables without it.
        secrets = "secrets": Option<SecretsFile>,
        /// What the connections of the flows are bound to.
        connections = "connections": Option<MapOf<ConnectionName, Binding>>,
        /// Values that are no secrets, read by flows as `$env`.
        values = "values": Option<Any>,
    }
    not_yet []
}

record! {
    /// Settings of one flow.
    FlowSettings {
        /// The version that runs, or `head`; written by `dowel promote`.
        version = "version": Option<Located<PinnedVersion>>,
        /// The commit that the version is read from.
        commit = "commit": Option<Located<CommitId>>,
        /// The digest of the version's files.
        digest = "digest": Option<Located<Digest>>,
        /// Whether it takes events; `true` unless given.
        enabled = "enabled": Option<bool>,
        /// How long its finished runs are kept; keys that are not given come from the
        /// environment's `retention`.
        retention = "retention": Option<RetentionFile>,
    }
    not_yet ["canary"]
}

record! {
    /// Who has to agree before another tree of this environment becomes active. A host asks
    /// by what is active now, and by the `policy_floor` of its host file.
    PromotionFile {
        /// The environment that a version is pinned in before it comes here.
        from = "from": Option<FlowName>,
        /// How many people have to approve a change; none unless given.
        approvals = "approvals": Option<Located<u32>>,
        /// Whether the author of a change may not approve it.
        forbid_author = "forbid_author": Option<bool>,
        /// The group of the policy that approvers are in; anybody who may deploy unless given.
        approvers = "approvers": Option<Located<GroupName>>,
        /// How long a version is pinned in `from` before `dowel promote` pins it here, such as 1h.
        soak = "soak": Option<Located<Duration>>,
    }
    not_yet []
}

record! {
    /// Who may send events to `POST /events`: `senders` with a token each, or `verify: none`.
    EventsFile {
        /// `none`: anybody who reaches the public listener.
        verify = "verify": Option<EventVerify>,
        /// Those who may, by a name for people.
        senders = "senders": Option<Located<MapOf<Key, SenderFile>>>,
    }
    not_yet []
}

choice! {
    /// How senders of events prove themselves.
    EventVerify { None = "none", }
    not_yet []
}

record! {
    /// Somebody who may send events.
    SenderFile {
        /// The name of the secret with the token that the sender proves itself by.
        verify_secret = "verify_secret": SecretName,
        /// The types of events that it may send, such as `com.example.order.*`; all without it.
        types = "types": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

record! {
    /// What people decide at the exception desk.
    ExceptionsFile {
        /// Decisions that a second person confirms, such as `[discard, compensate]`.
        four_eyes = "four_eyes": Option<Vec<FourEyes>>,
    }
    not_yet []
}

choice! {
    /// A decision at the exception desk.
    FourEyes {
        Cancel = "cancel",
        Retry = "retry",
        EditInput = "edit-input",
        Complete = "complete",
        Skip = "skip",
        Compensate = "compensate",
        Discard = "discard",
        Rerun = "rerun",
        Resubmit = "resubmit",
    }
    not_yet []
}

impl FourEyes {
    /// The name of the decision in the engine.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::EditInput => "edit-input",
            Self::Complete => "complete",
            Self::Skip => "skip",
            Self::Compensate => "compensate",
            Self::Discard => "discard",
            Self::Rerun => "rerun",
            Self::Resubmit => "resubmit",
        }
    }
}

record! {
    /// How long finished runs are kept.
    RetentionFile {
        /// Runs that ended well: a duration such as `30d`, or `forever`.
        succeeded = "succeeded": Option<Located<KeepFile>>,
        /// Runs that ended otherwise: a duration such as `90d`, or `forever`.
        failed = "failed": Option<Located<KeepFile>>,
        /// Finished runs beyond this number are removed whatever their age.
        max_runs = "max_runs": Option<Located<u32>>,
    }
    not_yet []
}

record! {
    /// Secrets of one trigger.
    TriggerSecrets {
        /// The name of the secret that the sender proves itself by; a list while one is exchanged for another.
        verify_secret = "verify_secret": Option<OneOrMany<SecretName>>,
    }
    not_yet []
}

record! {
    /// A connector, configured and authorised.
    Binding {
        /// The connector.
        connector = "connector": ConnectorName,
        /// Configuration that is no secret, as the connector's schema asks for.
        config = "config": Option<Any>,
        /// The credential that the host adds to requests.
        auth = "auth": Option<AuthFile>,
        /// What is special about its TLS: an authority of its own, a client certificate.
        tls = "tls": Option<TlsFile>,
        /// Where requests may go, such as `GET,POST https://api.example.com/*`.
        allow = "allow": Option<Vec<EgressRule>>,
        /// Ranges of private addresses (CIDR) that are granted.
        private_addresses = "private_addresses": Option<Vec<IpNet>>,
        /// Limits.
        limits = "limits": Option<Limits>,
        /// The request header that carries the idempotency key.
        idempotency_header = "idempotency_header": Option<HeaderName>,
        /// Whether calls share warm instances (`pooled`) or not (`per-call`).
        isolation = "isolation": Option<IsolationName>,
    }
    not_yet ["version", "digest"]
}

record! {
    /// Limits of one connection.
    Limits {
        /// Calls at the same time.
        concurrency = "concurrency": Option<Located<u32>>,
        /// The largest memory of one instance.
        memory = "memory": Option<Located<Size>>,
        /// The largest JSON text that a call may return.
        output = "output": Option<Located<Size>>,
        /// The largest response body that a call may read.
        response = "response": Option<Located<Size>>,
        /// The bytes of large bodies that a call may keep beside its run; none by default,
        /// and then it may not read any either.
        blobs = "blobs": Option<Located<Size>>,
        /// The longest time for connecting to the upstream.
        connect_timeout = "connect_timeout": Option<Located<Duration>>,
        /// Calls per time, such as 10/s, 600/m or 5000/h.
        rate = "rate": Option<Rate>,
        /// When calls stop for a while because the upstream does not answer.
        breaker = "breaker": Option<Breaker>,
    }
    not_yet []
}

record! {
    /// A circuit breaker: it opens when too many of the last calls failed.
    Breaker {
        /// The share of failed calls that opens it, such as 50%.
        errors = "errors": Located<Percent>,
        /// How many last calls are looked at; fewer do not open it.
        of = "of": Located<u32>,
        /// How long it stays open before one call is let through to try.
        cooldown = "cooldown": Located<Duration>,
    }
    not_yet []
}

choice! {
    /// How instances are shared.
    IsolationName { Pooled = "pooled", PerCall = "per-call", }
    not_yet []
}

/// A version, or `head`.
#[derive(Clone, Debug)]
pub(crate) enum PinnedVersion {
    Head,
    Version(semver::Version),
}

impl FromText for PinnedVersion {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "head" {
            return Ok(Self::Head);
        }
        <semver::Version as FromText>::from_text(text)
            .map(Self::Version)
            .map_err(|rule| format!("{rule}, or it is `head`"))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^(head|[0-9]+\.[0-9]+\.[0-9]+([-+].+)?)$" })
    }
}

impl FromText for CommitId {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: InvalidCommit| error.to_string())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$" })
    }
}

impl FromText for Digest {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: InvalidDigest| error.to_string())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" })
    }
}

/// A duration, or `forever`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepFile(pub(crate) Keep);

impl FromText for KeepFile {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(Keep::Forever));
        }
        let duration = units::parse_duration(text)
            .map_err(|_| "write a duration such as 12h or 30d, or `forever`".to_owned())?;
        Ok(Self(Keep::For(duration)))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d)|forever)$" })
    }
}

/// The name of a secret.
#[derive(Clone, Debug)]
pub(crate) struct SecretName(pub(crate) String);

impl FromText for SecretName {
    const MAY_BE_SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let good = !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed);
        let rule = "the name of a secret has letters, digits, `_`, `-` and `.` only";
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| rule.to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]*$" })
    }
}

/// The name of an HTTP header (RFC 9110, section 5.1).
#[derive(Clone, Debug)]
pub(crate) struct HeaderName(pub(crate) String);

impl FromText for HeaderName {
    fn from_text(text: &str) -> Result<Self, String> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let good = !text.is_empty() && text.bytes().all(is_token);
        let rule = "this is not the name of an HTTP header, such as X-Api-Key";
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| rule.to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" })
    }
}

/// An origin (RFC 6454).
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) text: String,
    /// Whether what is sent there can be read on the way.
    pub(crate) is_exposed: bool,
}

impl FromText for Origin {
    fn from_text(text: &str) -> Result<Self, String> {
        let rule = || "an origin is written `https://host` or `https://host:port`".to_owned();
        let (scheme, authority) = text.split_once("://").ok_or_else(rule)?;
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                port.parse::<u16>().map_err(|_| rule())?;
                host
            }
            _ => authority,
        };
        let in_host = |b: u8| b.is_ascii_alphanumeric() || b"-.[]:_".contains(&b);
        if !matches!(scheme, "http" | "https") || host.is_empty() || !host.bytes().all(in_host) {
            return Err(rule());
        }
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        Ok(Self {
            text: text.to_owned(),
            is_exposed: scheme == "http" && !is_local,
        })
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^https?://[A-Za-z0-9_.:\[\]-]+$" })
    }
}

impl FromText for IpNet {
    fn from_text(text: &str) -> Result<Self, String> {
        let rule = "a range of addresses is written in CIDR form, such as 10.0.0.0/8 or ::1/128";
        text.parse().map_err(|_| rule.to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]+$" })
    }
}
