//! The environment file: what a host grants to the connections of its flows.

mod auth;
mod events;
mod pins;
mod retention;
mod secrets;

pub use events::{EventAccess, EventSender};
pub use pins::{CannotPin, Pin, Pins, Promotion, Released, set_pin};

use crate::diagnostic::{Diagnostic, Report};
use crate::shape::{Located, Shape};
use crate::surface::environment::{Binding, Breaker, EnvironmentFile, IsolationName, Limits};
use crate::template::constant;
use crate::text::Source;
use crate::yaml::{self, Node};
use dowel_core::JsonText;
use dowel_core::code::{Code, flow as code};
use dowel_core::connection::{
    BreakerLimits, Connection, ConnectionLimits, DEFAULT_IDEMPOTENCY_HEADER, Isolation,
};
use dowel_core::id::{ConnectionName, FlowName};
use dowel_core::retention::RetentionRules;
use dowel_core::secret::SecretSources;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// An environment, checked.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Settings of single flows; a flow that is not listed has the defaults.
    pub flows: BTreeMap<FlowName, FlowSettings>,
    /// Which versions run.
    pub pins: Pins,
    /// Who has to agree before another tree becomes active.
    pub promotion: Option<Promotion>,
    /// How long finished runs are kept.
    pub retention: RetentionRules,
    /// Names of the secrets that senders of webhooks prove themselves by.
    pub hook_secrets: HookSecrets,
    /// Decisions at the exception desk that a second person confirms, by their names.
    pub four_eyes: BTreeSet<String>,
    /// Who may send events from outside.
    pub events: EventAccess,
    /// Where the values of secrets come from, if the file says so.
    pub secrets: Option<SecretSources>,
    /// The connections, in the order of the file.
    pub connections: Vec<Connection>,
    /// `$env`: an object of values that are no secrets.
    pub values: JsonText,
}

impl Environment {
    /// The flows that the file disables.
    pub fn disabled_flows(&self) -> BTreeSet<FlowName> {
        let disabled = self.flows.iter().filter(|(_, flow)| !flow.enabled);
        disabled.map(|(name, _)| name.clone()).collect()
    }

    /// The names of all secrets that the file refers to.
    pub fn secret_names(&self) -> BTreeSet<&str> {
        let connections = self.connections.iter().flat_map(Connection::secret_names);
        let hooks = self.hook_secrets.names();
        connections
            .chain(hooks)
            .chain(self.events.secrets())
            .collect()
    }
}

/// Names of the secrets that senders of webhooks prove themselves by, by flow and
/// trigger. Where there are several, each of them is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookSecrets(pub BTreeMap<(FlowName, String), Vec<String>>);

impl HookSecrets {
    /// The secrets of one trigger, none if the environment names none.
    pub fn of(&self, flow: &FlowName, trigger: &str) -> &[String] {
        let secrets = self.0.get(&(flow.clone(), trigger.to_owned()));
        secrets.map_or(&[], Vec::as_slice)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }
}

/// Settings of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// Whether it takes events and its runs go on.
    pub enabled: bool,
}

/// Calls of one connection at the same time; the pool of instances is not larger.
const CONCURRENCY: RangeInclusive<u32> = 1..=1_000;

/// A component needs a few pages to start, and 4 GiB is all that it can address.
const MEMORY: RangeInclusive<u64> = (1 << 20)..=(4 << 30);

/// What a call returns is journalled; a larger answer belongs elsewhere.
const OUTPUT: RangeInclusive<u64> = 1..=(256 << 20);

/// A body that becomes JSON passes through memory, one that becomes a blob does not.
const RESPONSE: RangeInclusive<u64> = 1..=(64 << 30);

/// Blobs lie on the host's disk.
const BLOBS: RangeInclusive<u64> = 1..=(64 << 30);

/// An upstream that takes longer to accept a connection is down.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(120);

/// Last calls that a circuit breaker looks at; their results are kept in memory.
const BREAKER_CALLS: RangeInclusive<u32> = 1..=1_000;

/// An upstream is tried again at least this often.
const MAX_COOLDOWN: Duration = Duration::from_secs(3_600);

/// Reads an environment file. `path` is only shown.
///
/// # Errors
/// Everything that is wrong, in order of place.
pub fn parse(path: &str, text: &str) -> Result<Environment, Vec<Diagnostic>> {
    let mut report = Report::new(Arc::new(Source::new(path, text)));
    let environment = read(text, &mut report);
    match environment {
        Some(environment) if !report.has_errors() => Ok(environment),
        _ => Err(report.into_sorted()),
    }
}

fn read(text: &str, report: &mut Report) -> Option<Environment> {
    let tree = yaml::parse(text, report)?;
    let file = EnvironmentFile::decode(&tree, report)?;
    let flows = file.flows.iter().flat_map(|flows| &flows.0);
    let flows = flows.map(|(name, flow)| {
        let enabled = flow.enabled.unwrap_or(true);
        (name.value.clone(), FlowSettings { enabled })
    });
    let bindings = file.connections.iter().flat_map(|all| &all.0);
    let connections: Vec<Option<Connection>> = bindings
        .map(|(name, binding)| connection(&name.value, binding, report))
        .collect();
    let values = object(
        file.values.as_ref().map(|values| &values.0),
        "values",
        report,
    );
    let hook_secrets = hook_secrets(&file);
    let retention = retention::rules(&file, report);
    let events = events::access(file.events.as_ref(), report);
    let pins = pins::pins(&file, report);
    let secrets = secrets::sources(file.secrets.as_ref(), report);
    let promotion = pins::promotion(file.promotion.as_ref(), report);
    Some(Environment {
        name: file.environment.as_str().to_owned(),
        flows: flows.collect(),
        pins,
        promotion,
        retention,
        four_eyes: four_eyes(&file),
        hook_secrets,
        events: events?,
        secrets: secrets?,
        connections: connections.into_iter().collect::<Option<_>>()?,
        values: values?,
    })
}

