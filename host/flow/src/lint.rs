//! What does not stop a flow and matters all the same, as strictly as the policy has it:
//! who answers for a flow, and what it uses although that will go. Looked at by `check`
//! alone: a host goes on with what it runs, whatever day it is.

use crate::compile::path_in;
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::lower::{FLOW_FILE, flow_and_range};
use crate::outline::{Outlines, collect};
use crate::policy::{Lint, Policy};
use crate::shape::{Located, Shape, Text};
use crate::source::{Catalogue, FlowFolder};
use crate::surface::flow::FlowFile;
use crate::text::{Source, Span};
use crate::yaml;
use dowel_core::code::{Code, change as code};
use dowel_core::deprecation::{Date, Deprecation};
use dowel_core::id::{ConnectionName, ConnectorName};
use dowel_core::manifest::Manifest;
use semver::VersionReq;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a flow is looked at with.
#[derive(Clone, Copy)]
pub struct LintContext<'a> {
    /// How strictly.
    pub policy: &'a Policy,
    /// The flows of the repository.
    pub flows: &'a Outlines,
    /// The installed connectors.
    pub catalogue: &'a dyn Catalogue,
    /// Which day it is.
    pub today: Date,
}

/// What is to be said of a flow, in order of place; nothing of a file that cannot be read,
/// about which more is said elsewhere.
pub fn lint(folder: &FlowFolder, context: LintContext<'_>) -> Vec<Diagnostic> {
    let text = folder.files.get(FLOW_FILE).map_or("", String::as_str);
    let source = Arc::new(Source::new(&path_in(folder, FLOW_FILE), text));
    let mut unheard = Report::new(Arc::clone(&source));
    let tree = yaml::parse(text, &mut unheard);
    let Some(file) = tree.and_then(|tree| FlowFile::decode(&tree, &mut unheard)) else {
        return Vec::new();
    };
    let mut look = Look {
        report: Report::new(source),
        context,
        connectors: BTreeMap::new(),
    };
    look.head(&file);
    look.bind(&file);
    look.steps(&file);
    look.report.into_sorted()
}

struct Look<'a> {
    report: Report,
    context: LintContext<'a>,
    /// The connector behind each connection.
    connectors: BTreeMap<ConnectionName, &'a Manifest>,
}

impl<'a> Look<'a> {
    fn say(&mut self, level: Lint, code: Code, span: Span, message: String, help: &str) {
        let severity = match level {
            Lint::Off => return,
            Lint::Warn => Severity::Warning,
            Lint::Deny => Severity::Error,
        };
        let source = Arc::clone(self.report.source());
        let found = self.report.add(severity, code, &source, span, message);
        found.help(help);
    }

    fn head(&mut self, file: &FlowFile) {
        let levels = &self.context.policy.lint;
        let span = file.flow.span;
        if file.owner.is_none() {
            let message = "nobody answers for the flow".to_owned();
            let help = "name a team or a person by `owner`";
            self.say(levels.owner, code::OWNER_MISSING, span, message, help);
        }
        if file.runbook.is_none() {
            let message = "the flow has no runbook".to_owned();
            let help = "write down what to do when a run is parked, and name the file by `runbook`";
            self.say(levels.runbook, code::RUNBOOK_MISSING, span, message, help);
        }
        if file.sla.is_none() {
            let message = "the flow promises nothing".to_owned();
            let help = "say by `sla` how long a run takes and how many succeed";
            self.say(levels.sla, code::SLA_MISSING, span, message, help);
        }
        if let Some(written) = &file.deprecated {
            let deprecation = written.value.read();
            if deprecation.is_past(self.context.today) {
                let message = format!("the flow is {deprecation}, and that day has passed");
                let help = "remove the flow, or move the date";
                self.say(levels.expired, code::EXPIRED, written.span, message, help);
            }
        }
    }

    fn bind(&mut self, file: &FlowFile) {
        let catalogue = self.context.catalogue;
        for (name, written) in file.connections.iter().flat_map(|all| &all.0) {
            let parts = written.value.0.split_once('@');
            let Some((connector, range)) = parts else {
                continue;
            };
            let (Ok(connector), Ok(range)) =
                (ConnectorName::new(connector), VersionReq::parse(range))
            else {
                continue;
            };
            let versions = catalogue.versions(&connector).into_iter();
            let mut fitting = versions.filter(|(one, _)| range.matches(&one.version));
            if let Some((manifest, _)) = fitting.next() {
                self.connectors.insert(name.value.clone(), manifest);
            }
        }
    }

    fn steps(&mut self, file: &FlowFile) {
        let mut steps = Vec::new();
        collect(&file.steps.value, &mut steps);
        for step in steps {
            let undo = step.compensate.as_ref().map(|undo| &undo.call);
            let pages = step
                .for_each
                .as_ref()
                .and_then(|each| each.pages_of.as_ref());
            for call in step.call.iter().chain(undo).chain(pages) {
                self.call(call);
            }
            if let Some(run) = &step.run {
                self.run(run);
            }
        }
    }

    fn call(&mut self, call: &Located<Text>) {
        let Some((connection, operation)) = call.value.0.split_once('.') else {
            return;
        };
        let connector = ConnectionName::new(connection)
            .ok()
            .and_then(|name| self.connectors.get(&name).copied());
        let Some(connector) = connector else {
            return;
        };
        let found = connector.operation(operation);
        if let Some(deprecation) = found.and_then(|spec| spec.deprecated.as_ref()) {
            let (name, version) = (&connector.name, &connector.version);
            let what = format!("the operation `{operation}` of {name} {version}");
            self.deprecated(&what, deprecation, code::DEPRECATED_OPERATION, call.span);
        }
    }

    fn run(&mut self, run: &Located<Text>) {
        let Some((flow, _)) = flow_and_range(&run.value.0) else {
            return;
        };
        let found = self.context.flows.get(&flow).flatten();
        let deprecation = found.and_then(|outline| outline.deprecated.as_ref());
        if let Some(deprecation) = deprecation {
            let what = format!("the flow `{flow}`");
            self.deprecated(&what, deprecation, code::DEPRECATED_FLOW, run.span);
        }
    }

    /// Says of a caller that what it calls will go, or should be gone.
    fn deprecated(&mut self, what: &str, deprecation: &Deprecation, code: Code, span: Span) {
        let levels = &self.context.policy.lint;
        let help = match &deprecation.instead {
            Some(instead) => format!("use {instead}"),
            None => "ask who answers for it what takes its place".to_owned(),
        };
        let mut dated = deprecation.clone();
        dated.instead = None;
        if deprecation.is_past(self.context.today) {
            let message = format!("{what} is {dated}, and that day has passed");
            self.say(levels.expired, code::EXPIRED, span, message, &help);
        } else {
            let message = format!("{what} is {dated}");
            self.say(levels.deprecated, code, span, message, &help);
        }
    }
}
