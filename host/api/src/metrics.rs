//! `/metrics`: in the OpenMetrics text format, version 1.0.0, for who asks for it, and in
//! the older text format of Prometheus, version 0.0.4, for everybody else.

use crate::state::ApiState;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

const OPEN_METRICS: &str = "application/openmetrics-text";

const OPEN_METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PLAIN_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) async fn metrics(
    State(state): State<Arc<ApiState>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    if let Err(error) = state.engine.refresh_metrics().await {
        // What does not come from the store is told all the same.
        tracing::warn!(%error, code = %error.code(), "some metrics are not up to date");
    }
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &state.registry).is_err() {
        let kind = [(header::CONTENT_TYPE, "text/plain")];
        return (StatusCode::INTERNAL_SERVER_ERROR, kind, String::new());
    }
    let accepted = headers.get(header::ACCEPT);
    let accepted = accepted.and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|value| value.contains(OPEN_METRICS)) {
        (
            StatusCode::OK,
            [(header::CONTENT_TYPE, OPEN_METRICS_TYPE)],
            text,
        )
    } else {
        let kind = [(header::CONTENT_TYPE, PLAIN_TYPE)];
        (StatusCode::OK, kind, plain(&text))
    }
}

/// The same in the older format: there a counter's own name ends in `_total`, and nothing
/// says that the text has ended.
fn plain(text: &str) -> String {
    let counters: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF") {
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|word| {
            let (name, rest) = line.strip_prefix(word)?.split_once(' ')?;
            counters.contains(name).then_some((word, name, rest))
        });
        // Writing to a string does not fail.
        let _ = match described {
            Some((word, name, rest)) => writeln!(out, "{word}{name}_total {rest}"),
            None => writeln!(out, "{}", without_example(line)),
        };
    }
    out
}

/// A sample without the exemplar behind it, which the older format does not have. A label's
/// value may hold the mark as well: an exemplar is behind the last one.
fn without_example(line: &str) -> &str {
    let is_sample = !line.starts_with('#');
    match line.rsplit_once(" # {") {
        Some((sample, rest)) if is_sample && rest.contains("} ") && !in_label(sample) => sample,
        _ => line,
    }
}

/// Whether a text ends inside of a label's value.
fn in_label(sample: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    for letter in sample.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_older_format_has_no_exemplars() {
        let text = "t_bucket{le=\"1.0\",f=\"a # {b} c\"} 17 # {trace_id=\"4bf9\",run=\"r\"} 0.5\n\
                    t_bucket{le=\"2.0\",f=\"a # {b} c\"} 18\n# HELP a # {x} y\n";
        let expected = "t_bucket{le=\"1.0\",f=\"a # {b} c\"} 17\n\
                        t_bucket{le=\"2.0\",f=\"a # {b} c\"} 18\n# HELP a # {x} y\n";
        assert_eq!(plain(text), expected);
    }

    #[test]
    fn the_older_format_names_counters_in_full() {
        let text = "# HELP a_runs Runs.\n# TYPE a_runs counter\na_runs_total{f=\"x\"} 1\n\
                    # HELP b Things.\n# TYPE b gauge\nb 2\n# EOF\n";
        let expected = "# HELP a_runs_total Runs.\n# TYPE a_runs_total counter\n\
                        a_runs_total{f=\"x\"} 1\n# HELP b Things.\n# TYPE b gauge\nb 2\n";
        assert_eq!(plain(text), expected);
    }
}
