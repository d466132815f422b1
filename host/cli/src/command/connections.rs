//! `dowel connection list`.

use crate::args::{Format, Host};
use crate::listing;
use anyhow::Result;
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn list(host: &Host, format: Format) -> Result<ExitCode> {
    listing::print(host, "/api/v1/connections", "connections", format, table).await
}

/// One line per connection.
fn table(page: &Value) -> String {
    let connections = page["connections"].as_array();
    let connections = connections.map(Vec::as_slice).unwrap_or_default();
    if connections.is_empty() {
        return "no connections".to_owned();
    }
    let mut text = format!(
        "{:<20}  {:<9}  {:<9}  {:>7}  {:<12}  {}\n",
        "CONNECTION", "BREAKER", "CALLS", "WAITING", "RATE", "UNTIL"
    );
    for one in connections {
        let field = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let calls = format!("{}/{}", one["in_flight"], one["concurrency"]);
        let until = [&one["open_until"], &one["paused_until"]];
        let until = until.iter().find_map(|at| at.as_str()).unwrap_or("-");
        let _ = writeln!(
            text,
            "{:<20}  {:<9}  {calls:<9}  {:>7}  {:<12}  {until}",
            field("connection"),
            field("breaker"),
            one["waiting"].to_string(),
            field("rate"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_connection() {
        let page = serde_json::json!({ "connections": [
            { "connection": "crm", "in_flight": 0, "concurrency": 8, "waiting": 120, "rate": "10/s",
              "breaker": "open", "open_until": "2026-03-01T09:01:00.000Z", "paused_until": null },
            { "connection": "erp", "in_flight": 2, "concurrency": 16, "waiting": 0 },
        ] });
        expect_test::expect![[r"
            CONNECTION            BREAKER    CALLS      WAITING  RATE          UNTIL
            crm                   open       0/8            120  10/s          2026-03-01T09:01:00.000Z
            erp                   -          2/16             0  -             -
        "]]
        .assert_eq(&table(&page));
        assert_eq!(table(&serde_json::json!({})), "no connections");
    }
}
