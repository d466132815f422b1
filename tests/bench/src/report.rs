//! The numbers, as JSON and as a table with targets.

use crate::machine::Machine;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Dowel's call on a pooled instance takes at most this many times Wasmtime's.
const POOLED_RATIO: f64 = 1.3;
/// The same with a fresh instance.
const FRESH_RATIO: f64 = 1.5;
/// A mapping in the sandbox takes at most this many times native jaq's time.
const MAPPING_RATIO: f64 = 2.5;
/// Durable orders reach at least this part of the bare client's rate, at 64 clients.
const BARE_RATIO: f64 = 0.35;
/// A thousand runs cost the host at most this many seconds of CPU, at 64 clients.
const CPU_SECONDS: f64 = 1.5;
/// The number of clients that the targets are for.
const TARGET_CLIENTS: &str = "c64";

/// Everything that was measured. What was left out with `--only` is absent.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connector_call: Option<ConnectorCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mapping: Option<MappingTime>,
    /// By number of clients: `c1`, `c16`, `c64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) orders: Option<BTreeMap<String, Orders>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_rss_mib: Option<f64>,
    /// From the start of the process to its line `ready`, with compiled components kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ready_ms: Option<f64>,
    /// The same when nothing was compiled before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_ready_ms: Option<f64>,
    pub(crate) machine: Machine,
}

/// One call of a trivial connector; times in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct ConnectorCall {
    pub(crate) pooled_ratio: f64,
    pub(crate) fresh_ratio: f64,
    pub(crate) pooled_us: f64,
    pub(crate) bare_pooled_us: f64,
    pub(crate) fresh_us: f64,
    pub(crate) bare_fresh_us: f64,
}

/// Three mappings of one document; times in microseconds for one mapping.
#[derive(Debug, Serialize)]
pub(crate) struct MappingTime {
    pub(crate) ratio: f64,
    pub(crate) sandbox_us: f64,
    pub(crate) native_us: f64,
    pub(crate) document_bytes: usize,
}

/// Orders at one number of clients.
#[derive(Debug, Serialize)]
pub(crate) struct Orders {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU of the host process, in seconds for a thousand runs.
    pub(crate) cpu_s_per_1000: f64,
    pub(crate) bare_ratio: f64,
    pub(crate) bare_per_second: f64,
    pub(crate) runs: u64,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            connector_call: None,
            mapping: None,
            orders: None,
            idle_rss_mib: None,
            ready_ms: None,
            first_ready_ms: None,
            machine,
        }
    }

    /// The report for people.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::default();
        self.add_calls(&mut table);
        for (clients, orders) in self.orders.iter().flatten() {
            add_orders(&mut table, clients, orders);
        }
        table.plain("idle memory", self.idle_rss_mib, "MiB");
        table.plain("time to ready", self.ready_ms, "ms");
        table.plain("time to ready, first start", self.first_ready_ms, "ms");
        let machine = &self.machine;
        // Writing to a String cannot fail.
        let _ = writeln!(
            table.text,
            "\n{} cores; load {} before, {} after; a page is durable in {} us",
            machine.cores, machine.load_before, machine.load_after, machine.fdatasync_us
        );
        let _ = match table.missed {
            0 => writeln!(table.text, "Every target that was measured is met."),
            missed => writeln!(table.text, "Targets missed: {missed}."),
        };
        table.text
    }

    fn add_calls(&self, table: &mut Table) {
        if let Some(call) = &self.connector_call {
            table.at_most(
                "connector call, pooled / bare",
                call.pooled_ratio,
                POOLED_RATIO,
                "x",
            );
            table.at_most(
                "connector call, fresh / bare",
                call.fresh_ratio,
                FRESH_RATIO,
                "x",
            );
            table.plain("  pooled", Some(call.pooled_us), "us");
            table.plain("  pooled, bare Wasmtime", Some(call.bare_pooled_us), "us");
            table.plain("  fresh", Some(call.fresh_us), "us");
            table.plain("  fresh, bare Wasmtime", Some(call.bare_fresh_us), "us");
        }
        if let Some(mapping) = &self.mapping {
            table.at_most(
                "mapping, sandbox / native",
                mapping.ratio,
                MAPPING_RATIO,
                "x",
            );
            table.plain("  sandbox", Some(mapping.sandbox_us), "us");
            table.plain("  native jaq", Some(mapping.native_us), "us");
        }
    }
}

fn add_orders(table: &mut Table, clients: &str, orders: &Orders) {
    let name = |what: &str| format!("orders, {clients}: {what}");
    table.plain(&name("durable"), Some(orders.per_second), "/s");
    table.plain(&name("bare"), Some(orders.bare_per_second), "/s");
    if clients == TARGET_CLIENTS {
        table.at_least(&name("durable / bare"), orders.bare_ratio, BARE_RATIO, "x");
    } else {
        table.plain(&name("durable / bare"), Some(orders.bare_ratio), "x");
    }
    table.plain(&name("p50"), Some(orders.p50_ms), "ms");
    table.plain(&name("p99"), Some(orders.p99_ms), "ms");
    if clients == TARGET_CLIENTS {
        table.at_most(
            &name("CPU for 1,000 runs"),
            orders.cpu_s_per_1000,
            CPU_SECONDS,
            "s",
        );
    } else {
        table.plain(
            &name("CPU for 1,000 runs"),
            Some(orders.cpu_s_per_1000),
            "s",
        );
    }
}

/// Lines of text, and how many targets were missed.
#[derive(Default)]
struct Table {
    text: String,
    missed: usize,
}

impl Table {
    fn plain(&mut self, name: &str, value: Option<f64>, unit: &str) {
        if let Some(value) = value {
            let line = format!("{name:<34} {value:>10.2} {unit}");
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }

    fn at_most(&mut self, name: &str, value: f64, target: f64, unit: &str) {
        self.judged(name, value, unit, &format!("<= {target}"), value <= target);
    }

    fn at_least(&mut self, name: &str, value: f64, target: f64, unit: &str) {
        self.judged(name, value, unit, &format!(">= {target}"), value >= target);
    }

    fn judged(&mut self, name: &str, value: f64, unit: &str, target: &str, met: bool) {
        let verdict = if met { "pass" } else { "MISS" };
        if !met {
            self.missed += 1;
        }
        let _ = writeln!(
            self.text,
            "{name:<34} {value:>10.2} {unit:<4} target {target:<8} {verdict}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bare_ratio: f64) -> Report {
        let orders = Orders {
            per_second: 700.0,
            p50_ms: 90.0,
            p99_ms: 150.0,
            cpu_s_per_1000: 1.2,
            bare_ratio,
            bare_per_second: 2000.0,
            runs: 7000,
        };
        let mut report = Report::new(Machine {
            cores: 2,
            load_before: "0.1 0.2 0.3".to_owned(),
            load_after: "1 1 1".to_owned(),
            fdatasync_us: 400.0,
        });
        report.orders = Some(BTreeMap::from([("c64".to_owned(), orders)]));
        report
    }

    #[test]
    fn a_missed_target_is_said() {
        let met = report(0.35).table();
        assert!(met.contains("Every target"), "{met}");
        let missed = report(0.34).table();
        assert!(
            missed.contains("MISS") && missed.contains("missed: 1"),
            "{missed}"
        );
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let json = serde_json::to_value(report(0.4)).unwrap();
        assert!(json.get("mapping").is_none());
        assert!(json["orders"]["c64"]["p99_ms"].is_f64());
    }
}
