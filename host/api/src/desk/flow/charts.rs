//! How a flow did: charts, and the same numbers as a table behind each.

use super::versions::Marker;
use crate::desk::html;
use dowel_engine::FlowStatus;
use dowel_engine::kpi::{Kpi, Slice, Span};
use maud::{Markup, html};
use std::time::Duration;

/// The time that the charts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Day,
    Month,
}

impl Window {
    pub(super) fn read(text: &str) -> Self {
        if text == "30d" {
            Self::Month
        } else {
            Self::Day
        }
    }

    pub(super) const fn span(self) -> Span {
        match self {
            Self::Day => Span::Day,
            Self::Month => Span::Month,
        }
    }
}

/// The numbers of the whole window.
struct Sums {
    ended: u64,
    succeeded: u64,
    exceptions: u64,
    retries: u64,
    touches: u64,
}

pub(super) fn section(flow: &FlowStatus, window: Window, kpi: &Kpi, markers: &[Marker]) -> Markup {
    let sum = |of: fn(&Slice) -> u64| kpi.slices.iter().map(of).sum::<u64>();
    let sums = Sums {
        ended: sum(Slice::ended),
        succeeded: sum(|slice| slice.succeeded),
        exceptions: sum(|slice| slice.exceptions),
        retries: sum(|slice| slice.retries),
        touches: sum(|slice| slice.touches),
    };
    html! {
        section .stack aria-labelledby="kpi" {
            div .bar {
                h2 #kpi { "How it did" }
                div .row {
                    a .button href="?window=24h" aria-current=[(window == Window::Day).then_some("true")] { "24 hours" }
                    a .button href="?window=30d" aria-current=[(window == Window::Month).then_some("true")] { "30 days" }
                }
            }
            div data-part="kpi" .stack {
                (stats(flow, kpi, &sums))
                @if sums.ended + sums.exceptions == 0 {
                    div .panel { (html::empty("No run has ended in this time", &html! { p { "Charts of throughput, latency, retries and exceptions are drawn here from the runs that the host keeps." } })) }
                } @else {
                    @let time = Time { kpi, markers };
                    div .grid .wide { (throughput(&time)) (latency(&time)) (trouble(&time)) }
                    @if !markers.is_empty() {
                        p .small .soft {
                            "The upright lines: "
                            @for (at, marker) in markers.iter().enumerate() {
                                @if at > 0 { ", " }
                                "version " (marker.version) " active since " (html::exact_time(marker.at))
                            }
                            "."
                        }
                    }
                    (behind(kpi))
                }
            }
        }
    }
}

fn stats(flow: &FlowStatus, kpi: &Kpi, sums: &Sums) -> Markup {
    let share = |part: u64, whole: u64| match whole {
        0 => "—".to_owned(),
        whole => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
    };
    let quantile = |q| kpi.latency().quantile(q).map_or("—".to_owned(), html::span);
    let per_run = match sums.ended {
        0 => "—".to_owned(),
        ended => format!("{:.2}", sums.retries as f64 / ended as f64),
    };
    let promised = flow.sla.as_ref().and_then(|sla| sla.success);
    html! {
        div .stats {
            div .stat { b { (html::number(sums.ended)) } span { "runs ended" } }
            div .stat {
                b { (share(sums.succeeded, sums.ended)) }
                span { "succeeded" @if let Some(promised) = promised { ", promised " (promised) } }
            }
            div .stat { b { (quantile(0.5)) } span { "median time" } }
            div .stat { b { (quantile(0.95)) } span { "95 % within" } }
            div .stat { b { (per_run) } span { "retries per run" } }
            div .stat .bad[sums.exceptions > 0] { b { (html::number(sums.exceptions)) } span { "exceptions opened" } }
            div .stat { b { (html::number(sums.touches)) } span { "touches by people" } }
        }
    }
}

/// What all charts share.
struct Time<'a> {
    kpi: &'a Kpi,
    markers: &'a [Marker],
}

/// A series of a chart: its name, its colour, its numbers.
type Series<'a> = (&'a str, &'a str, Vec<f64>);

