//! Triggers, `dedupe`, `concurrency` and the flow's `output`.

use super::Lowering;
use crate::check::{Dot, Known};
use crate::plan::{
    Concurrency, Dedupe, Respond, RunLimits, Trigger, TriggerKind, Verify, WhenFull,
};
use crate::shape::{Located, Text};
use crate::surface::flow::{
    FlowFile, Method, Trigger as Written, VerifyName, Webhook, WhenFullName, WhileParkedName,
};
use dowel_core::code::flow as code;
use dowel_core::code::receiver::WEBHOOK_CHOICE;
use dowel_core::expression::Program;
use dowel_core::journal::WhileParked;
use std::sync::Arc;
use std::time::Duration;

/// The longest time for which dedupe keys are kept: they outlive the runs.
const MAX_WINDOW: Duration = Duration::from_secs(400 * 86_400);

/// Runs of one concurrency key at the same time: more is no limit.
const MAX_LIMIT: u32 = 1_000;

/// Longer paths are mistakes.
const MAX_PATH: usize = 200;

/// Headers that carry credentials are never journalled.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

impl Lowering<'_> {
    /// What begins a run.
    pub(super) fn triggers(&mut self, file: &FlowFile) -> Option<Vec<Trigger>> {
        let written: Vec<(Option<&str>, &Written)> = match (&file.trigger, &file.triggers) {
            (Some(one), None) => vec![(None, one)],
            (None, Some(many)) if !many.0.is_empty() => {
                let named = many.0.iter();
                named
                    .map(|(name, trigger)| (Some(name.value.as_str()), trigger))
                    .collect()
            }
            (Some(_), Some(_)) => {
                let message = "a flow has either `trigger` or `triggers`, not both";
                self.report.error(code::TRIGGER_CHOICE, file.span, message);
                return None;
            }
            _ => {
                let message = "the flow has no trigger, nothing would begin a run";
                let found = self.report.error(code::TRIGGER_CHOICE, file.span, message);
                found.help("add `trigger: { manual: {} }`, or a webhook");
                return None;
            }
        };
        let mut known = Vec::new();
        let mut triggers = Some(Vec::new());
        for (name, trigger) in written {
            match (self.trigger(name, trigger), &mut triggers) {
                (Some((trigger, payload)), Some(all)) => {
                    known.push(payload);
                    all.push(trigger);
                }
                _ => {
                    known.push(Known::Any);
                    triggers = None;
                }
            }
        }
        if let Some(triggers) = &triggers {
            self.refuse_repeated_paths(file, triggers);
        }
        self.scope.trigger = match known.len() {
            1 => known.remove(0),
            _ => Known::OneOf(known),
        };
        triggers
    }

    fn trigger(&mut self, name: Option<&str>, trigger: &Written) -> Option<(Trigger, Known)> {
        let kinds = (
            &trigger.webhook,
            &trigger.manual,
            &trigger.event,
            &trigger.schedule,
            &trigger.poll,
        );
        let mut given = None;
        let (default, schema, kind) = match kinds {
            (Some(webhook), None, None, None, None) if is_of_connection(webhook) => {
                let (kind, schema) = self.receiver(webhook).unzip();
                given = schema;
                ("webhook", &None, kind)
            }
            (Some(webhook), None, None, None, None) => {
                ("webhook", &webhook.schema, self.webhook(webhook))
            }
            (None, Some(manual), None, None, None) => {
                ("manual", &manual.schema, Some(TriggerKind::Manual))
            }
            (None, None, Some(event), None, None) => {
                ("event", &event.schema, self.event_trigger(event))
            }
            (None, None, None, Some(schedule), None) => {
                let kind = self.schedule(schedule).map(TriggerKind::Schedule);
                ("schedule", &None, kind)
            }
            (None, None, None, None, Some(poll)) => {
                let (kind, schema) = self.poll(poll).unzip();
                given = schema;
                ("poll", &None, kind)
            }
            _ => {
                // A kind that is not supported yet has been reported already.
                const KINDS: [&str; 5] = ["webhook", "manual", "event", "schedule", "poll"];
                let mut keys = trigger.keys.iter();
                if keys.all(|(key, _)| KINDS.contains(&key.as_str())) {
                    let message = "a trigger is of exactly one kind: `webhook`, `schedule`, `event`, `poll` or `manual`";
                    self.report
                        .error(code::TRIGGER_CHOICE, trigger.span, message);
                }
                return None;
            }
        };
        let schema = match given {
            Some(given) => Some(Some(given)),
            None => self.optional_schema(schema.as_ref()),
        };
        let sensitive = self.trigger_pointers(trigger, schema.as_ref());
        let (kind, schema) = (kind?, schema?);
        let known = match (&kind, &schema) {
            (TriggerKind::Schedule(_), _) => Known::object(&["scheduled_at", "fired_at"]),
            (_, Some(schema)) => schema.known.clone(),
            (_, None) => Known::Any,
        };
        let trigger = Trigger {
            name: name.unwrap_or(default).to_owned(),
            schema: schema.map(|schema| schema.json),
            kind,
            sensitive: sensitive?,
        };
        Some((trigger, known))
    }

    fn webhook(&mut self, webhook: &Webhook) -> Option<TriggerKind> {
        let path = self.webhook_path(&webhook.path);
        let mut headers = Some(Vec::new());
        for header in webhook.headers.iter().flatten() {
            let name = header.value.0.to_ascii_lowercase();
            if SECRET_HEADERS.contains(&name.as_str()) {
                let message = format!("the header `{name}` carries credentials and is never kept");
                self.report.error(code::BAD_FORM, header.span, message);
                headers = None;
            } else if let Some(headers) = &mut headers {
                headers.push(name);
            }
        }
        let method = match webhook.method.unwrap_or(Method::Post) {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
        };
        let Some(verify) = webhook.verify else {
            let message = "nothing says how the sender proves itself";
            let found = self.report.error(WEBHOOK_CHOICE, webhook.span, message);
            found.help("write `verify: standard-webhooks`, or `connection` and `receiver`");
            return None;
        };
        let verify = match verify {
            VerifyName::None => Verify::None,
            VerifyName::Token => Verify::Token,
            VerifyName::StandardWebhooks => Verify::StandardWebhooks,
            VerifyName::Github => Verify::Github,
            VerifyName::Stripe => Verify::Stripe,
            VerifyName::Shopify => Verify::Shopify,
        };
        Some(TriggerKind::Webhook {
            path: path?,
            method: method.to_owned(),
            verify,
            headers: headers?,
            // Lowered where the run is in reach: it is about its output.
            respond: Respond::Accepted,
        })
    }

    pub(super) fn webhook_path(&mut self, path: &Located<Text>) -> Option<String> {
        let text = &path.value.0;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let good = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
        let parts = text.strip_prefix('/').map(|rest| rest.split('/').all(good));
        if parts == Some(true) && text.len() <= MAX_PATH {
            return Some(text.clone());
        }
        let message =
            "a webhook's path begins with a slash and has letters, digits and -._~ between slashes";
        let found = self.report.error(code::BAD_FORM, path.span, message);
        found.help("write a path such as /orders");
        None
    }

    fn refuse_repeated_paths(&mut self, file: &FlowFile, triggers: &[Trigger]) {
        let same = |a: &TriggerKind, b: &TriggerKind| {
            let (a, b) = (a.routes(), b.routes());
            a.iter().any(|route| b.contains(route))
        };
        for (index, trigger) in triggers.iter().enumerate() {
            let mut earlier = triggers[..index].iter();
            if !earlier.any(|other| same(&other.kind, &trigger.kind)) {
                continue;
            }
            let written = file.triggers.iter().flat_map(|all| &all.0).nth(index);
            let span = written.map_or(file.span, |(name, _)| name.span);
            let message = "another trigger of the flow listens to the same method and path";
            self.report.error(code::REPEATED_PATH, span, message);
        }
    }

    /// How duplicates are recognised; `Some(None)` if they are not.
    pub(super) fn dedupe(&mut self, file: &FlowFile) -> Option<Option<Dedupe>> {
        let Some(dedupe) = &file.dedupe else {
            return Some(None);
        };
        self.scope.dot = Dot::Value(self.scope.trigger.clone());
        self.scope.in_run = false;
        self.begin_program();
        let key = self.formula_output(&dedupe.key, "dedupe.key");
        let key = key.map(|key| self.end_program(None, vec![key]));
        self.scope.dot = Dot::Nothing;
        self.scope.in_run = true;
        let window = self.duration(&dedupe.window, MAX_WINDOW, "from 1ms to 400d");
        Some(Some(Dedupe {
            key: key?,
            window: window?,
        }))
    }

    /// How many runs of the same key may be at work; `Some(None)` if that is not limited.
    pub(super) fn concurrency(
        &mut self,
        file: &FlowFile,
        dedupe: Option<&Dedupe>,
    ) -> Option<Option<Concurrency>> {
        let Some(written) = &file.concurrency else {
            return Some(None);
        };
        self.scope.dot = Dot::Value(self.scope.trigger.clone());
        self.scope.in_run = false;
        self.begin_program();
        let key = self.formula_output(&written.key, "concurrency.key");
        let keys = key.map(|key| {
            let mut outputs = vec![key];
            if let Some(dedupe) = dedupe {
                outputs.extend(dedupe.key.outputs.iter().cloned());
                self.needs.add(&dedupe.key.needs);
            }
            self.end_program(None, outputs)
        });
        self.scope.dot = Dot::Nothing;
        self.scope.in_run = true;
        let limit = match &written.limit {
            None => 1,
            Some(limit) => {
                if !(1..=MAX_LIMIT).contains(&limit.value) {
                    self.out_of_range(limit.span, "from 1 to 1000");
                }
                limit.value
            }
        };
        Some(Some(Concurrency {
            keys: keys?,
            limit,
            when_full: match written.when_full {
                None | Some(WhenFullName::Queue) => WhenFull::Queue,
                Some(WhenFullName::Drop) => WhenFull::Drop,
            },
            while_parked: match written.while_parked {
                None | Some(WhileParkedName::Hold) => WhileParked::Hold,
                Some(WhileParkedName::Release) => WhileParked::Release,
            },
        }))
    }

    /// The run's output; `Some(None)` without it.
    pub(super) fn flow_output(&mut self, file: &FlowFile) -> Option<Option<Arc<Program>>> {
        let Some(output) = &file.output else {
            return Some(None);
        };
        self.scope.step = None;
        self.scope.is_guarded = false;
        self.begin_program();
        let template = self.template(&output.0, "output")?;
        Some(Some(self.end_program(None, vec![template])))
    }

    /// How long a run may be at work, and how long it may take.
    pub(super) fn run_limits(&mut self, file: &FlowFile) -> Option<RunLimits> {
        let mut limit = |written: &Option<Located<Duration>>| match written {
            None => Some(None),
            Some(written) => self
                .duration(written, MAX_WINDOW, "from 1ms to 400d")
                .map(Some),
        };
        let (timeout, deadline) = (limit(&file.timeout), limit(&file.deadline));
        Some(RunLimits {
            timeout: timeout?,
            deadline: deadline?,
        })
    }

    /// A duration within its range.
    pub(super) fn duration(
        &mut self,
        duration: &Located<Duration>,
        longest: Duration,
        range: &str,
    ) -> Option<Duration> {
        if duration.value.is_zero() || duration.value > longest {
            self.out_of_range(duration.span, range);
            return None;
        }
        Some(duration.value)
    }
}

/// Whether a connector is to understand the requests.
fn is_of_connection(webhook: &Webhook) -> bool {
    webhook.connection.is_some() || webhook.receiver.is_some() || webhook.with.is_some()
}
