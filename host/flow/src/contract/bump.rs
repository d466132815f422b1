//! Which part of a version a change has to raise.

use super::flow::ContractChange;
use super::{Class, Promise, Rule};
use crate::plan::Plan;
use semver::Version;
use serde::Serialize;
use std::fmt;

/// The part of a version that is raised (Semantic Versioning 2.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bump {
    /// None: nothing has changed.
    None,
    /// The patch: nobody outside can tell.
    Patch,
    /// The minor: something is new, and what was there still works.
    Minor,
    /// The major: somebody has to change something.
    Major,
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// What a change of a flow has to raise.
pub fn due(old: &Plan, new: &Plan, contract: &[ContractChange]) -> Bump {
    let worst = contract.iter().map(|change| change.class).max();
    // Neither is seen from outside by itself.
    let is_silent = |change: &ContractChange| {
        change.rule == Promise::OutputUnknown.name() || change.rule == Rule::Deprecated.name()
    };
    match worst {
        Some(Class::Breaking) => Bump::Major,
        Some(Class::NeedsDrain) => Bump::Minor,
        Some(Class::Compatible) if !contract.iter().all(is_silent) => Bump::Minor,
        _ if old.source == new.source => Bump::None,
        _ => Bump::Patch,
    }
}

/// What has been raised; `None` if the newer version is not newer.
pub fn actual(old: &Version, new: &Version) -> Option<Bump> {
    if new < old {
        return None;
    }
    Some(if new.major > old.major {
        Bump::Major
    } else if new.minor > old.minor {
        // While the major is 0, the minor takes its place (section 4).
        if new.major == 0 {
            Bump::Major
        } else {
            Bump::Minor
        }
    } else if new.patch > old.patch {
        if new.major == 0 {
            Bump::Minor
        } else {
            Bump::Patch
        }
    } else if new == old {
        Bump::None
    } else {
        // A pre-release became a release, or a later one: it stands for what it prepares.
        Bump::Major
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_raised() {
        let cases = [
            ("1.2.3", "1.2.3", Some(Bump::None)),
            ("1.2.3", "1.2.4", Some(Bump::Patch)),
            ("1.2.3", "1.3.0", Some(Bump::Minor)),
            ("1.2.3", "2.0.0", Some(Bump::Major)),
            ("0.2.3", "0.2.4", Some(Bump::Minor)),
            ("0.2.3", "0.3.0", Some(Bump::Major)),
            ("2.0.0-rc.1", "2.0.0", Some(Bump::Major)),
            ("1.2.3", "1.2.2", None),
        ];
        for (old, new, expected) in cases {
            let version = |text: &str| Version::parse(text).unwrap();
            assert_eq!(
                actual(&version(old), &version(new)),
                expected,
                "{old} {new}"
            );
        }
    }
}
