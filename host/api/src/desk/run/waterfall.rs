//! When the steps of a run and their attempts were at work, as bars. The list of steps
//! under it says the same in words.

use crate::desk::html;
use dowel_core::Timestamp;
use dowel_engine::story::{StepStory, Story};
use maud::{Markup, html};
use std::time::Duration;

/// Steps that are drawn; the list has them all.
const MAX_ROWS: usize = 100;

/// The narrowest bar, in percent: a step of a millisecond in a run of a day is still seen.
const MIN_WIDTH: f64 = 0.35;

/// Lines for the time.
const TICKS: u32 = 4;

/// From the beginning of the run to its end.
#[derive(Clone, Copy)]
struct Scale {
    from: Timestamp,
    span: f64,
    /// Where what has not ended ends for now.
    until: Timestamp,
}

impl Scale {
    fn percent(self, at: Timestamp) -> f64 {
        (at.since(self.from).as_secs_f64() / self.span * 100.0).clamp(0.0, 100.0)
    }

    /// Left edge and width.
    fn bar(self, from: Timestamp, until: Option<Timestamp>) -> (f64, f64) {
        let left = self.percent(from).min(100.0 - MIN_WIDTH);
        let right = self.percent(until.unwrap_or(self.until));
        (left, (right - left).max(MIN_WIDTH))
    }
}

pub(super) fn figure(story: &Story, now: Timestamp) -> Markup {
    if story.steps.is_empty() {
        return html! { p .soft { "No step has begun." } };
    }
    let until = story.ended_at.unwrap_or(now);
    let scale = Scale {
        from: story.created_at,
        span: until.since(story.created_at).as_secs_f64().max(0.001),
        until,
    };
    html! {
        div .fall {
            @for step in story.steps.iter().take(MAX_ROWS) { (row(step, scale)) }
            (axis(scale))
        }
        @if story.steps.len() > MAX_ROWS {
            p .small .soft { "The first " (MAX_ROWS) " of " (story.steps.len()) " steps; the list below has them all." }
        }
        (key())
    }
}

fn row(step: &StepStory, scale: Scale) -> Markup {
    let (x, width) = scale.bar(step.started_at, step.ended_at);
    let depth = step.path.as_str().matches('.').count().min(3);
    let indent = (depth > 0).then(|| format!("indent-{depth}"));
    let took = step.ended_at.unwrap_or(scale.until).since(step.started_at);
    html! {
        div {
            div .name class=[indent] { a href=(html::fragment(&super::steps::anchor(step))) { (step.path) } }
            div .line {
                svg aria-hidden="true" {
                    (rules())
                    rect .(whole(step)) x=(percent(x)) width=(percent(width)) y="30%" height="40%" rx="2" {}
                    @for attempt in &step.attempts {
                        @let (x, width) = scale.bar(attempt.started_at, attempt.ended_at);
                        @let class = if attempt.error.is_some() { "bar-bad" } else { "bar-run" };
                        rect .(class) x=(percent(x)) width=(percent(width)) y="15%" height="70%" rx="2" {}
                    }
                }
            }
            div .took { (html::span(took)) }
        }
    }
}

/// How the bar of a whole step looks, under the bars of its attempts.
fn whole(step: &StepStory) -> &'static str {
    match (step.status, step.attempts.is_empty()) {
        (_, false) | ("waiting", _) => "bar-wait",
        ("failed", true) => "bar-bad",
        ("skipped", true) => "bar-skip",
        _ if matches!(
            step.kind,
            "wait" | "approve" | "receive" | "for_each" | "parallel" | "try"
        ) =>
        {
            "bar-wait"
        }
        _ => "bar-run",
    }
}

fn percent(number: f64) -> String {
    format!("{number:.3}%")
}

fn rules() -> Markup {
    html! {
        @for tick in 0..=TICKS {
            @let x = percent(100.0 * f64::from(tick) / f64::from(TICKS));
            line .rule x1=(x) x2=(x) y1="0" y2="100%" {}
        }
    }
}

fn axis(scale: Scale) -> Markup {
    let at = |tick: u32| Duration::from_secs_f64(scale.span * f64::from(tick) / f64::from(TICKS));
    html! {
        div .axis {
            div .name {}
            div .line {
                svg aria-hidden="true" {
                    @for tick in 0..=TICKS {
                        @let anchor = match tick { 0 => "start", TICKS => "end", _ => "middle" };
                        text x=(percent(100.0 * f64::from(tick) / f64::from(TICKS))) y="80%" text-anchor=(anchor) { (html::span(at(tick))) }
                    }
                }
            }
            div .took {}
        }
    }
}

fn key() -> Markup {
    let entries = [
        ("bar-run", "at work"),
        ("bar-bad", "failed attempt"),
        ("bar-wait", "waiting, or between attempts"),
    ];
    html! {
        div .key aria-hidden="true" {
            @for (class, text) in entries {
                span { svg { rect .(class) width="100%" height="100%" rx="2" {} } (text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_inside_and_are_seen() {
        let at = |millis: u64| Timestamp::from_millis(1_000_000 + millis);
        let scale = Scale {
            from: at(0),
            span: 100.0,
            until: at(100_000),
        };
        assert_eq!(scale.bar(at(0), Some(at(50_000))), (0.0, 50.0));
        let (left, width) = scale.bar(at(100_000), None);
        assert!(
            left + width <= 100.0 + f64::EPSILON && width >= MIN_WIDTH,
            "{left} {width}"
        );
        let (_, width) = scale.bar(at(10), Some(at(11)));
        assert!((width - MIN_WIDTH).abs() < 0.01);
    }
}
