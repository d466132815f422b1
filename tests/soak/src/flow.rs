//! The flows that run: one with a read, a value, a write, and now and then a business
//! failure, one that asks people, and one that waits for an event.

use anyhow::Result;
use dowel_core::Digest;
use dowel_core::manifest::{Effect, Idempotency};
use dowel_engine::IntakeRequest;
use dowel_flow::plan::{Jitter, Plan, RetryPolicy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What differs between the two uses of the flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Before the second attempt of a call.
    pub(crate) retry_delay: Duration,
    /// How long duplicates are recognised.
    pub(crate) dedupe_window: Duration,
}

/// About what an order of a shop has.
const PAYLOAD_BYTES: usize = 900;

/// Large enough for a file of its own.
const LARGE_PAYLOAD_BYTES: usize = 40_000;

/// Every so many orders are large.
const LARGE_EVERY: u64 = 100;

/// Every so many orders end as `failed`.
const BAD_EVERY: u64 = 50;

/// The name of the flow that calls.
pub(crate) const ORDERS: &str = "soak";

/// The name of the flow that asks people.
pub(crate) const APPROVALS: &str = "soak-approvals";

/// The name of the flow that waits for an event.
pub(crate) const EVENTS: &str = "soak-events";

/// The plan, read as a host reads one from its store: in the form that the first version
/// wrote.
pub(crate) fn plan(options: Options) -> Result<Plan> {
    let connector =
        |name: &str| json!({ "name": name, "version": "0.1.0", "digest": Digest::of(name) });
    read(
        ORDERS,
        &json!({ "crm": connector("crm"), "erp": connector("erp") }),
        &json!([
            call("customer", "crm", Effect::Read, options),
            step(
                "order",
                &json!({ "set": { "program": program(None, "$trigger", &["trigger"]) } })
            ),
            call("invoice", "erp", Effect::Write, options),
            step(
                "refused",
                &json!({ "fail": {
                "kind": "rejected",
                "code": "refused",
                "program": program(Some("$trigger.bad"), "$trigger", &["trigger"]),
            } })
            ),
        ]),
        options,
    )
}

/// A plan that asks people, and waits for them without an end.
pub(crate) fn approvals(options: Options) -> Result<Plan> {
    let mut program = program(None, ".id", &["trigger"]);
    program["outputs"] = json!([
        { "pieces": [{ "expression": expression(".id") }] },
        { "pieces": [{ "text": "{}" }] },
        { "pieces": [{ "text": "[]" }] },
    ]);
    let ask = json!({ "approve": {
        "program": program,
        "groups": ["finance"],
        "decisions": ["approved", "rejected"],
        "within": null,
        "calendar": null,
        "escalate": [],
        "on_expiry": "fail",
        "fails_on": "rejected",
    } });
    read(APPROVALS, &json!({}), &json!([step("ask", &ask)]), options)
}

/// A plan that waits for an event of its order without an end.
pub(crate) fn events(options: Options) -> Result<Plan> {
    let paid = json!({ "receive": {
        "program": program(None, ".id", &["trigger"]),
        "event_type": "shop.order.paid",
        "event": program(None, ".id", &[]),
        "within": null,
    } });
    read(EVENTS, &json!({}), &json!([step("paid", &paid)]), options)
}

fn read(flow: &str, connectors: &Value, steps: &Value, options: Options) -> Result<Plan> {
    let plan = json!({
        "format": 1,
        "flow": flow,
        "version": "1.0.0",
        "owner": null, "description": null, "runbook": null, "commit": null,
        "source": Digest::of("soak"),
        "mapping": Digest::of("mapping"),
        "connectors": connectors,
        "triggers": [{ "name": "manual", "schema": null, "kind": "manual" }],
        "dedupe": { "key": program(None, ".id", &[]), "window": options.dedupe_window },
        "steps": steps,
        "output": null,
    });
    // By way of text: raw JSON inside of it is not read from a tree.
    Ok(serde_json::from_str(&plan.to_string())?)
}

fn call(id: &str, connection: &str, effect: Effect, options: Options) -> Value {
    let retry = RetryPolicy {
        attempts: 10,
        delay: options.retry_delay,
        max_delay: options.retry_delay,
        jitter: Jitter::None,
        ..RetryPolicy::default()
    };
    step(
        id,
        &json!({ "call": {
        "connection": connection,
        "operation": "do",
        "effect": effect,
        "idempotency": Idempotency::Keyed,
        "program": program(None, "$trigger", &["trigger"]),
        "has_key": false,
        "output": null,
        "result_schema": {},
        "retry": retry,
        "timeout": Duration::from_secs(5),
    } }),
    )
}

fn step(id: &str, kind: &Value) -> Value {
    json!({ "id": id, "position": position(), "schema": null, "kind": kind })
}

fn position() -> Value {
    json!({ "file": "flows/soak/flow.yaml", "line": 1, "column": 1 })
}

fn expression(source: &str) -> Value {
    json!({ "source": source, "key": "with", "position": position() })
}

fn program(condition: Option<&str>, source: &str, variables: &[&str]) -> Value {
    json!({
        "id": source,
        "condition": condition.map(expression),
        "outputs": [{ "pieces": [{ "expression": expression(source) }] }],
        "needs": { "input": true, "variables": variables, "steps": { "only": [] } },
    })
}

/// One order; its number is its business key.
pub(crate) fn order(number: u64) -> Result<IntakeRequest> {
    let bytes = if number.is_multiple_of(LARGE_EVERY) {
        LARGE_PAYLOAD_BYTES
    } else {
        PAYLOAD_BYTES
    };
    request(ORDERS, number, bytes)
}

/// One order of the usual size, for any of the flows.
pub(crate) fn small_order(flow: &str, number: u64) -> Result<IntakeRequest> {
    request(flow, number, PAYLOAD_BYTES)
}

fn request(flow: &str, number: u64, bytes: usize) -> Result<IntakeRequest> {
    let bad = number.is_multiple_of(BAD_EVERY);
    // Text that does not compress into nothing.
    let text: String = (0..bytes / 16)
        .map(|at| {
            format!(
                "{:016x}",
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at as u64
            )
        })
        .collect();
    Ok(IntakeRequest {
        flow: flow.parse()?,
        trigger: "manual".to_owned(),
        payload: format!(r#"{{"id":"order-{number:09}","bad":{bad},"lines":"{text}"}}"#),
        headers: BTreeMap::new(),
        query: BTreeMap::new(),
        path: String::new(),
        traceparent: None,
        idempotency_key: None,
        message: None,
    })
}
