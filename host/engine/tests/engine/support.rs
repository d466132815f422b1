//! Plans by hand, a mapper for plain paths, and a world to run them in.

use dowel_core::code::run::EVALUATION_FAILED;
use dowel_core::expression::{
    Bindings, Evaluated, EvaluationError, Expression, Needs, Piece, Position, Program, StepNeeds,
    Template,
};
use dowel_core::journal::PinnedConnector;
use dowel_core::manifest::{Effect, Idempotency};
use dowel_core::port::{BoxFuture, EvaluationRequest, Mapper, Store};
use dowel_core::{Digest, JsonText, RunId, StepId, Timestamp};
use dowel_engine::story::Story;
use dowel_engine::{Engine, EngineError, EngineOptions, IntakeRequest, Ports};
use dowel_flow::plan::{
    Block, Call, Dedupe, OnFailure, Plan, RetryPolicy, RunLimits, Step, StepKind, Trigger,
    TriggerKind,
};
use dowel_testkit::{Answer, FakeConnectors, MemoryStore, SeededRandomness, VirtualClock};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Evaluates `$name.a.b`, `.a.b` and nothing else; `$boom` fails.
pub(crate) struct PathMapper;

impl Mapper for PathMapper {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        Box::pin(std::future::ready(evaluate(&request)))
    }
}

fn evaluate(request: &EvaluationRequest) -> Result<Evaluated, EvaluationError> {
    if let Some(condition) = &request.program.condition {
        let value = expression(condition, &request.bindings)?;
        if matches!(value.as_str(), "null" | "false") {
            return Ok(Evaluated::Skipped);
        }
    }
    let mut values = Vec::new();
    for template in &request.program.outputs {
        let mut text = String::new();
        for piece in &template.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Expression(e) => text.push_str(expression(e, &request.bindings)?.as_str()),
            }
        }
        values.push(JsonText::parse(&text).unwrap());
    }
    Ok(Evaluated::Values(values))
}

fn expression(expression: &Expression, bindings: &Bindings) -> Result<JsonText, EvaluationError> {
    let mut parts = expression.source.split('.');
    let root = parts.next().unwrap();
    if root == "$boom" {
        return Err(EvaluationError {
            code: EVALUATION_FAILED,
            place: expression.position.to_string(),
            message: "cannot add object and number".to_owned(),
        });
    }
    let mut value = match root.strip_prefix('$') {
        None => bindings.input.clone(),
        Some(name) => bindings
            .variables
            .get(name)
            .cloned()
            .unwrap_or_else(JsonText::null),
    };
    for field in parts.filter(|part| !part.is_empty()) {
        let fields: HashMap<String, Box<RawValue>> =
            serde_json::from_str(value.as_str()).unwrap_or_default();
        value = fields
            .get(field)
            .map_or_else(JsonText::null, |raw| JsonText::parse(raw.get()).unwrap());
    }
    Ok(value)
}

fn position() -> Position {
    Position {
        file: "flows/test/flow.yaml".into(),
        line: 1,
        column: 1,
    }
}

fn hole(source: &str) -> Expression {
    Expression {
        source: source.to_owned(),
        key: "with".to_owned(),
        position: position(),
    }
}

/// JSON text in which `<…>` stands for an expression.
fn template(text: &str) -> Template {
    let mut pieces = Vec::new();
    for (index, part) in text.split(['<', '>']).enumerate() {
        pieces.push(if index % 2 == 0 {
            Piece::Text(part.to_owned())
        } else {
            Piece::Expression(hole(part))
        });
    }
    Template { pieces }
}

/// A program of these outputs.
pub(crate) fn program(condition: Option<&str>, outputs: &[&str]) -> Arc<Program> {
    let outputs: Vec<Template> = outputs.iter().map(|text| template(text)).collect();
    let condition = condition.map(hole);
    let mut needs = Needs::default();
    let mut steps = BTreeSet::new();
    for expression in condition
        .iter()
        .chain(outputs.iter().flat_map(Template::expressions))
    {
        let mut parts = expression.source.split('.');
        if let Some(name) = parts.next().unwrap().strip_prefix('$') {
            needs.variables.insert(name.to_owned());
            if name == "steps" {
                steps.extend(parts.next().map(str::to_owned));
            }
        }
    }
    needs.steps = StepNeeds::Only(steps);
    Arc::new(Program {
        id: "test".into(),
        condition,
        outputs,
        needs,
    })
}

pub(crate) fn step(id: &str, kind: StepKind) -> Step {
    Step {
        id: StepId::new(id).unwrap(),
        position: position(),
        schema: None,
        kind,
        compensate: None,
        sensitive: Vec::new(),
    }
}

pub(crate) fn set(id: &str, value: &str) -> Step {
    step(
        id,
        StepKind::Set {
            program: program(None, &[value]),
        },
    )
}

