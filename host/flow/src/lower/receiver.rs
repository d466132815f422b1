//! `webhook` triggers with a connection.

use super::Lowering;
use super::files::SchemaFile;
use crate::check::Known;
use crate::plan::{Receiver, TriggerKind};
use crate::shape::did_you_mean;
use crate::surface::flow::Webhook;
use crate::template::constant;
use crate::text::Span;
use crate::validate::Validator;
use dowel_core::JsonText;
use dowel_core::code::flow::BAD_FORM;
use dowel_core::code::receiver as code;
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::manifest::{Manifest, ReceiverSpec};
use std::time::Duration;

/// The longest time for one request unless the receiver says otherwise: senders wait no
/// longer than that for an answer.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

impl<'a> Lowering<'a> {
    /// The trigger, and the schema that its receiver gives the payload.
    pub(super) fn receiver(&mut self, webhook: &Webhook) -> Option<(TriggerKind, SchemaFile)> {
        let path = self.webhook_path(&webhook.path);
        let params = match &webhook.with {
            None => Some(JsonText::object([])),
            Some(with) => constant(&with.0, "with", &mut self.report),
        };
        let (connection, name, manifest, span) = self.named(webhook)?;
        let Some(spec) = manifest.receiver(name.as_str()) else {
            let (connector, version) = (&manifest.name, &manifest.version);
            let message = format!("the connector {connector} {version} has no receiver `{name}`");
            let names = manifest.receivers.iter().map(|spec| spec.name.as_str());
            let help = did_you_mean(name.as_str(), names);
            self.report
                .error(code::UNKNOWN_RECEIVER, span, message)
                .help = help;
            return None;
        };
        let (path, params) = (path?, params?);
        self.check_receiver_params(webhook, spec, &params, span)?;
        let deadline = spec.deadline_ms.map(Duration::from_millis);
        let kind = TriggerKind::Receiver(Receiver {
            path,
            connection,
            receiver: name,
            params,
            handshake: spec.handshake,
            subscription: spec.subscription,
            deadline: deadline.unwrap_or(DEFAULT_DEADLINE),
        });
        let schema = SchemaFile {
            json: spec.event_schema.clone(),
            known: Known::schema(&spec.event_schema),
        };
        Some((kind, schema))
    }

    /// What `connection` and `receiver` name; everything that does not go with them is
    /// reported.
    fn named(
        &mut self,
        webhook: &Webhook,
    ) -> Option<(ConnectionName, OperationName, &'a Manifest, Span)> {
        let keys = [
            ("verify", webhook.verify.is_some()),
            ("method", webhook.method.is_some()),
            ("schema", webhook.schema.is_some()),
            ("headers", webhook.headers.is_some()),
            ("respond", webhook.respond.is_some()),
        ];
        let mut is_good = true;
        for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
            let span = key_span(webhook, key);
            let message = format!("`{key}` does not go with a `connection`: its receiver knows");
            self.report.error(code::WEBHOOK_CHOICE, span, message);
            is_good = false;
        }
        let (Some(connection), Some(written)) = (&webhook.connection, &webhook.receiver) else {
            let message = "`connection` and `receiver` go together";
            self.report
                .error(code::WEBHOOK_CHOICE, webhook.span, message);
            return None;
        };
        let (text, span) = (written.value.0.as_str(), written.span);
        let name = OperationName::new(text).map_err(|_| {
            let message = format!("`{text}` is not a receiver: names are in kebab-case");
            self.report.error(BAD_FORM, span, message);
        });
        let manifest = self.connected(&connection.value, connection.span)?;
        is_good.then_some((connection.value.clone(), name.ok()?, manifest, span))
    }

    fn check_receiver_params(
        &mut self,
        webhook: &Webhook,
        spec: &ReceiverSpec,
        params: &JsonText,
        span: Span,
    ) -> Option<()> {
        // A schema that cannot be compiled is the connector's defect, not the flow's.
        let violations = Validator::new(&spec.params_schema).ok()?.check(params);
        let span = webhook
            .with
            .as_ref()
            .map_or(span, |_| key_span(webhook, "with"));
        for violation in &violations {
            let place = match violation.pointer.as_str() {
                "" => "`with`".to_owned(),
                pointer => format!("`with` at {pointer}"),
            };
            let (name, what) = (&spec.name, &violation.message);
            let message = format!("{place} does not fit the receiver `{name}`: {what}");
            let found = self.report.error(code::RECEIVER_PARAMS, span, message);
            found.help("`dowel connector docs` shows the parameters of the receiver");
        }
        violations.is_empty().then_some(())
    }
}

/// Where a key of the trigger stands.
fn key_span(webhook: &Webhook, key: &str) -> Span {
    let mut keys = webhook.keys.iter();
    let found = keys.find(|(name, _)| name == key);
    found.map_or(webhook.span, |(_, span)| *span)
}
