//! `for_each` over the pages of an operation.

use super::Lowering;
use super::call::CallParts;
use crate::check::{Known, Leads};
use crate::plan::{Pages, Step, StepKind};
use crate::shape::{Located, Text};
use crate::surface::step::{ForEach as Written, Step as WrittenStep};
use dowel_core::code::{flow as code, reference};
use dowel_core::expression::Expression;
use dowel_core::pointer;

impl Lowering<'_> {
    /// The call that fetches a page, and what is known about an item.
    pub(super) fn pages(
        &mut self,
        step: &WrittenStep,
        each: &Written,
        operation: &Located<Text>,
        condition: Option<Option<Expression>>,
    ) -> Option<(Pages, Known)> {
        let parts = CallParts::page(step, each, operation);
        let (kind, page) = self.call(&parts, condition)?;
        let StepKind::Call(call) = &kind else {
            return None;
        };
        let (manifest, _) = self.connections.get(&call.connection)?.chosen?;
        let spec = manifest.operation(call.operation.as_str())?;
        let Some(pagination) = spec.pagination.clone() else {
            let text = &operation.value.0;
            let message = format!("the operation `{text}` declares no pagination");
            let found = self
                .report
                .error(reference::NO_PAGES, operation.span, message);
            let mut others = manifest.operations.iter();
            found.help(match others.find(|other| other.pagination.is_some()) {
                Some(other) => format!("an operation that comes in pages is `{}`", other.name),
                None => "call it with `call`, and loop over its result with `in`".to_owned(),
            });
            return None;
        };
        let item = known_item(page, &pagination.items);
        let position = self.report.source().position(operation.span.start);
        let fetch = Step {
            id: step.id.value.clone(),
            position,
            schema: None,
            kind,
            compensate: None,
            sensitive: Vec::new(),
        };
        Some((Pages { fetch, pagination }, item))
    }

    /// What belongs to the calls that fetch pages means nothing for a list.
    pub(super) fn refuse_page_keys(&mut self, step: &WrittenStep, each: &Written) {
        let of_step = step
            .keys
            .iter()
            .filter(|(key, _)| matches!(key.as_str(), "retry" | "timeout" | "on_uncertain"));
        let of_loop = each.keys.iter().filter(|(key, _)| key == "with");
        for (key, span) in of_step.chain(of_loop) {
            let message = format!("a loop over a list takes no `{key}`");
            self.report.error(code::KEY_NOT_FOR_KIND, *span, message);
        }
    }
}

/// What is known about an item of a page.
fn known_item(page: Known, items: &str) -> Known {
    let mut known = page;
    let way = pointer::segments(items).unwrap_or_default();
    for segment in way.iter().map(String::as_str).chain(["[]"]) {
        known = match known.step_into(segment) {
            Leads::Value(known) => known,
            _ => return Known::Any,
        };
    }
    known
}