fn throughput(time: &Time<'_>) -> Markup {
    let kpi = time.kpi;
    let of = |number: fn(&Slice) -> u64| {
        kpi.slices
            .iter()
            .map(|slice| number(slice) as f64)
            .collect()
    };
    let series = [
        ("succeeded", "series-a", of(|slice| slice.succeeded)),
        ("ended otherwise", "series-c", of(|slice| slice.failed)),
    ];
    chart(
        "Runs ended",
        time,
        &bars(&series),
        top_of_stack(&series),
        count,
        &series,
    )
}

fn latency(time: &Time<'_>) -> Markup {
    let kpi = time.kpi;
    let of = |q: f64| {
        let slices = kpi.slices.iter();
        slices
            .map(|slice| {
                slice
                    .latency
                    .quantile(q)
                    .map_or(f64::NAN, |time| time.as_secs_f64())
            })
            .collect()
    };
    let series = [
        ("median", "series-a", of(0.5)),
        ("95 %", "series-b", of(0.95)),
        ("99 %", "series-c", of(0.99)),
    ];
    let top = top(&series);
    chart(
        "Time from acceptance to end",
        time,
        &lines(&series, top),
        top,
        seconds,
        &series,
    )
}

fn trouble(time: &Time<'_>) -> Markup {
    let kpi = time.kpi;
    let of = |number: fn(&Slice) -> u64| {
        kpi.slices
            .iter()
            .map(|slice| number(slice) as f64)
            .collect()
    };
    let series = [
        ("retries", "series-b", of(|slice| slice.retries)),
        (
            "exceptions opened",
            "series-c",
            of(|slice| slice.exceptions),
        ),
        ("touches", "series-a", of(|slice| slice.touches)),
    ];
    chart(
        "Retries, exceptions, touches by people",
        time,
        &bars(&series),
        top_of_stack(&series),
        count,
        &series,
    )
}

fn count(value: f64) -> String {
    format!("{value:.0}")
}

fn seconds(value: f64) -> String {
    html::span(Duration::from_secs_f64(value.max(0.0)))
}

fn top(series: &[Series<'_>]) -> f64 {
    let all = series.iter().flat_map(|(_, _, values)| values);
    all.copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max)
}

