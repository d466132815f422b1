//! `/api/v1/canaries`: new versions of flows that get a share of the runs.

use crate::access::Actor;
use crate::flows::check_reason;
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use dowel_core::FlowName;
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_FLOW};
use dowel_core::units::{Share, format_duration, parse_duration};
use dowel_engine::{Canary, CanaryEnd, CanaryLimits, CanaryStatus, CanaryTerms, Sample as Counted};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest time that is looked back, which bounds what is read.
const MAX_WINDOW: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

/// The canaries of the host.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Canaries {
    canaries: Vec<ShownCanary>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// A new version that gets a share of the runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Canary)]
pub(crate) struct ShownCanary {
    flow: String,
    version: String,
    /// The version that keeps the rest; none before the environment pins the new one.
    before: Option<String>,
    /// `armed`, `running`, `aborted` or `rolled-back`.
    state: &'static str,
    /// Such as `10%`.
    share: String,
    /// JSON Pointer of what runs are told apart by; the business key where there is none.
    key: Option<String>,
    since: String,
    actor: String,
    reason: String,
    limits: ShownLimits,
    samples: Option<ShownSamples>,
}

/// When the numbers take the share back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CanaryLimits)]
struct ShownLimits {
    min_runs: u32,
    /// Such as `15m`.
    window: String,
    /// Such as `5%`: how much more of the runs may fail than before.
    error_rate_above: String,
    /// In percent of the time that 95% of the runs took at most before.
    slower_than: Option<u32>,
}

/// What became of the runs within the window.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CanarySamples)]
struct ShownSamples {
    before: ShownSample,
    new: ShownSample,
}

/// What became of the runs of one version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CanarySample)]
struct ShownSample {
    ended: u64,
    failed: u64,
    /// How many milliseconds 95% of those that succeeded took at most.
    p95_ms: Option<u64>,
}

impl From<Counted> for ShownSample {
    fn from(sample: Counted) -> Self {
        Self {
            ended: sample.ended,
            failed: sample.failed,
            p95_ms: sample.p95.map(dowel_core::time::millis),
        }
    }
}

impl From<CanaryStatus> for ShownCanary {
    fn from(status: CanaryStatus) -> Self {
        let samples = status.samples.map(|samples| ShownSamples {
            before: samples.before.into(),
            new: samples.new.into(),
        });
        Self {
            flow: status.flow.to_string(),
            before: status.before.map(|version| version.to_string()),
            samples,
            ..Self::of(status.canary)
        }
    }
}

impl ShownCanary {
    fn of(canary: Canary) -> Self {
        let limits = canary.terms.limits;
        Self {
            flow: String::new(),
            version: canary.version.to_string(),
            before: None,
            state: canary.state.name(),
            share: canary.terms.share.to_string(),
            key: canary.terms.key,
            since: canary.since.to_string(),
            actor: canary.actor,
            reason: canary.reason,
            limits: ShownLimits {
                min_runs: limits.min_runs,
                window: format_duration(limits.window),
                error_rate_above: limits.error_rate_above.to_string(),
                slower_than: limits.slower_than,
            },
            samples: None,
        }
    }
}

/// What is asked of a canary.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CanaryTerms)]
pub(crate) struct Asked {
    /// The version that gets a share: the one that the environment pins, or one that it is
    /// going to pin.
    version: String,
    /// The version that keeps the rest; the newest one below it that the host keeps.
    before: Option<String>,
    /// Such as `10%`.
    share: String,
    /// JSON Pointer of the value in the payload that runs are told apart by; the business key
    /// where there is none.
    key: Option<String>,
    /// Runs of the new version that are waited for before it is judged; 20.
    min_runs: Option<u32>,
    /// How far is looked back; `15m`.
    window: Option<String>,
    /// How much more of the runs may fail than before; `5%`.
    error_rate_above: Option<String>,
    /// How long 95% of the runs may take at most, in percent of the time before; 150, and 0
    /// where that does not count.
    slower_than: Option<u32>,
    reason: String,
}

/// How it ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CanaryEnd)]
pub(crate) struct Ended {
    /// `promote`: the new version gets all runs. `abort`: the version before it does.
    end: String,
    reason: String,
}

fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(BAD_REQUEST, detail)
}

fn share(text: &str) -> Result<Share, Problem> {
    let no_share = || wrong(format!("`{text}` is not a share such as `10%`"));
    Share::parse(text).ok_or_else(no_share)
}

fn version(text: &str) -> Result<Version, Problem> {
    text.parse()
        .map_err(|_| wrong(format!("`{text}` is not a version")))
}

