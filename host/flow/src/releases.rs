//! `flows.lock`: which content a released version of a flow is.

use crate::diagnostic::{Diagnostic, Report};
use crate::outline::Outlines;
use crate::shape::Shape;
use crate::source::FlowFolder;
use crate::surface::lock::LockFile;
use crate::text::Source;
use crate::yaml;
use dowel_core::id::FlowName;
use dowel_core::{CommitId, Digest};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// The name of the file at the root of the repository.
pub const LOCK_FILE: &str = "flows.lock";

const HEAD: &str =
    "# Written by `dowel flow release`: what each released version is. Do not edit.\nflows:";

/// What a released version is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The commit that holds it.
    pub commit: CommitId,
    /// The digest of its files.
    pub digest: Digest,
}

/// The released versions of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases(BTreeMap<FlowName, BTreeMap<semver::Version, Release>>);

/// A flow whose content is not what its version was released with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The flow.
    pub flow: FlowName,
    /// Its version.
    pub version: semver::Version,
    /// What it was released with.
    pub released: Digest,
    /// What it has.
    pub found: Digest,
}

impl Releases {
    /// A released version.
    pub fn get(&self, flow: &FlowName, version: &semver::Version) -> Option<&Release> {
        self.0.get(flow)?.get(version)
    }

    /// All versions, by flow, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&FlowName, &semver::Version, &Release)> {
        let flows = self.0.iter();
        flows.flat_map(|(flow, versions)| {
            versions
                .iter()
                .map(move |(version, release)| (flow, version, release))
        })
    }

    /// Adds a version. What was released stays what it was: `false` if the version is
    /// there with another content, and nothing is changed.
    pub fn add(&mut self, flow: FlowName, version: semver::Version, release: Release) -> bool {
        let versions = self.0.entry(flow).or_default();
        match versions.get(&version) {
            Some(known) => known.digest == release.digest,
            None => {
                versions.insert(version, release);
                true
            }
        }
    }

    /// Flows whose version is released with another content.
    pub fn changed(&self, folders: &[FlowFolder]) -> Vec<Changed> {
        let outlines = Outlines::of(folders);
        let mut changed = Vec::new();
        for folder in folders {
            let Ok(flow) = FlowName::new(folder.name()) else {
                continue;
            };
            // A flow that cannot be read has other findings.
            let Some(outline) = outlines.get(&flow).flatten() else {
                continue;
            };
            let (version, found) = (outline.version.clone(), folder.digest());
            let release = self.get(&flow, &version);
            if let Some(release) = release.filter(|release| release.digest != found) {
                changed.push(Changed {
                    released: release.digest,
                    flow,
                    version,
                    found,
                });
            }
        }
        changed
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        if self.0.is_empty() {
            return format!("{HEAD} {{}}\n");
        }
        let mut text = format!("{HEAD}\n");
        for (flow, versions) in &self.0 {
            let _ = writeln!(text, "  {flow}:");
            for (version, Release { commit, digest }) in versions {
                let _ = writeln!(
                    text,
                    "    {version}: {{ commit: '{commit}', digest: '{digest}' }}"
                );
            }
        }
        text
    }
}

/// Reads the file of released versions. `path` is only shown.
///
/// # Errors
/// Everything that is wrong, in order of place.
pub fn parse(path: &str, text: &str) -> Result<Releases, Vec<Diagnostic>> {
    let mut report = Report::new(Arc::new(Source::new(path, text)));
    let tree = yaml::parse(text, &mut report);
    let file = tree.and_then(|tree| LockFile::decode(&tree, &mut report));
    let Some(file) = file.filter(|_| !report.has_errors()) else {
        return Err(report.into_sorted());
    };
    let mut releases = Releases::default();
    for (flow, versions) in file.flows.0 {
        for (version, written) in versions.0 {
            let release = Release {
                commit: written.commit.value,
                digest: written.digest.value,
            };
            releases.add(flow.value.clone(), version.value, release);
        }
    }
    Ok(releases)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(version: &str, more: &str) -> FlowFolder {
        let flow = format!(
            "language: dowel/v1\nflow: a\nversion: {version}\ntrigger: {{ manual: {{}} }}\nsteps:\n  - id: x\n    set: {{ a: 1 }}\n{more}"
        );
        FlowFolder {
            path: "flows/a".to_owned(),
            files: BTreeMap::from([("flow.yaml".to_owned(), flow)]),
        }
    }

    fn release(folder: &FlowFolder) -> Release {
        Release {
            commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            digest: folder.digest(),
        }
    }

    #[test]
    fn the_file_is_read_as_it_is_written() {
        let mut releases = Releases::default();
        assert_eq!(parse("flows.lock", &releases.render()).unwrap(), releases);
        for version in ["1.10.0", "1.9.0"] {
            let flow = FlowName::new("a").unwrap();
            let folder = folder(version, "");
            assert!(releases.add(flow, version.parse().unwrap(), release(&folder)));
        }
        let text = releases.render();
        assert_eq!(parse("flows.lock", &text).unwrap(), releases, "{text}");
        let at = |version: &str| text.find(version).unwrap();
        assert!(at("1.9.0") < at("1.10.0"), "{text}");
    }

    #[test]
    fn a_released_version_keeps_its_content() {
        let released = folder("1.0.0", "");
        let (flow, version) = (FlowName::new("a").unwrap(), "1.0.0".parse().unwrap());
        let mut releases = Releases::default();
        releases.add(flow.clone(), version, release(&released));
        assert_eq!(releases.changed(std::slice::from_ref(&released)), []);

        let mut tested = released;
        for name in ["flow.test.yaml", "runbook.md"] {
            tested.files.insert(name.to_owned(), "new".to_owned());
        }
        assert_eq!(
            releases.changed(&[tested]),
            [],
            "tests and runbooks may change"
        );

        let other = folder("1.0.0", "# other\n");
        assert_eq!(releases.changed(std::slice::from_ref(&other)).len(), 1);
        assert_eq!(releases.changed(&[folder("1.0.1", "# other\n")]), []);
        let version = "1.0.0".parse().unwrap();
        assert!(!releases.add(flow, version, release(&other)));
    }

    #[test]
    fn mistakes_have_a_place() {
        let found = parse("flows.lock", "flows: { a: { 1.0: {} } }\n").unwrap_err();
        assert_eq!(found[0].position.line, 1);
    }
}
