//! The installed connectors, as the flow compiler asks for them.

use dowel_core::manifest::Manifest;
use dowel_core::{ConnectorName, Digest};
use dowel_flow::source::Catalogue;
use std::cmp::Reverse;
use std::sync::Arc;

/// Manifests and digests of the installed connectors.
#[derive(Clone, Debug, Default)]
pub(crate) struct InstalledConnectors(Vec<(Arc<Manifest>, Digest)>);

impl InstalledConnectors {
    pub(crate) fn new(mut connectors: Vec<(Arc<Manifest>, Digest)>) -> Self {
        connectors.sort_by_key(|(manifest, _)| {
            (manifest.name.clone(), Reverse(manifest.version.clone()))
        });
        Self(connectors)
    }

    pub(crate) fn by_digest(&self, digest: Digest) -> Option<&Manifest> {
        self.0
            .iter()
            .find(|(_, other)| *other == digest)
            .map(|(manifest, _)| manifest.as_ref())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Arc<Manifest>, Digest)> {
        self.0.iter()
    }
}

impl Catalogue for InstalledConnectors {
    fn versions(&self, name: &ConnectorName) -> Vec<(&Manifest, Digest)> {
        let matching = self.0.iter().filter(|(manifest, _)| manifest.name == *name);
        matching
            .map(|(manifest, digest)| (manifest.as_ref(), *digest))
            .collect()
    }

    fn names(&self) -> Vec<&ConnectorName> {
        let mut names: Vec<_> = self.0.iter().map(|(manifest, _)| &manifest.name).collect();
        names.dedup();
        names
    }
}
