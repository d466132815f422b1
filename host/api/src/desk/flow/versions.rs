//! What a version has changed: how it did beside the one before it, and what was promised.

use crate::desk::html;
use dowel_core::Timestamp;
use dowel_engine::FlowStatus;
use dowel_engine::kpi::{Kpi, Mark, Span, VersionKpi};
use maud::{Markup, html};
use semver::Version;
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs below which two versions are not compared: a share of few runs says nothing.
const FEW: u64 = 20;

/// A version that became active, in a chart.
pub(super) struct Marker {
    /// Where, in per cent of the width.
    pub(super) place: f64,
    /// Which.
    pub(super) version: String,
    /// When.
    pub(super) at: Timestamp,
}

/// The changes inside the window.
pub(super) fn markers(marks: &[Mark], kpi: &Kpi, span: Span) -> Vec<Marker> {
    let (Some(first), Some(last)) = (kpi.slices.first(), kpi.slices.last()) else {
        return Vec::new();
    };
    let (from, to) = (first.from, last.from.plus(span.slice()));
    let whole = to.since(from).as_secs_f64().max(1.0);
    let inside = marks.iter();
    let inside = inside.filter(|mark| from <= mark.at && mark.at < to);
    inside
        .map(|mark| Marker {
            place: mark.at.since(from).as_secs_f64() * 100.0 / whole,
            version: mark.version.to_string(),
            at: mark.at,
        })
        .collect()
}

/// The comparison, where there is something to compare.
pub(super) fn section(
    flow: &FlowStatus,
    versions: &BTreeMap<Version, VersionKpi>,
    marks: &[Mark],
) -> Markup {
    let Some((before, mark)) = latest_change(flow, versions, marks) else {
        return html! { div data-part="impact" {} };
    };
    let (old, new) = (&versions[&before], versions.get(&mark.version));
    let none = VersionKpi::default();
    let new = new.unwrap_or(&none);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "What" } th .num scope="col" { "Promised" }
                th .num scope="col" { "Before, " (before) } th .num scope="col" { "Since, " (mark.version) }
                th scope="col" { "Impact" }
            } }
            tbody { @for row in rows(flow, old, new) { (row) } }
        }
    };
    html! {
        section .panel .flush aria-labelledby="impact" data-part="impact" {
            div .bar {
                h2 #impact { "What version " (mark.version) " has changed" }
                span .soft .small { "active since " (html::exact_time(mark.at)) }
            }
            (html::scroll("What the version has changed", &table))
            @if old.ended().min(new.ended()) < FEW {
                p .small .soft { "One of the versions has ended fewer than " (FEW) " runs: wait before you judge." }
            } @else {
                p .small .soft { "Runs count for the version that they ended on. Retries, exceptions and touches are counted since the host began to work." }
            }
        }
    }
}

/// The activation of the active version, and the version before it that has ended runs.
fn latest_change<'m>(
    flow: &FlowStatus,
    versions: &BTreeMap<Version, VersionKpi>,
    marks: &'m [Mark],
) -> Option<(Version, &'m Mark)> {
    let mark = marks.last().filter(|mark| mark.version == flow.version)?;
    let ran = versions.iter().filter(|(_, kpi)| kpi.ended() > 0);
    let others = ran.filter(|(version, _)| **version != flow.version);
    // The one that ended runs last was active before.
    let (before, _) = others.max_by_key(|(_, kpi)| kpi.to)?;
    Some((before.clone(), mark))
}

/// Whether more of something is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

/// A difference that is none: too small to be seen in the numbers that are shown.
const SAME: f64 = 0.02;

/// What became of a number, in a word and a colour.
fn impact(old: Option<f64>, new: Option<f64>, better: Better) -> Markup {
    let (Some(old), Some(new)) = (old, new) else {
        return html! { span .soft { "not known yet" } };
    };
    let difference = new - old;
    if difference.abs() <= SAME * old.abs().max(new.abs()) {
        return html! { span .soft { "the same" } };
    }
    let is_better = (difference > 0.0) == (better == Better::More);
    let (class, word) = match is_better {
        true => ("good", "better"),
        false => ("bad", "worse"),
    };
    html! { span .badge .(class) { (word) } }
}

