//! Stubs for calls that a case has no mock for.

use super::fake::fake;
use super::observe::Observed;
use dowel_core::JsonText;
use dowel_core::expression::Program;
use dowel_core::manifest::OperationSpec;
use dowel_engine::OpenReceive;
use dowel_flow::flow_test::yaml;
use dowel_flow::plan::{Plan, StepKind};
use dowel_flow::source::Catalogue;
use std::collections::BTreeMap;

/// The operations that a flow calls, by `<connection>.<operation>`.
pub type Specs = BTreeMap<String, OperationSpec>;

/// The operations that flows call, as the installed connectors declare them.
pub fn specs(plans: &[&Plan], catalogue: &dyn Catalogue) -> Specs {
    let mut out = Specs::new();
    for plan in plans {
        add_specs(plan, catalogue, &mut out);
    }
    out
}

fn add_specs(plan: &Plan, catalogue: &dyn Catalogue, out: &mut Specs) {
    for step in plan.all_steps() {
        let StepKind::Call(call) = &step.kind else {
            continue;
        };
        let pinned = plan.connectors.get(&call.connection);
        let spec = pinned.and_then(|pinned| {
            let versions = catalogue.versions(&pinned.name);
            let found = versions.into_iter().find(|(_, d)| *d == pinned.digest)?;
            found.0.operation(call.operation.as_str()).cloned()
        });
        if let Some(spec) = spec {
            out.insert(format!("{}.{}", call.connection, call.operation), spec);
        }
    }
}

/// A mock to put into a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// `<connection>.<operation>`.
    pub name: String,
    /// The step that made the call.
    pub step: String,
    /// What it was called with.
    pub input: JsonText,
    /// Lines of YAML for `mocks`.
    pub yaml: String,
    /// Where its value is from.
    pub origin: &'static str,
}

/// One stub for each operation that was called without an answer.
pub(super) fn stubs(observed: &Observed, plan: &Plan, specs: &Specs) -> Vec<Stub> {
    let mut out: Vec<Stub> = Vec::new();
    for call in observed.calls.iter().filter(|call| !call.is_mocked) {
        if out.iter().any(|stub| stub.name == call.name) {
            continue;
        }
        let spec = specs.get(&call.name);
        let (value, origin) = match spec {
            Some(spec) => match &spec.example_output {
                Some(example) => (example.clone(), "the example of the operation"),
                None => (fake(&spec.output_schema), "the operation's output schema"),
            },
            None => (JsonText::object([]), "nothing: the operation is not known"),
        };
        let mock = JsonText::object([("return", &value)]);
        let stub = JsonText::object([(call.name.as_str(), &mock)]);
        out.push(Stub {
            name: call.name.clone(),
            step: call.step.clone(),
            input: call.input.clone(),
            yaml: yaml(&stub),
            origin,
        });
    }
    for open in &observed.unanswered {
        let name = open.step.id();
        if out.iter().any(|stub| stub.name == name) {
            continue;
        }
        let decision = open.decisions.first().map_or("approved", String::as_str);
        let mock = JsonText::object([
            ("decide", &JsonText::string(decision)),
            ("by", &JsonText::string("ana")),
            ("after", &JsonText::string("1h")),
        ]);
        out.push(Stub {
            name: name.to_owned(),
            step: open.step.to_string(),
            input: open.show.clone(),
            yaml: yaml(&JsonText::object([(name, &mock)])),
            origin: "the first decision of the approval",
        });
    }
    for open in &observed.unreceived {
        if !out.iter().any(|stub| stub.name == open.step.id()) {
            out.push(event_stub(open, plan));
        }
    }
    out
}

/// An event that the step would receive.
fn event_stub(open: &OpenReceive, plan: &Plan) -> Stub {
    let name = open.step.id();
    let kind = plan.step_at(&open.step).map(|step| &step.kind);
    let path = match kind {
        Some(StepKind::Receive(receive)) => key_path(&receive.event),
        _ => None,
    };
    let (event, origin) = match path {
        Some(path) => (
            at_path(&path, JsonText::string(&open.value)),
            "what `match` asks for",
        ),
        None => (
            JsonText::object([("data", &JsonText::object([]))]),
            "nothing: add to the event what `match` asks for",
        ),
    };
    let mock = JsonText::object([("event", &event), ("after", &JsonText::string("1h"))]);
    let awaited = [
        ("type", &JsonText::string(&open.event_type)),
        ("value", &JsonText::string(&open.value)),
    ];
    Stub {
        name: name.to_owned(),
        step: open.step.to_string(),
        input: JsonText::object(awaited),
        yaml: yaml(&JsonText::object([(name, &mock)])),
        origin,
    }
}

/// The fields on the way to the key, if the expression is a plain path such as
/// `.data.order_id`.
fn key_path(program: &Program) -> Option<Vec<String>> {
    let mut expressions = program.outputs.first()?.expressions();
    let source = expressions.next()?.source.trim();
    let fields: Vec<String> = source
        .strip_prefix('.')?
        .split('.')
        .map(str::to_owned)
        .collect();
    let is_plain = |field: &String| {
        !field.is_empty()
            && field
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    fields.iter().all(is_plain).then_some(fields)
}

/// An object with a value at a path.
fn at_path(path: &[String], value: JsonText) -> JsonText {
    path.iter().rev().fold(value, |inner, field| {
        JsonText::object([(field.as_str(), &inner)])
    })
}