/// A call of `erp.create` (a keyed write) or `crm.get` (a read).
pub(crate) fn call(id: &str, name: &str, input: &str, idempotency: Idempotency) -> Step {
    let (connection, operation) = name.split_once('.').unwrap();
    step(
        id,
        StepKind::Call(Box::new(Call {
            connection: connection.parse().unwrap(),
            operation: operation.parse().unwrap(),
            effect: if connection == "crm" {
                Effect::Read
            } else {
                Effect::Write
            },
            idempotency,
            program: program(None, &[input]),
            has_key: false,
            output: None,
            input_schema: Some(json(r#"{"type":"object"}"#)),
            result_schema: JsonText::parse(r#"{"type":"object"}"#).unwrap(),
            retry: RetryPolicy {
                attempts: 3,
                ..RetryPolicy::default()
            },
            timeout: Duration::from_secs(5),
            on_uncertain: None,
            deprecated: None,
        })),
    )
}

pub(crate) fn plan(steps: Block, output: &str) -> Plan {
    let pinned = |name: &str| PinnedConnector {
        name: name.parse().unwrap(),
        version: "0.1.0".parse().unwrap(),
        digest: Digest::of(name),
    };
    Plan {
        format: 1,
        flow: "test".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        owner: None,
        description: None,
        runbook: None,
        sla: None,
        deprecated: None,
        synthetic: false,
        labels: BTreeMap::new(),
        commit: None,
        source: Digest::of("source"),
        mapping: Digest::of("mapping"),
        connectors: BTreeMap::from([
            ("crm".parse().unwrap(), pinned("crm")),
            ("erp".parse().unwrap(), pinned("erp")),
        ]),
        triggers: vec![Trigger {
            name: "manual".to_owned(),
            schema: Some(JsonText::parse(r#"{"type":"object","required":["id"]}"#).unwrap()),
            kind: TriggerKind::Manual,
            sensitive: Vec::new(),
        }],
        dedupe: Some(Dedupe {
            key: program(None, &["<.id>"]),
            window: Duration::from_secs(60),
        }),
        on_failure: OnFailure::default(),
        concurrency: None,
        steps,
        output: Some(program(None, &[output])),
        output_schema: None,
        state: None,
        calendars: BTreeMap::new(),
        limits: RunLimits::default(),
    }
}

/// The order flow: read, set, write, output.
pub(crate) fn order_plan() -> Plan {
    plan(
        vec![
            call(
                "customer",
                "crm.get",
                r#"{"id":<$trigger.customer>}"#,
                Idempotency::Natural,
            ),
            set("totals", r#"{"total":<$trigger.total>}"#),
            call(
                "invoice",
                "erp.create",
                r#"{"c":<$steps.customer.erp_id>,"t":<$vars.total>}"#,
                Idempotency::Keyed,
            ),
        ],
        r#"{"invoice":<$steps.invoice.id>}"#,
    )
}

pub(crate) const ORDER: &str = r#"{"id":"A1","customer":"C1","total":60.270}"#;

pub(crate) fn json(text: &str) -> JsonText {
    JsonText::parse(text).unwrap()
}

/// Everything around an engine; survives it.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) connectors: Arc<FakeConnectors>,
    pub(crate) clock: VirtualClock,
    pub(crate) options: EngineOptions,
}

impl Default for World {
    fn default() -> Self {
        let connectors = FakeConnectors::default();
        connectors.script(
            "crm.get",
            [Answer::Return(json(r#"{"erp_id":12345678901234567890}"#))],
        );
        connectors.script("erp.create", [Answer::Return(json(r#"{"id":"INV-1"}"#))]);
        Self {
            store: MemoryStore::default(),
            connectors: Arc::new(connectors),
            clock: VirtualClock::at(Timestamp::parse("2026-03-01T09:00:00Z").unwrap()),
            options: EngineOptions::default(),
        }
    }
}

impl World {
    pub(crate) async fn engine(&self, plan: Plan) -> Engine {
        self.engine_on(Arc::new(self.store.clone()), plan).await
    }

    pub(crate) async fn engine_on(&self, store: Arc<dyn Store>, plan: Plan) -> Engine {
        self.engine_of(store, vec![plan]).await
    }

    /// An engine with several flows.
    pub(crate) async fn engine_of(&self, store: Arc<dyn Store>, plans: Vec<Plan>) -> Engine {
        self.try_engine_of(store, plans).await.unwrap()
    }

    /// The same where the engine may refuse to start.
    pub(crate) async fn try_engine_of(
        &self,
        store: Arc<dyn Store>,
        plans: Vec<Plan>,
    ) -> Result<Engine, EngineError> {
        let ports = Ports {
            store,
            invoker: self.connectors.clone(),
            mapper: Arc::new(PathMapper),
            clock: Arc::new(self.clock.clone()),
            randomness: Arc::new(SeededRandomness::new(7)),
        };
        Engine::start(ports, self.options.clone(), plans).await
    }

    /// Runs one payload to its rest.
    pub(crate) async fn run(&self, plan: Plan, payload: &str) -> Story {
        let engine = self.engine(plan).await;
        let run = engine.accept(request(payload)).await.unwrap().run();
        story(&engine, run).await
    }

    pub(crate) fn calls(&self, name: &str) -> usize {
        self.connectors
            .calls()
            .iter()
            .filter(|call| call.name == name)
            .count()
    }
}

/// Waits for a run's rest and tells its story.
pub(crate) async fn story(engine: &Engine, run: RunId) -> Story {
    engine.settled(run).await.unwrap();
    engine.story(run).await.unwrap().unwrap()
}

pub(crate) fn request(payload: &str) -> IntakeRequest {
    IntakeRequest::new("test".parse().unwrap(), "manual", payload)
}

/// Gives every task its turn, so often that whatever can go on has gone on.
pub(crate) async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}
