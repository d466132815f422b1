//! What came of a test.

use crate::check::{CHECKS, CheckSpec};
use dowel_core::Digest;
use serde::Serialize;
use std::fmt;

/// A level of certification. Each has everything of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Safe to run.
    Bronze,
    /// Safe to rely on when things go wrong.
    Silver,
    /// Proven in everything that the kit knows.
    Gold,
}

impl Level {
    /// From the lowest on.
    pub const ALL: [Self; 3] = [Self::Bronze, Self::Silver, Self::Gold];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
        })
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "notes")]
pub enum Outcome {
    /// The connector behaves.
    Passed,
    /// It does not, and how.
    Failed(Vec<String>),
    /// The kit has nothing to judge it by, and what that would be.
    Missing(Vec<String>),
    /// The check is about something that the connector does not have.
    NotApplicable,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// The check's stable name.
    pub id: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The lowest level that needs it.
    pub level: Level,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl CheckReport {
    /// Whether the level is reached as far as this check goes.
    pub fn is_met(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::NotApplicable)
    }
}

/// What came of a test.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The connector's name; the empty text where it cannot be read.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// Digest of the component.
    pub digest: Digest,
    /// Every check, in the order of [`CHECKS`].
    pub checks: Vec<CheckReport>,
    /// The level that is reached.
    pub level: Option<Level>,
}

impl Report {
    pub(crate) fn new(
        (connector, version): (String, String),
        digest: Digest,
        mut outcomes: impl FnMut(&CheckSpec) -> Outcome,
    ) -> Self {
        let checks = CHECKS.iter().map(|spec| CheckReport {
            id: spec.id,
            about: spec.about,
            level: spec.level,
            outcome: outcomes(spec),
        });
        let checks: Vec<CheckReport> = checks.collect();
        let reached = |level: &Level| {
            let mut below = checks.iter().filter(|check| check.level <= *level);
            below.all(CheckReport::is_met)
        };
        let level = Level::ALL.into_iter().rev().find(reached);
        Self {
            connector,
            version,
            digest,
            checks,
            level,
        }
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CheckReport> {
        let failed = |check: &&CheckReport| matches!(check.outcome, Outcome::Failed(_));
        self.checks.iter().filter(failed)
    }

    /// What the next level needs.
    pub fn missing(&self) -> Option<(Level, Vec<&CheckReport>)> {
        let next = Level::ALL
            .into_iter()
            .find(|level| Some(*level) > self.level)?;
        let open = self.checks.iter().filter(|check| check.level <= next);
        Some((next, open.filter(|check| !check.is_met()).collect()))
    }
}