fn four_eyes(file: &EnvironmentFile) -> BTreeSet<String> {
    let exceptions = file.exceptions.as_ref();
    let named = exceptions.and_then(|exceptions| exceptions.four_eyes.as_ref());
    let named = named.into_iter().flatten();
    named.map(|action| action.name().to_owned()).collect()
}

fn hook_secrets(file: &EnvironmentFile) -> HookSecrets {
    let mut out = HookSecrets::default();
    for (flow, triggers) in file.triggers.iter().flat_map(|all| &all.0) {
        for (trigger, secrets) in &triggers.0 {
            if let Some(names) = &secrets.verify_secret {
                let names = names.0.iter().map(|name| name.0.clone());
                let trigger = trigger.value.as_str().to_owned();
                out.0.insert((flow.value.clone(), trigger), names.collect());
            }
        }
    }
    out
}

fn connection(name: &ConnectionName, binding: &Binding, report: &mut Report) -> Option<Connection> {
    let config = object(
        binding.config.as_ref().map(|config| &config.0),
        "config",
        report,
    );
    let auth = match &binding.auth {
        None => Some(None),
        Some(written) => {
            if binding.private_addresses.is_none() {
                auth::refuse_exposed(written, report);
            }
            auth::auth(written, report).map(Some)
        }
    };
    let tls = match &binding.tls {
        None => Some(None),
        Some(written) => auth::tls(written, report).map(Some),
    };
    let limits = limits(binding.limits.as_ref(), report);
    let header = binding.idempotency_header.as_ref();
    let header = header.map_or(DEFAULT_IDEMPOTENCY_HEADER, |header| &header.0);
    let ranges = binding.private_addresses.iter().flatten();
    Some(Connection {
        name: name.clone(),
        connector: binding.connector.clone(),
        config: config?,
        auth: auth?,
        tls: tls?,
        allow: binding.allow.clone().unwrap_or_default(),
        private_addresses: ranges.map(ToString::to_string).collect(),
        limits,
        idempotency_header: header.to_owned(),
        isolation: match binding.isolation {
            None | Some(IsolationName::Pooled) => Isolation::Pooled,
            Some(IsolationName::PerCall) => Isolation::PerCall,
        },
    })
}

fn object(node: Option<&Node>, key: &str, report: &mut Report) -> Option<JsonText> {
    match node {
        None => Some(JsonText::object([])),
        Some(node @ Node::Map(..)) => constant(node, key, report),
        Some(node) => {
            crate::shape::expected("a map", node, report);
            None
        }
    }
}

fn limits(written: Option<&Limits>, report: &mut Report) -> ConnectionLimits {
    let mut limits = ConnectionLimits::default();
    let Some(written) = written else {
        return limits;
    };
    if let Some(value) = &written.concurrency {
        limits.concurrency = value.value;
        within(value.value, CONCURRENCY, value, "from 1 to 1000", report);
    }
    if let Some(value) = &written.memory {
        limits.memory_bytes = value.value.0;
        within(value.value.0, MEMORY, value, "from 1MiB to 4GiB", report);
    }
    if let Some(value) = &written.output {
        limits.output_bytes = value.value.0;
        within(value.value.0, OUTPUT, value, "from 1B to 256MiB", report);
    }
    if let Some(value) = &written.response {
        limits.response_bytes = value.value.0;
        within(value.value.0, RESPONSE, value, "from 1B to 64GiB", report);
    }
    if let Some(value) = &written.blobs {
        limits.blob_bytes = value.value.0;
        within(value.value.0, BLOBS, value, "from 1B to 64GiB", report);
    }
    if let Some(value) = &written.connect_timeout {
        limits.connect_timeout = value.value;
        let range = Duration::from_millis(1)..=MAX_CONNECT_TIMEOUT;
        within(value.value, range, value, "from 1ms to 2m", report);
    }
    limits.rate = written.rate;
    limits.breaker = written
        .breaker
        .as_ref()
        .map(|written| breaker(written, report));
    limits
}

fn breaker(written: &Breaker, report: &mut Report) -> BreakerLimits {
    let (errors, of, cooldown) = (&written.errors, &written.of, &written.cooldown);
    within(
        errors.value.0.hundredths(),
        1..=10_000,
        errors,
        "from 0.01% to 100%",
        report,
    );
    within(of.value, BREAKER_CALLS, of, "from 1 to 1000", report);
    let range = Duration::from_secs(1)..=MAX_COOLDOWN;
    within(cooldown.value, range, cooldown, "from 1s to 1h", report);
    BreakerLimits {
        errors: errors.value.0.hundredths(),
        of: of.value,
        cooldown: cooldown.value,
    }
}

fn within<T: PartialOrd + Copy, L>(
    value: T,
    range: RangeInclusive<T>,
    place: &Located<L>,
    text: &str,
    report: &mut Report,
) {
    const CODE: Code = code::OUT_OF_RANGE;
    if !range.contains(&value) {
        let message = format!("the value is out of range: {text}");
        report.error(CODE, place.span, message);
    }
}
