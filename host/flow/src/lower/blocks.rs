//! Steps that hold steps.

use super::Lowering;
use super::step::{BE_SKIPPED, Lowered};
use crate::check::{Known, StepResult};
use crate::plan::{Block, Branch, Catch, ForEach, Join, OnItemFailure, Parallel, StepKind, Try};
use crate::shape::Either;
use crate::surface::step::{
    Collect, ForEach as Written, JoinName, Parallel as WrittenParallel, Step, StopName, Switch,
};
use crate::yaml::Node;
use dowel_core::code::{flow as code, reference};
use dowel_core::expression::{Expression, Piece, Template};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items of one loop at the same time: more only wait for the same connections.
const MAX_PARALLEL: u32 = 256;

/// Branches of one `parallel` step: more are a loop.
const MAX_BRANCHES: usize = 64;

impl Lowering<'_> {
    pub(super) fn switch(
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

    pub(super) fn for_each(
        &mut self,
        step: &Step,
        each: &Written,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let (program, item, pages) = match (&each.list, &each.pages_of) {
            (Some(list), None) => {
                self.refuse_page_keys(step, each);
                let written = self.list(&list.0);
                let item = self.known_item(&list.0);
                let program = match (condition, written) {
                    (Some(condition), Some(list)) => Some(self.end_program(condition, vec![list])),
                    _ => None,
                };
                (program, item, Some(None))
            }
            (None, Some(operation)) => match self.pages(step, each, operation, condition) {
                Some((pages, item)) => {
                    let program = pages.fetch.program().clone();
                    (Some(program), item, Some(Some(Box::new(pages))))
                }
                None => (None, Known::Any, None),
            },
            _ => {
                let message = "a loop has either `in` or `pages_of`";
                self.report
                    .error(reference::LOOP_SOURCE, each.span, message);
                (None, Known::Any, None)
            }
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
        let kind = StepKind::ForEach(ForEach {
            program: program?,
            parallel,
            on_item_failure: on_item_failure(each.on_item_failure.as_ref()),
            steps: steps?,
            pages: pages?,
        });
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

    pub(super) fn parallel(
        &mut self,
        parallel: &WrittenParallel,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let program = condition.map(|condition| self.end_program(condition, Vec::new()));
        let written = &parallel.branches.value.0;
        if !(1..=MAX_BRANCHES).contains(&written.len()) {
            self.out_of_range(parallel.branches.span, "from 1 to 64 branches");
            return None;
        }
        let mut known = BTreeMap::new();
        let mut branches = Some(Vec::new());
        for (name, steps) in written {
            known.insert(name.value.to_string(), Known::Any);
            match (self.block(&steps.value, steps.span), &mut branches) {
                (Some(steps), Some(branches)) => branches.push(Branch {
                    name: name.value.clone(),
                    steps,
                }),
                _ => branches = None,
            }
        }
        let join = match parallel.join {
            None | Some(JoinName::All) => Join::All,
            Some(JoinName::Any) => Join::Any,
        };
        let kind = StepKind::Parallel(Parallel {
            program: program?,
            branches: branches?,
            join,
        });
        Some((kind, Known::Object(Arc::new(known))))
    }

    pub(super) fn try_steps(
        &mut self,
        step: &Step,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let program = condition.map(|condition| self.end_program(condition, Vec::new()));
        let written = step.attempt.as_ref()?;
        let Some(clauses) = step
            .catch
            .as_ref()
            .filter(|clauses| !clauses.value.is_empty())
        else {
            let message = "the step has `try` and no `catch`: nothing answers a failure";
            let found = self.report.error(code::MISSING_KEY, step.span, message);
            found.help("add `catch: [ { kinds: [not-found], steps: [ … ] } ]`");
            return None;
        };
        let steps = self.visible_block(&written.value, written.span);
        let outer = std::mem::replace(&mut self.scope.in_catch, true);
        let mut catch = Some(Vec::new());
        for clause in &clauses.value {
            let steps = self.visible_block(&clause.steps.value, clause.steps.span);
            match (steps, &mut catch) {
                (Some(steps), Some(catch)) => catch.push(Catch {
                    kinds: clause.kinds.clone().unwrap_or_default(),
                    steps,
                }),
                _ => catch = None,
            }
        }
        self.scope.in_catch = outer;
        let kind = StepKind::Try(Try {
            program: program?,
            steps: steps?,
            catch: catch?,
        });
        Some((kind, Known::Any))
    }

    /// A block whose steps are visible after it; they may not have run.
    fn visible_block(&mut self, steps: &[Step], span: crate::text::Span) -> Option<Block> {
        let mut inside = BTreeMap::new();
        let block = self.block_with(steps, span, |scope| inside.clone_from(&scope.steps));
        for (id, result) in inside {
            self.scope.steps.entry(id).or_insert(StepResult {
                may: Some(BE_SKIPPED),
                ..result
            });
        }
        block
    }
}

fn on_item_failure(written: Option<&Either<StopName, Collect>>) -> OnItemFailure {
    match written {
        Some(Either::Map(collect)) if collect.collect.value => OnItemFailure::Collect {
            fail_above: collect.fail_above.as_ref().map(|share| share.0),
        },
        _ => OnItemFailure::Stop,
    }
}