fn rows(flow: &FlowStatus, old: &VersionKpi, new: &VersionKpi) -> Vec<Markup> {
    let share = |kpi: &VersionKpi| per_run(kpi, kpi.succeeded).map(|share| share * 100.0);
    let seconds = |kpi: &VersionKpi, q| kpi.latency.quantile(q).map(|time| time.as_secs_f64());
    let success = flow.sla.as_ref().and_then(|sla| sla.success);
    let within = flow.sla.as_ref().and_then(|sla| sla.within);
    let percent = |value: f64| format!("{value:.1} %");
    let time = |value: f64| html::span(Duration::from_secs_f64(value.max(0.0)));
    let plain = |value: f64| format!("{value:.2}");
    vec![
        row(
            "runs ended",
            None,
            [Some(old.ended() as f64), Some(new.ended() as f64)],
            &|v| format!("{v:.0}"),
            None,
        ),
        row(
            "succeeded",
            success.map(|share| share.to_string()),
            [share(old), share(new)],
            &percent,
            Some(Better::More),
        ),
        row(
            "median time",
            None,
            [seconds(old, 0.5), seconds(new, 0.5)],
            &time,
            Some(Better::Less),
        ),
        row(
            "95 % within",
            within.map(html::span),
            [seconds(old, 0.95), seconds(new, 0.95)],
            &time,
            Some(Better::Less),
        ),
        row(
            "retries per run",
            None,
            [per_run(old, old.retries), per_run(new, new.retries)],
            &plain,
            Some(Better::Less),
        ),
        row(
            "exceptions per run",
            None,
            [per_run(old, old.exceptions), per_run(new, new.exceptions)],
            &plain,
            Some(Better::Less),
        ),
        row(
            "touches by people per run",
            None,
            [per_run(old, old.touches), per_run(new, new.touches)],
            &plain,
            Some(Better::Less),
        ),
    ]
}

fn per_run(kpi: &VersionKpi, count: u64) -> Option<f64> {
    (kpi.ended() > 0).then(|| count as f64 / kpi.ended() as f64)
}

fn row(
    name: &str,
    promised: Option<String>,
    [old, new]: [Option<f64>; 2],
    unit: &dyn Fn(f64) -> String,
    better: Option<Better>,
) -> Markup {
    let shown = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), unit);
    html! {
        tr {
            th scope="row" { (name) }
            td .num { (promised.unwrap_or_default()) }
            td .num { (shown(old)) }
            td .num { (shown(new)) }
            td { @if let Some(better) = better { (impact(old, new, better)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impact_is_judged_by_its_direction() {
        let text = |old, new, better| impact(old, new, better).into_string();
        assert!(text(Some(90.0), Some(99.0), Better::More).contains("better"));
        assert!(text(Some(90.0), Some(99.0), Better::Less).contains("worse"));
        assert!(text(Some(90.0), Some(90.5), Better::More).contains("the same"));
        assert!(text(Some(0.0), Some(0.0), Better::Less).contains("the same"));
        assert!(text(None, Some(1.0), Better::More).contains("not known"));
    }

    #[test]
    fn marks_are_placed_where_they_are() {
        let at = |hours: u64| Timestamp::from_millis(1_800_000_000_000 + hours * 3_600_000);
        let slice = |from| dowel_engine::kpi::Slice {
            from,
            ..Default::default()
        };
        let slices = (0..48).map(|half| slice(at(0).plus(Duration::from_secs(half * 1_800))));
        let kpi = Kpi {
            slices: slices.collect(),
        };
        let mark = |at, version: &str| Mark {
            at,
            version: version.parse().unwrap(),
        };
        let marks = [mark(at(12), "1.1.0"), mark(at(30), "1.2.0")];
        let found = markers(&marks, &kpi, Span::Day);
        assert_eq!(found.len(), 1, "the other is outside");
        assert!((found[0].place - 50.0).abs() < 0.01, "{}", found[0].place);
        assert_eq!(found[0].version, "1.1.0");
    }
}
