//! The environment: what runs here, how far that is from git, and what waits for approval.

use super::form::{Fields, decided};
use super::{Failure, Page, Shown, Tab, Visitor, html};
use crate::access::Form;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, State};
use axum::response::Response;
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::gitops::NO_SUCH_CHANGE;
use dowel_core::{Digest, Timestamp};
use dowel_engine::{
    Activation, Agreement, ChangeStatus, EnvironmentStatus, FlowStatus, LiveRuns, Look,
    SwitchStatus, Verdict,
};
use maud::{Markup, html};
use std::sync::Arc;

/// Seconds between looks.
const LIVE: u32 = 10;

pub(super) async fn page(State(state): State<Arc<ApiState>>, visitor: Visitor) -> Shown {
    let engine = &state.engine;
    let status = engine.environment_status().await?;
    let live = engine.live_runs().await?;
    let mut switches = engine.switches();
    switches.retain(|one| one.target.flow().is_none_or(|flow| visitor.sees(flow)));
    let now = engine.time();
    let drifting: Vec<&SwitchStatus> = switches.iter().filter(|one| one.is_drift()).collect();
    let body = html! {
        div data-part="waiting" .stack {
            @for change in &status.waiting { (waiting(change, &visitor, now)) }
        }
        div .split {
            div .stack {
                section .panel .flush aria-labelledby="flows" data-part="flows" {
                    h2 #flows { "What runs here" }
                    (flow_table(&state, &visitor.flows(), &live))
                }
                section .panel .flush aria-labelledby="drift" data-part="drift" {
                    h2 #drift { "Drift" }
                    (drift(&drifting, now))
                }
            }
            section .panel aria-labelledby="tree" data-part="tree" {
                h2 #tree { "Tree" }
                (tree(&state, &status, now))
            }
        }
    };
    Ok(Page::new(
        Tab::Environment,
        format!("Environment {}", engine.environment()),
        body,
    )
    .beside(html! { span data-part="sync" { (sync_badge(&status, drifting.len())) } })
    .live(LIVE))
}

fn sync_badge(status: &EnvironmentStatus, drifting: usize) -> Markup {
    let has_repository = status.active.is_some() || status.look.is_some();
    let (kind, text) = match (has_repository, drifting) {
        _ if !status.waiting.is_empty() => ("warn", "awaiting approval"),
        (true, 0) if status.in_sync() => ("good", "as in git"),
        (true, _) => ("warn", "differs from git"),
        (false, 0) => ("", "not from git"),
        (false, _) => ("warn", "differs from its file"),
    };
    html! { span .badge .(kind) { (text) } }
}

/// A change that waits, with what can be said about it.
fn waiting(change: &ChangeStatus, visitor: &Visitor, now: Timestamp) -> Markup {
    let candidate = &change.change.candidate;
    let digest = candidate.digest.to_string();
    let id = format!("change-{}", candidate.digest.short());
    html! {
        section .panel aria-labelledby=(id) {
            div .bar {
                h2 id=(id) { "Awaiting approval" }
                span .soft { (change.counted) " of " (change.needed) " approvals" }
            }
            dl .facts {
                @if let Some(commit) = &candidate.commit { dt { "Commit" } dd .id { (commit) } }
                dt { "Tree" } dd .id { (digest) }
                dt { "By" } dd { (candidate.authors.join(", ")) }
                dt { "Since" } dd { (html::time(change.change.since, now)) }
                @for one in &change.change.approvals { dt { "Approved" } dd { (agreement(one)) } }
                @if let Some(one) = &change.change.rejected { dt { "Rejected" } dd { (agreement(one)) } }
            }
            h3 { "What it changes" }
            @if candidate.summary.is_empty() { p .soft { "Nothing that the plan shows." } }
            @else { ul { @for line in &candidate.summary { li { (line) } } } }
            @if change.change.rejected.is_some() { p .soft { "It was rejected: push another commit." } }
            @else if visitor.may(Permission::Decide) { (form(&digest, visitor)) }
            @else { p .soft { "Your roles do not approve changes." } }
        }
    }
}

fn agreement(one: &Agreement) -> Markup {
    html! { (one.actor) ", " (html::exact_time(one.at)) ": " (one.reason) }
}

fn form(digest: &str, visitor: &Visitor) -> Markup {
    html! {
        form method="post" action=(html::path(&["environment", digest])) .row {
            label { "Reason" input name="reason" required maxlength="1000"; }
            (visitor.field())
            button .primary name="word" value="approve" { "Approve" }
            button .bad name="word" value="reject" { "Reject" }
        }
    }
}

