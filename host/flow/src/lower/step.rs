//! Steps and blocks of steps.

use super::Lowering;
use crate::check::{Dot, Known, StepResult};
use crate::plan::{Block, Step, StepKind};
use crate::shape::{Any, Located, Text};
use crate::surface::step::{Fail, ForEach, Step as Written, Switch};
use crate::text::Span;
use crate::yaml::{Node, Plain};
use dowel_core::code::flow as code;
use dowel_core::expression::{Expression, Piece, Template};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items of one loop at the same time: more only wait for the same connections.
const MAX_PARALLEL: u32 = 256;

/// Each kind of step with the keys that it takes beside `id` and `if`.
const KINDS: [(&str, &[&str]); 7] = [
    (
        "call",
        &[
            "with",
            "retry",
            "timeout",
            "idempotency_key",
            "output",
            "schema",
        ],
    ),
    ("set", &["schema"]),
    ("switch", &["schema"]),
    ("for_each", &["schema"]),
    ("emit", &["with"]),
    ("fail", &[]),
    ("return", &[]),
];

/// A step's kind and what is known about its value.
pub(super) type Lowered = (StepKind, Known);

impl Lowering<'_> {
    /// A list of steps with a scope of its own.
    pub(super) fn block(&mut self, steps: &[Written], span: Span) -> Option<Block> {
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
            "call" => self.call(step, condition),
            "set" => self.set(step, condition),
            "switch" => self.switch(step.switch.as_ref()?, condition),
            "for_each" => self.for_each(step.for_each.as_ref()?, condition),
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
            may_be_skipped: step.condition.is_some(),
        };
        let id = &step.id.value;
        self.scope.steps.insert(id.as_str().to_owned(), result);
        let position = self.report.source().position(step.id.span.start);
        Some(Step {
            id: id.clone(),
            position,
            kind: lowered?.0,
            schema: schema?.map(|schema| schema.json),
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
            found.help("each step has one of call, set, switch, for_each, emit, fail and return");
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

    fn switch(
        &mut self,
        switch: &Switch,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        if switch.cases.value.is_empty() {
            let message = "the list of cases is empty";
            self.report
                .error(code::EMPTY_LIST, switch.cases.span, message);
        }
        let conditions: Vec<Option<Template>> = switch
            .cases
            .value
            .iter()
            .enumerate()
            .map(|(index, case)| {
                self.formula_output(&case.condition, &format!("switch.cases[{index}].if"))
            })
            .collect();
        let conditions: Option<Vec<Template>> = conditions.into_iter().collect();
        let program = match (condition, conditions) {
            (Some(condition), Some(outputs)) => Some(self.end_program(condition, outputs)),
            _ => None,
        };
        let cases = switch.cases.value.iter();
        let cases: Vec<Option<Block>> = cases
            .map(|case| self.block(&case.steps.value, case.steps.span))
            .collect();
        let default = match &switch.default {
            None => Some(None),
            Some(steps) => self.block(&steps.value, steps.span).map(Some),
        };
        let kind = StepKind::Switch {
            program: program?,
            cases: cases.into_iter().collect::<Option<_>>()?,
            default: default?,
        };
        Some((kind, Known::Any))
    }

    fn for_each(
        &mut self,
        each: &ForEach,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let list = self.list(&each.list.0);
        let item = self.known_item(&each.list.0);
        let program = match (condition, list) {
            (Some(condition), Some(list)) => Some(self.end_program(condition, vec![list])),
            _ => None,
        };
        let outer = self.scope.item.replace(item);
        let steps = self.block(&each.steps.value, each.steps.span);
        self.scope.item = outer;
        let parallel = each.parallel.as_ref().map_or(1, |parallel| parallel.value);
        if let Some(written) = &each.parallel
            && !(1..=MAX_PARALLEL).contains(&parallel)
        {
            self.out_of_range(written.span, "from 1 to 256");
        }
        let kind = StepKind::ForEach {
            program: program?,
            parallel,
            steps: steps?,
        };
        Some((kind, Known::object(&["succeeded", "failed", "items"])))
    }

    fn list(&mut self, node: &Node) -> Option<Template> {
        let template = self.template(node, "for_each.in")?;
        let is_expression = matches!(template.pieces.as_slice(), [Piece::Expression(_)]);
        if is_expression || matches!(node, Node::List(..)) {
            return Some(template);
        }
        let what = "a list, or an expression that yields one,";
        crate::shape::expected(what, node, &mut self.report);
        None
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

    fn text_or_expression(&mut self, node: &Node, key: &str) -> Option<Template> {
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

/// Whether this version of the host carries out the key.
fn is_known(key: &str) -> bool {
    let of_kind = |(kind, keys): &(&str, &[&str])| *kind == key || keys.contains(&key);
    matches!(key, "id" | "if") || key.starts_with("x-") || KINDS.iter().any(of_kind)
}
