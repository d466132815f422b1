//! `dowel schedules list`.

use crate::args::{Format, Host};
use crate::listing;
use anyhow::Result;
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn list(host: &Host, format: Format) -> Result<ExitCode> {
    listing::print(host, "/api/v1/schedules", "schedules", format, table).await
}

/// One line per schedule.
fn table(page: &Value) -> String {
    let all = page["schedules"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "no schedules".to_owned();
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut out = format!(
        "{:<24}  {:<24}  {:<7}  {:<32}  {}\n",
        "NEXT", "LAST", "WAITING", "WHEN", "FLOW"
    );
    for one in all {
        let when = match one["every"].as_str() {
            Some(every) => format!("every {every}"),
            None => format!("{} {}", text(&one["cron"]), text(&one["timezone"])),
        };
        let waiting = one["waiting"].as_array().map_or(0, Vec::len);
        let flow = format!("{}@{}", text(&one["flow"]), text(&one["version"]));
        let _ = writeln!(
            out,
            "{:<24}  {:<24}  {waiting:<7}  {when:<32}  {flow} {}",
            text(&one["next"]),
            text(&one["last"]["scheduled_at"]),
            text(&one["trigger"]),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;
    use serde_json::json;

    #[test]
    fn a_line_says_when_and_what() {
        let page = json!({ "schedules": [{
            "flow": "nightly-sync", "version": "1.0.0", "trigger": "schedule",
            "cron": "30 2 * * *", "timezone": "Europe/Berlin", "every": null,
            "next": "2026-03-02T01:30:00.000Z", "last": null, "waiting": ["x"],
        }] });
        let shown = table(&page);
        let line = shown.lines().nth(1).unwrap();
        for part in [
            "2026-03-02T01:30:00.000Z",
            "30 2 * * * Europe/Berlin",
            "nightly-sync@1.0.0",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(table(&json!({ "schedules": [] })), "no schedules");
    }
}
