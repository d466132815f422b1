//! What pages are made of: states, times, links, values, tables without rows.

mod pointer;
mod value;

pub(super) use value::{json, pretty, value};

use crate::state::ApiState;
use dowel_core::code::Code;
use dowel_core::{FlowName, RunId, StepError, Timestamp};
use dowel_flow::validate::Violation;
use form_urlencoded::Serializer;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

/// Digits of a commit that people read.
const COMMIT_DIGITS: usize = 12;

/// What is escaped in a segment of a path; names and ids stay readable.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What is escaped in the name of a place on a page.
const FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'%');

/// A path under `/desk` made of segments.
pub(super) fn path<S: AsRef<str>>(segments: &[S]) -> String {
    let mut out = "/desk".to_owned();
    for segment in segments {
        out.push('/');
        out.extend(utf8_percent_encode(segment.as_ref(), SEGMENT));
    }
    out
}

/// A place on the same page.
pub(super) fn fragment(name: &str) -> String {
    format!("#{}", utf8_percent_encode(name, FRAGMENT))
}

/// An address with those of the parameters that are not empty.
pub(super) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    let query = Serializer::new(String::new()).extend_pairs(given).finish();
    match query.as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A link to a run.
pub(super) fn run(id: RunId) -> Markup {
    let id = id.to_string();
    html! { a .id href=(path(&["runs", &id])) data-open { (id) } }
}

/// A link to a run in a list: the beginning of the id tells the time, the end the run.
pub(super) fn run_short(id: RunId) -> Markup {
    let id = id.to_string();
    let (begin, end) = (id.get(..8).unwrap_or(&id), id.get(26..).unwrap_or_default());
    html! {
        a .id .nowrap href=(path(&["runs", &id])) title=(id) data-open { (begin) "…" (end) }
    }
}

/// A link to a flow.
pub(super) fn flow(name: &FlowName) -> Markup {
    html! { a href=(path(&["flows", name.as_str()])) { (name) } }
}

/// A commit, with a link to its page where the host knows one.
pub(super) fn commit(state: &ApiState, commit: Option<&str>) -> Markup {
    let Some(commit) = commit else {
        return html! { span .soft { "not from git" } };
    };
    let short = commit.get(..COMMIT_DIGITS).unwrap_or(commit);
    match &state.options.links.commit {
        Some(link) => html! {
            a .id title=(commit) href=(elsewhere(link, "{commit}", commit)) { (short) }
        },
        None => html! { span .id title=(commit) { (short) } },
    }
}

/// A trace, with a link to its page where the host knows one.
pub(super) fn trace(state: &ApiState, trace: &str) -> Markup {
    match &state.options.links.trace {
        Some(link) => html! { a .id href=(elsewhere(link, "{trace}", trace)) { (trace) } },
        None => html! { span .id { (trace) } },
    }
}

/// An address of the host file with something in its place.
fn elsewhere(link: &str, place: &str, name: &str) -> String {
    link.replace(place, &utf8_percent_encode(name, SEGMENT).to_string())
}

/// A code, with a link to what it means where it is one of the host's.
pub(super) fn code(code: &str) -> Markup {
    let known = code.parse::<Code>().ok().and_then(Code::entry);
    match known {
        Some(entry) => html! {
            a .id .nowrap href=(path(&["codes", code])) title=(entry.title) { (code) }
        },
        None => html! { span .id { (code) } },
    }
}

/// The class of a state.
fn class(state: &str) -> &'static str {
    match state {
        "succeeded" | "done" | "closed" | "enabled" | "confirmed" => "good",
        "succeeded_with_failures"
        | "compensated"
        | "compensating"
        | "paused"
        | "proposed"
        | "half_open"
        | "overdue"
        | "quarantined" => "warn",
        "failed" | "parked" | "open" | "disabled" | "compensation-failed" | "loop-item" => "bad",
        "running" | "pending" | "waiting" => "info",
        _ => "",
    }
}

/// A state, in a word and a colour.
pub(super) fn badge(state: &str) -> Markup {
    html! { span .badge .(class(state)) { (state.replace(['_', '-'], " ")) } }
}

/// The time since, or until, in one unit.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let is_past = at <= now;
    let span = if is_past {
        now.since(at)
    } else {
        at.since(now)
    };
    let seconds = span.as_secs();
    let text = match seconds {
        0 => return "now".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    };
    if is_past {
        format!("{text} ago")
    } else {
        format!("in {text}")
    }
}

/// A point in time beside now; the exact one is told by pointing at it.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! { time .nowrap datetime=(at) title=(exact(at)) { (ago(at, now)) } }
}

