//! Whether a webhook's sender is who it says.

use super::signature::{self, Message, Refusal, Scheme};
use super::text;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::http::{HeaderMap, header};
use dowel_core::Digest;
use dowel_core::code::api::{OUTSIDE_TOLERANCE, UNVERIFIED};
use dowel_core::port::Secret;
use dowel_engine::{Hook, MessageKey};
use dowel_flow::plan::Verify;

/// What has to be looked at before a request is believed.
pub(super) enum Proof {
    /// Nothing: anybody may send.
    Nothing,
    /// A token beside the body.
    Token,
    /// A signature over the body.
    Signature(Scheme),
}

impl Proof {
    pub(super) const fn of(verify: Verify) -> Self {
        match verify {
            Verify::None => Self::Nothing,
            Verify::Token => Self::Token,
            Verify::StandardWebhooks => Self::Signature(Scheme::Standard),
            Verify::Github => Self::Signature(Scheme::Github),
            Verify::Stripe => Self::Signature(Scheme::Stripe),
            Verify::Shopify => Self::Signature(Scheme::Shopify),
        }
    }
}

/// Checks the token of a request. Nothing of the body has been read for it.
pub(super) async fn token(
    state: &ApiState,
    hook: &Hook,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let secrets = secrets(state, hook).await?;
    let given = text(headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
    let given = Digest::of(given.strip_prefix("Bearer ").unwrap_or_default());
    // Digests are compared instead of texts, so the time tells nothing about how much of
    // a guess was right.
    let fitting = secrets
        .iter()
        .filter(|secret| Digest::of(secret.expose()) == given);
    if fitting.count() > 0 {
        return Ok(());
    }
    Err(refuse(
        state,
        hook,
        "the request does not carry the token of this webhook",
    ))
}

/// Checks the signature over a body. Returns what tells this message from all others.
pub(super) async fn signature(
    state: &ApiState,
    hook: &Hook,
    scheme: Scheme,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<MessageKey, Problem> {
    let secrets = secrets(state, hook).await?;
    let message = Message {
        headers,
        body,
        now: state.engine.time(),
    };
    signature::check(scheme, &message, &secrets).map_err(|refusal| match refusal {
        Refusal::OutsideTolerance(_) => {
            let problem = Problem::new(OUTSIDE_TOLERANCE, refusal.to_string());
            told(state, hook, problem, &refusal.to_string())
        }
        _ => refuse(state, hook, &refusal.to_string()),
    })
}

/// The secrets that are valid now: several while one is exchanged for another. None where
/// the webhook has none, or none that can be read.
pub(super) async fn keys(state: &ApiState, hook: &Hook) -> Vec<Secret> {
    let senders = state.senders();
    let names = senders.hook_secrets.of(&hook.flow, &hook.trigger);
    let mut found = Vec::new();
    for name in names {
        let mut valid = state.secrets.valid(name).await.unwrap_or_default();
        valid.retain(|secret| !secret.expose().is_empty());
        if valid.is_empty() {
            tracing::warn!(
                flow = %hook.flow,
                trigger = hook.trigger,
                secret = name,
                "a secret of this webhook cannot be read or is empty"
            );
        }
        found.extend(valid);
    }
    found
}

/// At least one secret that is valid now.
async fn secrets(state: &ApiState, hook: &Hook) -> Result<Vec<Secret>, Problem> {
    let found = keys(state, hook).await;
    if !found.is_empty() {
        return Ok(found);
    }
    let senders = state.senders();
    let names = senders.hook_secrets.of(&hook.flow, &hook.trigger);
    let why = if names.is_empty() {
        "the environment names no secret for this webhook"
    } else {
        "the secret of this webhook cannot be read"
    };
    Err(refuse(state, hook, why))
}

fn refuse(state: &ApiState, hook: &Hook, why: &str) -> Problem {
    told(state, hook, Problem::new(UNVERIFIED, why), why)
}

/// The sender's operator sees the answer, ours sees the log; the id ties them together.
fn told(state: &ApiState, hook: &Hook, problem: Problem, why: &str) -> Problem {
    let correlation = state.correlation_id();
    tracing::warn!(
        flow = %hook.flow,
        trigger = hook.trigger,
        correlation,
        why,
        "a webhook was not believed"
    );
    problem.correlated(correlation)
}