impl Asked {
    fn terms(&self) -> Result<CanaryTerms, Problem> {
        let default = CanaryLimits::default();
        let window = match &self.window {
            None => default.window,
            Some(text) => parse_duration(text).map_err(|e| wrong(format!("`{text}`: {e}")))?,
        };
        if window.is_zero() || window > MAX_WINDOW {
            return Err(wrong("`window` is more than nothing and at most 1d"));
        }
        if let Some(key) = &self.key
            && (key.len() > 512 || dowel_core::pointer::segments(key).is_none_or(|s| s.is_empty()))
        {
            return Err(wrong(format!(
                "`{key}` is not a JSON Pointer such as `/customer/id`"
            )));
        }
        let errors = self.error_rate_above.as_deref();
        Ok(CanaryTerms {
            share: share(&self.share)?,
            key: self.key.clone(),
            limits: CanaryLimits {
                min_runs: self.min_runs.unwrap_or(default.min_runs).max(1),
                window,
                error_rate_above: errors.map_or(Ok(default.error_rate_above), share)?,
                slower_than: match self.slower_than {
                    None => default.slower_than,
                    Some(0) => None,
                    given => given,
                },
            },
        })
    }
}

async fn shown(state: &ApiState, flow: &FlowName) -> Result<Option<ShownCanary>, Problem> {
    let canaries = state.engine.canaries().await?.into_iter();
    let mut of_flow = canaries.filter(|canary| canary.flow == *flow);
    Ok(of_flow.next().map(Into::into))
}

fn name(flow: &str) -> Result<FlowName, Problem> {
    FlowName::new(flow).map_err(|e| Problem::new(NO_SUCH_FLOW, e.to_string()))
}

#[utoipa::path(
    get,
    path = "/api/v1/canaries",
    tag = "environment",
    operation_id = "list_canaries",
    summary = "Lists the new versions that get a share of the runs of their flows",
    params(Paging),
    responses(
        (status = 200, description = "A page of canaries, by their flows", body = Canaries),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<Canaries>, Problem> {
    let canaries = state.engine.canaries().await?.into_iter();
    let may_see = |one: &CanaryStatus| actor.reaches(&state.engine, Permission::Read, &one.flow);
    let seen = canaries.filter(may_see);
    let (page, next) = paging::page(seen, &paging, |one| one.flow.to_string())?;
    Ok(Json(Canaries {
        canaries: page.into_iter().map(Into::into).collect(),
        next,
    }))
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/canary",
    tag = "environment",
    operation_id = "start_canary",
    summary = "Gives a new version of a flow a share of its runs",
    request_body = Asked,
    responses(
        (status = 200, description = "The canary as it is now", body = ShownCanary),
    ),
)]
pub(crate) async fn start(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    actor: Actor,
    body: Result<Json<Asked>, JsonRejection>,
) -> Result<Json<ShownCanary>, Problem> {
    let flow = name(&flow)?;
    let Json(asked) = body.map_err(|e| wrong(e.body_text()))?;
    let deciding = actor.deciding(Some(check_reason(&asked.reason)?));
    let before = asked.before.as_deref().map(version).transpose()?;
    let (new, terms) = (version(&asked.version)?, asked.terms()?);
    let canary = state
        .engine
        .start_canary(&flow, &new, before.as_ref(), terms, deciding)
        .await?;
    let after = shown(&state, &flow).await?;
    Ok(Json(after.unwrap_or_else(|| ShownCanary {
        flow: flow.to_string(),
        ..ShownCanary::of(canary)
    })))
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/canary/end",
    tag = "environment",
    operation_id = "end_canary",
    summary = "Gives all runs to the new version, or to the one before it",
    request_body = Ended,
    responses(
        (status = 200, description = "The canaries as they are now", body = Canaries),
    ),
)]
pub(crate) async fn end(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    actor: Actor,
    body: Result<Json<Ended>, JsonRejection>,
) -> Result<Json<Canaries>, Problem> {
    let flow = name(&flow)?;
    let Json(ended) = body.map_err(|e| wrong(e.body_text()))?;
    let deciding = actor.deciding(Some(check_reason(&ended.reason)?));
    let end = match ended.end.as_str() {
        "promote" => CanaryEnd::Promote,
        "abort" => CanaryEnd::Abort,
        _ => return Err(wrong("a canary ends by `promote` or by `abort`")),
    };
    state.engine.end_canary(&flow, end, deciding).await?;
    Ok(Json(Canaries {
        canaries: shown(&state, &flow).await?.into_iter().collect(),
        next: None,
    }))
}
