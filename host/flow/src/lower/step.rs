//! Steps and blocks of steps.

use super::Lowering;
use super::call::CallParts;
use crate::check::{Dot, Known, Scope, StepResult};
use crate::plan::{Block, Step, StepKind};
use crate::shape::{Any, Formula, Located, Text};
use crate::surface::step::{Fail, Step as Written};
use crate::text::Span;
use crate::yaml::{Node, Plain};
use dowel_core::code::flow as code;
use dowel_core::expression::{Expression, Template};
use dowel_core::journal::OnTimeout;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Each kind of step with the keys that it takes beside `id` and `if`.
const KINDS: [(&str, &[&str]); 13] = [
    (
        "call",
        &[
            "with",
            "retry",
            "timeout",
            "idempotency_key",
            "on_uncertain",
            "output",
            "schema",
            "compensate",
        ],
    ),
    ("set", &["schema", "compensate"]),
    ("switch", &["schema", "compensate"]),
    (
        "for_each",
        &["retry", "timeout", "on_uncertain", "schema", "compensate"],
    ),
    ("parallel", &["schema", "compensate"]),
    ("try", &["catch", "schema", "compensate"]),
    ("wait", &["compensate"]),
    ("receive", &["output", "schema", "compensate"]),
    ("approve", &["schema", "compensate"]),
    (
        "run",
        &[
            "with",
            "detach",
            "retry",
            "timeout",
            "output",
            "schema",
            "compensate",
        ],
    ),
    ("emit", &["with", "compensate"]),
    ("fail", &[]),
    ("return", &[]),
];

/// The usual reason for a value that may be `null`.
pub(super) const BE_SKIPPED: &str = "be skipped";

/// A step's kind and what is known about its value.
pub(super) type Lowered = (StepKind, Known);

