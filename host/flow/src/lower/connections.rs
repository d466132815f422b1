//! Connections and the connectors behind them.

use super::Lowering;
use crate::shape::did_you_mean;
use crate::surface::flow::FlowFile;
use crate::text::Span;
use dowel_core::Digest;
use dowel_core::code::reference as code;
use dowel_core::id::{ConnectionName, ConnectorName};
use dowel_core::journal::PinnedConnector;
use dowel_core::manifest::Manifest;
use semver::VersionReq;
use std::collections::BTreeMap;

/// A connection of the flow.
pub(super) struct Bound<'a> {
    span: Span,
    /// The connector that was chosen, unless something is wrong with it.
    pub(super) chosen: Option<(&'a Manifest, Digest)>,
    pub(super) is_used: bool,
}

impl<'a> Lowering<'a> {
    /// Finds the connector of each connection.
    pub(super) fn bind_connections(&mut self, file: &FlowFile) {
        let declared = file.connections.iter().flat_map(|all| &all.0);
        for (name, connector) in declared {
            let chosen = self.choose(&connector.value.0, connector.span);
            let bound = Bound {
                span: name.span,
                chosen,
                is_used: false,
            };
            self.connections.insert(name.value.clone(), bound);
        }
    }

    fn choose(&mut self, text: &str, span: Span) -> Option<(&'a Manifest, Digest)> {
        let parts = text.split_once('@').and_then(|(name, range)| {
            Some((
                ConnectorName::new(name).ok()?,
                VersionReq::parse(range).ok()?,
            ))
        });
        let Some((name, range)) = parts else {
            let message = format!("`{text}` is not a connector and a range of versions");
            let found = self.report.error(code::BAD_CONNECTOR_RANGE, span, message);
            found.help("write it as `hubspot@^2.1`");
            return None;
        };
        let catalogue = self.context.catalogue;
        let versions = catalogue.versions(&name);
        if versions.is_empty() {
            let names = catalogue.names();
            let help = did_you_mean(name.as_str(), names.iter().map(|name| name.as_str()));
            let message = format!("the connector `{name}` is not installed");
            let found = self
                .report
                .error(code::CONNECTOR_NOT_INSTALLED, span, message);
            found.help = help;
            return None;
        }
        let installed: Vec<String> = versions
            .iter()
            .map(|(manifest, _)| manifest.version.to_string())
            .collect();
        let found = versions
            .into_iter()
            .find(|(manifest, _)| range.matches(&manifest.version));
        if found.is_none() {
            let message = format!("no installed version of `{name}` is in the range `{range}`");
            let error = self.report.error(code::NO_MATCHING_VERSION, span, message);
            error.help(format!("installed: {}", installed.join(", ")));
        }
        found
    }

    /// The connectors as the plan pins them.
    pub(super) fn pinned(&self) -> BTreeMap<ConnectionName, PinnedConnector> {
        let pin = |(name, bound): (&ConnectionName, &Bound<'_>)| {
            let (manifest, digest) = bound.chosen?;
            let pinned = PinnedConnector {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                digest,
            };
            Some((name.clone(), pinned))
        };
        self.connections.iter().filter_map(pin).collect()
    }

    /// What is declared has to be granted, so what is not used should go.
    pub(super) fn warn_of_unused_connections(&mut self) {
        for (name, bound) in self.connections.iter().filter(|(_, bound)| !bound.is_used) {
            let message = format!("no step calls the connection `{name}`");
            self.report
                .warning(code::UNUSED_CONNECTION, bound.span, message);
        }
    }
}
