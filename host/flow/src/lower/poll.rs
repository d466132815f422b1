//! `poll` triggers.

use super::Lowering;
use super::files::SchemaFile;
use crate::check::Known;
use crate::plan::{Poll, TriggerKind};
use crate::shape::did_you_mean;
use crate::surface::flow::Poll as Written;
use crate::template::constant;
use crate::validate::Validator;
use dowel_core::JsonText;
use dowel_core::code::{flow, reference as code};
use dowel_core::manifest::SourceSpec;
use std::time::Duration;

/// Whoever needs events faster than this wants a webhook.
const MIN_EVERY: Duration = Duration::from_secs(1);

/// Rarer than this is a schedule with a list of its own.
const MAX_EVERY: Duration = Duration::from_secs(31 * 86_400);

/// The longest time of one read unless the source says otherwise.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(60);

impl Lowering<'_> {
    /// The trigger, and the schema that its source gives the payload.
    pub(super) fn poll(&mut self, written: &Written) -> Option<(TriggerKind, SchemaFile)> {
        let every = self.duration(&written.every, MAX_EVERY, "from 1s to 31d");
        let every = every.filter(|every| {
            let is_rare = *every >= MIN_EVERY;
            if !is_rare {
                self.out_of_range(written.every.span, "from 1s to 31d");
            }
            is_rare
        });
        let params = match &written.with {
            None => Some(JsonText::object([])),
            Some(with) => constant(&with.0, "with", &mut self.report),
        };
        let (connection, name, manifest) = self.bound_name(&written.source, "a source")?;
        let Some(source) = manifest.source(name.as_str()) else {
            let (connector, version) = (&manifest.name, &manifest.version);
            let message = format!("the connector {connector} {version} has no source `{name}`");
            let names = manifest.sources.iter().map(|spec| spec.name.as_str());
            let help = did_you_mean(name.as_str(), names);
            let span = written.source.span;
            self.report.error(code::UNKNOWN_SOURCE, span, message).help = help;
            return None;
        };
        let (every, params) = (every?, params?);
        self.check_params(written, source, &params)?;
        let deadline = source.deadline_ms.map(Duration::from_millis);
        let kind = TriggerKind::Poll(Poll {
            connection,
            source: name,
            params,
            every,
            deadline: deadline.unwrap_or(DEFAULT_DEADLINE),
        });
        let schema = SchemaFile {
            json: source.event_schema.clone(),
            known: Known::schema(&source.event_schema),
        };
        Some((kind, schema))
    }

    fn check_params(
        &mut self,
        written: &Written,
        source: &SourceSpec,
        params: &JsonText,
    ) -> Option<()> {
        // A schema that cannot be compiled is the connector's defect, not the flow's.
        let violations = Validator::new(&source.params_schema).ok()?.check(params);
        for violation in &violations {
            let place = match violation.pointer.as_str() {
                "" => "`with`".to_owned(),
                pointer => format!("`with` at {pointer}"),
            };
            let message = format!(
                "{place} does not fit the source `{}`: {}",
                source.name, violation.message
            );
            let span = written
                .with
                .as_ref()
                .map_or(written.span, |_| written.source.span);
            let found = self.report.error(flow::POLL_PARAMS, span, message);
            found.help("`dowel connector docs` shows the parameters of the source");
        }
        violations.is_empty().then_some(())
    }
}
