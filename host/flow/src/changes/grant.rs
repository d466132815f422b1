//! Capabilities: where connections may send requests, which secrets they use, what flows
//! may call. What is gained is what somebody has to look at.

use super::State;
use crate::environment::EventAccess;
use crate::plan::{Plan, StepKind};
use dowel_core::connection::{AuthMethod, Connection};
use dowel_core::manifest::Effect;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Whether something may be done now or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It may be done that could not.
    Gained,
    /// It could be done that may not.
    Lost,
}

/// What a connection or a flow may now do, or may no longer do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grant {
    /// Whether it is gained or lost.
    pub turn: Turn,
    /// Whose it is: `connection crm` or `flow order-to-invoice`.
    pub subject: String,
    /// What may be done, as in `may reach GET https://api.example.com/*`.
    pub what: String,
}

/// Capabilities by their holder.
type Held = BTreeMap<String, BTreeSet<String>>;

/// What is gained and what is lost.
pub(super) fn compare(old: State<'_>, new: State<'_>) -> Vec<Grant> {
    let (before, after) = (held(old), held(new));
    let subjects: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let empty = BTreeSet::new();
    let mut grants = Vec::new();
    for subject in subjects {
        let (old, new) = (
            before.get(subject).unwrap_or(&empty),
            after.get(subject).unwrap_or(&empty),
        );
        let grant = |turn| {
            move |what: &String| Grant {
                turn,
                subject: subject.clone(),
                what: what.clone(),
            }
        };
        grants.extend(new.difference(old).map(grant(Turn::Gained)));
        grants.extend(old.difference(new).map(grant(Turn::Lost)));
    }
    grants.sort();
    grants
}

fn held(state: State<'_>) -> Held {
    let mut held = Held::new();
    for plan in state.plans {
        held.insert(format!("flow {}", plan.flow), of_flow(plan));
    }
    let connections = state.environment.iter().flat_map(|one| &one.connections);
    for connection in connections {
        let subject = format!("connection {}", connection.name);
        held.insert(subject, of_connection(connection));
    }
    if let Some(environment) = state.environment {
        for ((flow, trigger), secrets) in &environment.hook_secrets.0 {
            let what = secrets
                .iter()
                .map(|name| format!("lets in who knows the secret `{name}`"));
            let subject = format!("trigger {flow}/{trigger}");
            held.entry(subject).or_default().extend(what);
        }
        senders(&mut held, &environment.events);
        let sources = environment.secrets.iter().flat_map(|one| one.describe());
        let what: BTreeSet<String> = sources.map(|one| format!("are read from {one}")).collect();
        held.insert("secrets".to_owned(), what);
    }
    held
}

/// Who may send events from outside.
fn senders(held: &mut Held, access: &EventAccess) {
    let senders = match access {
        EventAccess::Nobody => return,
        EventAccess::Anybody => {
            let what = BTreeSet::from(["may send every event".to_owned()]);
            held.insert("anybody".to_owned(), what);
            return;
        }
        EventAccess::Senders(senders) => senders,
    };
    for sender in senders {
        let types = match sender.types.as_slice() {
            [] => "every event".to_owned(),
            types => types.join(", "),
        };
        let what = BTreeSet::from([
            format!("may send {types}"),
            format!("is known by the secret `{}`", sender.secret),
        ]);
        held.insert(format!("sender {}", sender.name), what);
    }
}

fn of_flow(plan: &Plan) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for step in plan.all_steps() {
        match &step.kind {
            StepKind::Call(call) => {
                let effect = match call.effect {
                    Effect::Read => "reads",
                    Effect::Write => "writes",
                };
                let (connection, operation) = (&call.connection, &call.operation);
                held.insert(format!("may call {connection}.{operation}, which {effect}"));
            }
            StepKind::Run(run) => {
                held.insert(format!("may run the flow {}", run.flow));
            }
            _ => {}
        }
    }
    held
}

fn of_connection(connection: &Connection) -> BTreeSet<String> {
    let allowed = connection.allow.iter();
    let mut held: BTreeSet<String> = allowed.map(|rule| format!("may reach {rule}")).collect();
    let ranges = connection.private_addresses.iter();
    held.extend(ranges.map(|range| format!("may reach the private addresses {range}")));
    held.extend(
        connection
            .secret_names()
            .into_iter()
            .map(|name| format!("uses the secret `{name}`")),
    );
    if connection.limits.blob_bytes > 0 {
        held.insert("may keep and read large bodies of its runs".to_owned());
    }
    if connection.tls.as_ref().is_some_and(|tls| tls.ca.is_some()) {
        held.insert("trusts an authority of its own".to_owned());
    }
    if let Some(auth) = &connection.auth {
        let origins = auth.origins.iter();
        held.extend(origins.map(|origin| format!("sends its credential to {origin}")));
        if let AuthMethod::OAuth2(settings) = &auth.method {
            held.insert(format!("asks {} for access tokens", settings.token_url));
        }
    }
    held
}