/// A point in time to the second, in UTC.
pub(super) fn exact(at: Timestamp) -> String {
    let text = at.to_string();
    let day = text.get(..10).unwrap_or(&text);
    let clock = text.get(11..19).unwrap_or_default();
    format!("{day} {clock} UTC")
}

/// The same as an element.
pub(super) fn exact_time(at: Timestamp) -> Markup {
    html! { time .nowrap datetime=(at) { (exact(at)) } }
}

/// A time span in two units at most.
pub(super) fn span(span: Duration) -> String {
    let (millis, seconds) = (span.as_millis(), span.as_secs());
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", seconds, span.subsec_millis() / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A number with thin gaps between its thousands.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Why something failed, with what can be done about it.
pub(super) fn error(error: &StepError) -> Markup {
    let entry = error.code.parse::<Code>().ok().and_then(Code::entry);
    html! {
        div .note .bad {
            strong { (error.message) }
            p .small {
                (error.kind) " · " (code(&error.code))
                @if let Some(place) = &error.place { " · at " span .id { (place) } }
            }
            @if let Some(entry) = entry { p .small { (entry.fix) } }
            @if let Some(details) = &error.details { (value("Details from the connector", details)) }
        }
    }
}

/// Places that break a schema.
pub(super) fn violations(violations: &[Violation]) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="What breaks the schema" {
            table {
                thead { tr { th scope="col" { "JSON pointer" } th scope="col" { "What is wrong" } } }
                tbody {
                    @for violation in violations {
                        tr {
                            td { code { @if violation.pointer.is_empty() { "(the whole value)" } @else { (violation.pointer) } } }
                            td { (violation.message) }
                        }
                    }
                }
            }
        }
    }
}

/// The same with the lines of a text in which they are.
pub(super) fn violations_in(violations: &[Violation], text: &str) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="What breaks the schema" {
            table {
                thead { tr { th .num scope="col" { "Line" } th scope="col" { "JSON pointer" } th scope="col" { "What is wrong" } } }
                tbody {
                    @for violation in violations {
                        tr {
                            td .num { @if let Some(line) = pointer::line(text, &violation.pointer) { (line) } }
                            td { code { @if violation.pointer.is_empty() { "(the whole value)" } @else { (violation.pointer) } } }
                            td { (violation.message) }
                        }
                    }
                }
            }
        }
    }
}

/// What stands in the place of a list without entries.
pub(super) fn empty(title: &str, text: &Markup) -> Markup {
    html! { div .empty { strong { (title) } (text) } }
}

/// A list that scrolls sideways by itself where it is too wide.
pub(super) fn scroll(label: &str, table: &Markup) -> Markup {
    html! { div .scroll tabindex="0" role="group" aria-label=(label) { (table) } }
}

/// The way on in a list.
pub(super) fn pager(next: Option<&str>, first: Option<&str>) -> Markup {
    html! {
        @if next.is_some() || first.is_some() {
            nav .row aria-label="Pages of the list" {
                @if let Some(first) = first { a .button href=(first) { "Newest" } }
                @if let Some(next) = next { a .button rel="next" href=(next) { "Older " span aria-hidden="true" { "→" } } }
            }
        }
    }
}

/// The choices of a filter.
pub(super) fn select<'a>(
    name: &str,
    label: &str,
    chosen: &str,
    options: impl IntoIterator<Item = (&'a str, String)>,
) -> Markup {
    html! {
        label {
            (label)
            select name=(name) {
                option value="" { "All" }
                @for (value, text) in options {
                    option value=(value) selected[value == chosen] { (text) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_short() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let before = |seconds: u64| Timestamp::from_millis(1_800_000_000_000 - seconds * 1_000);
        assert_eq!(ago(before(59), now), "59 s ago");
        assert_eq!(ago(before(7_300), now), "2 h ago");
        assert_eq!(ago(now.plus(Duration::from_secs(200_000)), now), "in 2 d");
        assert_eq!(span(Duration::from_millis(7)), "7 ms");
        assert_eq!(span(Duration::from_millis(1_280)), "1.2 s");
        assert_eq!(span(Duration::from_secs(3_725)), "1 h 2 min");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number(999), "999");
        assert_eq!(exact(now), "2027-01-15 08:00:00 UTC");
    }

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(
            path(&["approvals", "a", "items[3].b"]),
            "/desk/approvals/a/items%5B3%5D.b"
        );
        assert_eq!(
            with_query("/desk/runs", &[("flow", "a&b"), ("status", "")]),
            "/desk/runs?flow=a%26b"
        );
        assert_eq!(with_query("/desk/runs", &[]), "/desk/runs");
    }

    #[test]
    fn what_comes_from_outside_is_text() {
        let markup = code("<script>alert(1)</script>").into_string();
        assert!(!markup.contains("<script>"), "{markup}");
    }
}