impl Lowering<'_> {
    /// The call that undoes a step; `Some(None)` without one. It sees the step's result.
    fn compensation(&mut self, step: &Written) -> Option<Option<Box<Step>>> {
        let Some(undo) = &step.compensate else {
            return Some(None);
        };
        let (outer, reads) = (self.scope.is_guarded, self.scope.step.take());
        // It runs only if the step has run.
        self.scope.is_guarded = true;
        self.begin_program();
        let condition = self.condition(undo.condition.as_ref());
        let lowered = self.call(&CallParts::undo(undo), condition);
        (self.scope.is_guarded, self.scope.step) = (outer, reads);
        if let Some(key) = &step.idempotency_key {
            self.warn_of_reused_key(key);
        }
        let position = self.report.source().position(undo.call.span.start);
        Some(Some(Box::new(Step {
            id: step.id.value.clone(),
            position,
            schema: None,
            kind: lowered?.0,
            compensate: None,
            sensitive: Vec::new(),
        })))
    }

    /// A rerun of a compensated run must not meet the key of the effect that was undone.
    fn warn_of_reused_key(&mut self, key: &Formula) {
        if !key.0.text.contains("generation") {
            let message = "the step is compensated, and a rerun would send the same key again";
            let found = self
                .report
                .warning(code::KEY_WITHOUT_GENERATION, key.0.span, message);
            found.help("make `$run.generation` a part of the key");
        }
    }

    /// A list of steps with a scope of its own.
    pub(super) fn block(&mut self, steps: &[Written], span: Span) -> Option<Block> {
        self.block_with(steps, span, |_| {})
    }

    /// The same, with a look at the scope at its end.
    pub(super) fn block_with(
        &mut self,
        steps: &[Written],
        span: Span,
        look: impl FnOnce(&Scope),
    ) -> Option<Block> {
        if steps.is_empty() {
            let message = "the list of steps is empty";
            self.report.error(code::EMPTY_LIST, span, message);
        }
        let outer = self.scope.clone();
        self.scope.blocks.push(self.blocks);
        self.blocks += 1;
        let mut block = Some(Vec::new());
        for step in steps {
            match (self.step(step), &mut block) {
                (Some(step), Some(block)) => block.push(step),
                _ => block = None,
            }
        }
        look(&self.scope);
        if self.scope.blocks.len() > 1 {
            self.scope = outer;
        }
        block
    }

    fn step(&mut self, step: &Written) -> Option<Step> {
        let kind = self.kind(step);
        let outer = (self.scope.is_guarded, self.scope.step.clone());
        self.scope.is_guarded |= step.condition.is_some();
        self.scope.step = Some(step.id.value.as_str().to_owned());
        self.begin_program();
        let condition = self.condition(step.condition.as_ref());
        let lowered = kind.and_then(|kind| match kind {
            "call" => self.call(&CallParts::of(step)?, condition),
            "set" => self.set(step, condition),
            "switch" => self.switch(step.switch.as_ref()?, condition),
            "for_each" => self.for_each(step, step.for_each.as_ref()?, condition),
            "parallel" => self.parallel(step.parallel.as_ref()?, condition),
            "try" => self.try_steps(step, condition),
            "wait" => self.wait(step.wait.as_ref()?, condition),
            "receive" => self.receive(step.receive.as_ref()?, step.output.as_ref(), condition),
            "approve" => self.approve(step.approve.as_ref()?, condition),
            "run" => self.run(step, condition),
            "emit" => self.emit(step.emit.as_ref()?, step.with.as_ref(), condition),
            "fail" => self.fail(step.fail.as_ref()?, condition),
            _ => self.ends_with(step.ends_with.as_ref()?, condition),
        });
        (self.scope.is_guarded, self.scope.step) = outer;
        let schema = self.optional_schema(step.schema.as_ref());
        let known = match (&lowered, &schema) {
            (_, Some(Some(schema))) => schema.known.clone(),
            (Some((_, known)), _) => known.clone(),
            _ => Known::Any,
        };
        let result = StepResult {
            known,
            may: may_be_null(step, lowered.as_ref()),
        };
        let id = &step.id.value;
        self.scope.steps.insert(id.as_str().to_owned(), result);
        let compensate = self.compensation(step);
        let sensitive = self.step_pointers(step, lowered.as_ref(), schema.as_ref());
        let position = self.report.source().position(step.id.span.start);
        Some(Step {
            id: id.clone(),
            position,
            kind: lowered?.0,
            schema: schema?.map(|schema| schema.json),
            compensate: compensate?,
            sensitive: sensitive?,
        })
    }

    /// The one kind of a step, with the keys that belong to it.
    fn kind(&mut self, step: &Written) -> Option<&'static str> {
        let has = |name: &str| step.keys.iter().any(|(key, _)| key == name);
        let found: Vec<_> = KINDS.iter().filter(|(kind, _)| has(kind)).collect();
        let [(kind, keys)] = found.as_slice() else {
            if found.is_empty() && step.keys.iter().any(|(key, _)| !is_known(key)) {
                // A kind that is not supported yet has been reported already.
                return None;
            }
            let names: Vec<String> = found.iter().map(|(kind, _)| format!("`{kind}`")).collect();
            let message = if names.is_empty() {
                "the step does nothing".to_owned()
            } else {
                format!("the step does several things: {}", names.join(", "))
            };
            let found = self.report.error(code::STEP_KIND, step.span, message);
            found.help("each step has one of call, set, switch, for_each, parallel, try, wait, receive, approve, run, emit, fail and return");
            return None;
        };
        for (key, span) in &step.keys {
            let is_step_key = KINDS.iter().any(|(_, keys)| keys.contains(&key.as_str()));
            if is_step_key && !keys.contains(&key.as_str()) {
                let message = format!("a `{kind}` step takes no `{key}`");
                self.report.error(code::KEY_NOT_FOR_KIND, *span, message);
            }
        }
        Some(kind)
    }

    fn set(&mut self, step: &Written, condition: Option<Option<Expression>>) -> Option<Lowered> {
        let Any(node) = step.set.as_ref()?;
        let Node::Map(entries, _) = node else {
            crate::shape::expected("a map", node, &mut self.report);
            return None;
        };
        let mut fields = BTreeMap::new();
        for entry in entries {
            let name = &entry.key.text;
            if let Err(error) = dowel_core::StepId::new(name) {
                self.report
                    .error(code::BAD_NAME, entry.key.span, error.to_string());
            }
            let known = self.known_value(&entry.value);
            fields.insert(name.clone(), known);
        }
        let template = self.template(node, "set");
        self.scope.vars.extend(fields.clone());
        let program = self.end_program(condition?, vec![template?]);
        Some((StepKind::Set { program }, Known::Object(Arc::new(fields))))
    }

    fn emit(
        &mut self,
        event: &Located<Text>,
        with: Option<&Any>,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let data = match with {
            Some(with) => self.template(&with.0, "with"),
            None => Some(Template::constant(&dowel_core::JsonText::null())),
        };
        let event_type = event.value.0.clone();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if event_type.is_empty() || !event_type.bytes().all(plain) {
            let message = "the type of an event has letters, digits and -._ only";
            let found = self.report.error(code::BAD_FORM, event.span, message);
            found.help("write it as a reversed domain name, such as com.example.order.invoiced");
        }
        let program = self.end_program(condition?, vec![data?]);
        let kind = StepKind::Emit {
            event_type,
            program,
        };
        Some((kind, Known::Any))
    }

    fn fail(&mut self, fail: &Fail, condition: Option<Option<Expression>>) -> Option<Lowered> {
        let message = self.text_or_expression(&fail.message.0, "fail.message");
        let details = match &fail.with {
            Some(with) => self.template(&with.0, "fail.with"),
            None => Some(Template::constant(&dowel_core::JsonText::null())),
        };
        let program = self.end_program(condition?, vec![message?, details?]);
        let kind = StepKind::Fail {
            kind: fail.kind,
            code: fail.code.0.clone(),
            program,
        };
        Some((kind, Known::Any))
    }

    pub(super) fn text_or_expression(&mut self, node: &Node, key: &str) -> Option<Template> {
        match node {
            Node::Scalar(scalar) if scalar.resolve() == Plain::Text => self.template(node, key),
            Node::Scalar(scalar) if scalar.resolve() == Plain::BooleanWord => {
                self.template(node, key)
            }
            _ => {
                crate::shape::expected("a text", node, &mut self.report);
                None
            }
        }
    }

    fn ends_with(&mut self, value: &Any, condition: Option<Option<Expression>>) -> Option<Lowered> {
        let template = self.template(&value.0, "return")?;
        let program = self.end_program(condition?, vec![template]);
        Some((StepKind::Return { program }, Known::Any))
    }

    /// Runs `work` with another value of `.`.
    pub(super) fn with_dot<T>(&mut self, dot: Known, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.scope.dot, Dot::Value(dot));
        let result = work(self);
        self.scope.dot = outer;
        result
    }
}

/// Why the step's value may be `null`.
fn may_be_null(step: &Written, lowered: Option<&Lowered>) -> Option<&'static str> {
    match lowered {
        _ if step.condition.is_some() => Some(BE_SKIPPED),
        Some((StepKind::Receive(plan), _)) if plan.on_timeout == OnTimeout::Continue => {
            Some("get no event in time")
        }
        _ => None,
    }
}

/// Whether this version of the host carries out the key.
fn is_known(key: &str) -> bool {
    let of_kind = |(kind, keys): &(&str, &[&str])| *kind == key || keys.contains(&key);
    matches!(key, "id" | "if" | "sensitive") || key.starts_with("x-") || KINDS.iter().any(of_kind)
}
