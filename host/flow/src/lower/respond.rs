//! Answers of webhooks that wait for the end of the run.

use super::Lowering;
use crate::check::Known;
use crate::plan::{Respond, Trigger, TriggerKind};
use crate::shape::{Any, Either};
use crate::surface::flow::{FlowFile, Respond as Written, Trigger as WrittenTrigger, Webhook};
use dowel_core::JsonText;
use dowel_core::expression::Template;
use std::time::Duration;

/// How long a sender waits unless the flow says otherwise: shorter than the patience of
/// the usual clients and proxies.
const DEFAULT_WITHIN: Duration = Duration::from_secs(30);

/// Nobody keeps a connection open for longer: whoever needs more asks for the run.
const MAX_WITHIN: Duration = Duration::from_secs(300);

/// What an answer can say: neither an interim answer nor an error of the host's own kind.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

impl Lowering<'_> {
    /// Adds to the triggers what their senders are told; `None` if something is wrong with
    /// it. Called where the whole run is in reach.
    pub(super) fn responses(
        &mut self,
        file: &FlowFile,
        triggers: Option<&mut Vec<Trigger>>,
    ) -> Option<()> {
        let one = file.trigger.iter();
        let many = file.triggers.iter().flat_map(|all| &all.0);
        let written: Vec<&WrittenTrigger> = one.chain(many.map(|(_, one)| one)).collect();
        let mut is_good = true;
        let mut lowered = Vec::new();
        for trigger in written {
            let respond = trigger
                .webhook
                .as_ref()
                .map(|hook| self.respond(file, hook));
            is_good &= !matches!(respond, Some(None));
            lowered.push(respond.flatten());
        }
        for (trigger, told) in triggers.into_iter().flatten().zip(lowered) {
            if let (TriggerKind::Webhook { respond, .. }, Some(told)) = (&mut trigger.kind, told) {
                *respond = told;
            }
        }
        is_good.then_some(())
    }

    fn respond(&mut self, file: &FlowFile, webhook: &Webhook) -> Option<Respond> {
        let Some(Either::Map(written)) = &webhook.respond else {
            return Some(Respond::Accepted);
        };
        let within = match &written.within {
            None => Some(DEFAULT_WITHIN),
            Some(within) => self.duration(within, MAX_WITHIN, "from 1ms to 5m"),
        };
        let output = match &file.output {
            Some(output) => self.known_value(&output.0),
            None => Known::Any,
        };
        self.begin_program();
        let (status, body) =
            self.with_dot(output, |this| (this.status(written), this.body(written)));
        let outputs = std::iter::once(status?).chain(body?).collect();
        let program = self.end_program(None, outputs);
        Some(Respond::Completed {
            within: within?,
            program,
        })
    }

    fn status(&mut self, written: &Written) -> Option<Template> {
        let Some(Any(node)) = &written.status else {
            return JsonText::of(&200).ok().map(|ok| Template::constant(&ok));
        };
        let template = self.template(node, "respond.status")?;
        if let Some(status) = template.as_constant()
            && !status
                .as_str()
                .parse()
                .is_ok_and(|status| STATUSES.contains(&status))
        {
            self.out_of_range(node.span(), "a status is a number from 200 to 599");
            return None;
        }
        Some(template)
    }

    /// The body of the answer; `Some(None)` where it is the output itself.
    fn body(&mut self, written: &Written) -> Option<Option<Template>> {
        match &written.body {
            None => Some(None),
            Some(Any(node)) => self.template(node, "respond.body").map(Some),
        }
    }
}