fn top_of_stack(series: &[Series<'_>]) -> f64 {
    let length = series
        .iter()
        .map(|(_, _, values)| values.len())
        .max()
        .unwrap_or_default();
    let sum = |at: usize| {
        series
            .iter()
            .filter_map(|(_, _, values)| values.get(at))
            .sum::<f64>()
    };
    (0..length).map(sum).fold(0.0, f64::max)
}

/// The series on top of each other.
fn bars(series: &[Series<'_>]) -> Markup {
    let top = top_of_stack(series).max(1.0);
    let length = series
        .first()
        .map_or(0, |(_, _, values)| values.len())
        .max(1);
    let width = 100.0 / length as f64;
    html! {
        @for at in 0..length {
            @for (index, (_, class, values)) in series.iter().enumerate() {
                @let value = values.get(at).copied().unwrap_or_default();
                @let under: f64 = series[..index].iter().filter_map(|(_, _, values)| values.get(at)).sum();
                @if value > 0.0 {
                    rect .(class) x=(format!("{:.3}%", at as f64 * width + width * 0.1)) width=(format!("{:.3}%", width * 0.8))
                        y=(format!("{:.3}%", 100.0 - (under + value) / top * 100.0)) height=(format!("{:.3}%", value / top * 100.0)) {}
                }
            }
        }
    }
}

/// A line for each series; it is broken where nothing is known.
fn lines(series: &[Series<'_>], top: f64) -> Markup {
    html! {
        svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%" {
            @for (_, class, values) in series {
                @for points in runs_of_points(values, top.max(f64::MIN_POSITIVE)) { polyline .(class) points=(points) {} }
            }
        }
    }
}

fn runs_of_points(values: &[f64], top: f64) -> Vec<String> {
    let width = 100.0 / values.len().max(1) as f64;
    let mut all: Vec<String> = Vec::new();
    let mut is_open = false;
    for (at, value) in values.iter().enumerate() {
        if !value.is_finite() {
            is_open = false;
            continue;
        }
        let y = 100.0 - value / top * 100.0;
        // A point by itself is a line as wide as its slice.
        let (left, right) = (at as f64 * width, (at + 1) as f64 * width);
        let points = format!("{left:.2},{y:.2} {right:.2},{y:.2}");
        match all.last_mut().filter(|_| is_open) {
            Some(line) => {
                line.push(' ');
                line.push_str(&points);
            }
            None => all.push(points),
        }
        is_open = true;
    }
    all
}

fn chart(
    title: &str,
    time: &Time<'_>,
    drawn: &Markup,
    top: f64,
    unit: fn(f64) -> String,
    series: &[Series<'_>],
) -> Markup {
    let edge = |slice: Option<&Slice>| slice.map(|slice| html::exact(slice.from));
    let (first, last) = (edge(time.kpi.slices.first()), edge(time.kpi.slices.last()));
    html! {
        figure .panel {
            figcaption { h3 { (title) } }
            div .chart aria-hidden="true" {
                div .ys { span { (unit(top)) } span { (unit(0.0)) } }
                svg {
                    (drawn)
                    @for marker in time.markers {
                        @let x = format!("{:.2}%", marker.place);
                        line .mark x1=(x) x2=(x) y1="0" y2="100%" {}
                    }
                }
                div .xs { span { (first.unwrap_or_default()) } span { (last.unwrap_or_default()) } }
            }
            div .key {
                @for (name, class, _) in series {
                    span { svg .(class) aria-hidden="true" { rect width="100%" height="100%" rx="2" {} } (name) }
                }
            }
        }
    }
}

/// The numbers of the charts, the newest first; slices in which nothing happened are left
/// out.
fn behind(kpi: &Kpi) -> Markup {
    let slices = kpi.slices.iter().rev().filter(|slice| !slice.is_empty());
    let quantile = |slice: &Slice, q| slice.latency.quantile(q).map(html::span);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "From" } th .num scope="col" { "Succeeded" } th .num scope="col" { "Otherwise" }
                th .num scope="col" { "Median" } th .num scope="col" { "95 %" } th .num scope="col" { "99 %" }
                th .num scope="col" { "Retries" } th .num scope="col" { "Exceptions" } th .num scope="col" { "Touches" }
            } }
            tbody {
                @for slice in slices {
                    tr {
                        td { (html::exact_time(slice.from)) }
                        td .num { (html::number(slice.succeeded)) } td .num { (html::number(slice.failed)) }
                        td .num { @if let Some(text) = quantile(slice, 0.5) { (text) } }
                        td .num { @if let Some(text) = quantile(slice, 0.95) { (text) } }
                        td .num { @if let Some(text) = quantile(slice, 0.99) { (text) } }
                        td .num { (html::number(slice.retries)) } td .num { (html::number(slice.exceptions)) }
                        td .num { (html::number(slice.touches)) }
                    }
                }
            }
        }
    };
    html! {
        details #numbers .panel {
            summary { "The numbers behind the charts" }
            (html::scroll("The numbers behind the charts", &table))
            p .small .soft { "Runs and times come from the finished runs that the host keeps. Retries, exceptions and touches are counted since the host began to work." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_nothing_is_known() {
        let points = runs_of_points(&[1.0, f64::NAN, 2.0, 2.0], 2.0);
        assert_eq!(
            points,
            [
                "0.00,50.00 25.00,50.00",
                "50.00,0.00 75.00,0.00 75.00,0.00 100.00,0.00"
            ]
        );
        assert!(runs_of_points(&[], 1.0).is_empty());
    }

    #[test]
    fn stacks_are_as_high_as_their_sum() {
        let series = [("a", "", vec![1.0, 5.0]), ("b", "", vec![2.0, 0.0])];
        assert!((top_of_stack(&series) - 5.0).abs() < f64::EPSILON);
        assert!((top(&series) - 5.0).abs() < f64::EPSILON);
    }
}