fn flow_table(state: &ApiState, flows: &[FlowStatus], live: &LiveRuns) -> Markup {
    if flows.is_empty() {
        return html::empty(
            "No flow is active here",
            &html! { p { "Flows become active when the environment file of the repository names them." } },
        );
    }
    let plans = state.engine.active_plans();
    let commit = |flow: &FlowStatus| {
        let plan = plans.iter().find(|plan| plan.flow == flow.flow);
        plan.and_then(|plan| plan.commit.clone())
    };
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Flow" } th scope="col" { "Version" } th scope="col" { "Commit" }
                th scope="col" { "Unfinished runs" } th scope="col" { "State" }
            } }
            tbody {
                @for flow in flows {
                    tr {
                        td .whole { (html::flow(&flow.flow)) }
                        td data-label="Version" { (flow.version) }
                        td data-label="Commit" { (html::commit(state, commit(flow).as_deref())) }
                        td data-label="Unfinished runs" { (versions(flow, live)) }
                        td data-label="State" { (html::badge(if flow.enabled { "enabled" } else { "disabled" })) }
                    }
                }
            }
        }
    };
    html! {
        (html::scroll("Flows", &table))
        @if live.is_cut { p .small .soft { "There are more unfinished runs than were counted." } }
    }
}

/// Which versions the unfinished runs of a flow are on.
fn versions(flow: &FlowStatus, live: &LiveRuns) -> Markup {
    let counts = live.counts.get(&flow.flow).into_iter().flatten();
    let counts: Vec<(String, u64)> = counts
        .map(|(version, count)| (version.to_string(), *count))
        .collect();
    html! {
        @if counts.is_empty() { span .soft { "none" } }
        @for (version, count) in &counts { div { (html::number(*count)) " on " (version) } }
    }
}

fn drift(switches: &[&SwitchStatus], now: Timestamp) -> Markup {
    if switches.is_empty() {
        return html! { p .soft { "Nothing stands elsewhere than the environment file says." } };
    }
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "What" } th scope="col" { "Stands" } th scope="col" { "Who" } th scope="col" { "Why" }
            } }
            tbody {
                @for one in switches {
                    tr {
                        td .whole { (one.target.kind()) " " strong { (one.target.name()) } }
                        td data-label="Stands" { (html::badge(if one.enabled { "enabled" } else { "disabled" })) }
                        td data-label="Who" {
                            @if let Some(decision) = &one.decision { (decision.actor) div .small .soft { (html::time(decision.at, now)) } }
                        }
                        td data-label="Why" { @if let Some(decision) = &one.decision { (decision.reason) } }
                    }
                }
            }
        }
    };
    html! {
        (html::scroll("Drift", &table))
        p .small .soft { "Decided at run time. It lasts until somebody decides otherwise, or git agrees." }
    }
}

fn tree(state: &ApiState, status: &EnvironmentStatus, now: Timestamp) -> Markup {
    html! {
        @match &status.active {
            Some(active) => (active_tree(state, active, now)),
            None => p .soft { "This host reads its files from a folder and follows no repository: " code { "repository" } " in the host file names one. Changes become active with a restart." },
        }
        @if let Some(look) = &status.look { (looked(state, look, now)) }
    }
}

fn active_tree(state: &ApiState, active: &Activation, now: Timestamp) -> Markup {
    html! {
        dl .facts {
            dt { "Active since" } dd { (html::exact_time(active.at)) " (" (html::ago(active.at, now)) ")" }
            dt { "Commit" }
            dd { (html::commit(state, active.commit.as_ref().map(|commit| commit.to_string()).as_deref())) }
            dt { "Tree" } dd .id { (active.digest) }
            @for one in &active.approvals { dt { "Approved" } dd { (agreement(one)) } }
        }
    }
}

/// The last look at the repository.
fn looked(state: &ApiState, look: &Look, now: Timestamp) -> Markup {
    let outcome = match &look.outcome {
        Ok(Verdict::Active) => "became active",
        Ok(Verdict::Unchanged) => "nothing new",
        Ok(Verdict::Awaiting(_)) => "awaits approval",
        Ok(Verdict::Rejected) => "was rejected",
        Err(_) if look.commit.is_none() => "the repository cannot be reached",
        Err(_) => "cannot become active",
    };
    html! {
        h3 { "Last look at the repository" }
        dl .facts {
            dt { "When" } dd { (html::time(look.at, now)) }
            @if let Some(commit) = &look.commit { dt { "Stands at" } dd { (html::commit(state, Some(&commit.to_string()))) } }
            dt { "Outcome" } dd { (outcome) @if look.rewritten { "; its history was rewritten" } }
        }
        @if let Err(failure) = &look.outcome {
            div .note .bad { strong { (failure.message) } p .small { (html::code(&failure.code.to_string())) } }
        }
    }
}

/// `POST /desk/environment/{digest}` with `word`.
pub(super) async fn decide(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path(digest): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let approve = match form.text("word") {
        Some("approve") => true,
        Some("reject") => false,
        _ => return Err(Problem::new(BAD_REQUEST, "a change is approved or rejected").into()),
    };
    let none = |_| Problem::new(NO_SUCH_CHANGE, format!("`{digest}` is not a digest"));
    let digest: Digest = digest.parse().map_err(none)?;
    let missing = || Problem::new(BAD_REQUEST, "say why: `Reason` is empty");
    let reason = form.reason()?.ok_or_else(missing)?;
    let deciding = visitor.deciding(Some(reason));
    let changed = state.engine.decide_change(digest, approve, deciding).await;
    changed.map_err(Problem::from)?;
    Ok(decided("/desk/environment"))
}
