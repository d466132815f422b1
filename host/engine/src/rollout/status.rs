//! How the environment stands: what is active, what the repository says, and how far they
//! are apart.

use super::{Activation, Change, Verdict, active_tree, changes, judge};
use crate::canary::{CanaryState, CanaryStatus};
use crate::engine::{Engine, EngineError};
use dowel_core::code::Code;
use dowel_core::{CommitId, FlowName, Timestamp};
use parking_lot::Mutex;

/// A look at the repository, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// Where the branch or tag stands; `None` if the repository could not be reached.
    pub commit: Option<CommitId>,
    /// Whether its history was rewritten since the look before.
    pub rewritten: bool,
    /// What became of it.
    pub outcome: Result<Verdict, LookFailure>,
}

/// Why a commit cannot become active, or the repository cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookFailure {
    /// The stable code.
    pub code: Code,
    /// What is wrong, where, and what to do.
    pub message: String,
}

/// The last look.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<Option<Look>>);

/// How the environment stands.
#[derive(Clone, Debug)]
pub struct EnvironmentStatus {
    /// What is active; `None` where no repository is followed, or nothing ever was.
    pub active: Option<Activation>,
    /// The last look at the repository.
    pub look: Option<Look>,
    /// The trees that wait, with what they lack.
    pub waiting: Vec<ChangeStatus>,
    /// Flows that somebody has disabled at run time: git says otherwise.
    pub switched_off: Vec<FlowName>,
    /// Flows whose pinned version does not get all runs.
    pub canaries: Vec<CanaryStatus>,
}

/// A tree that waits.
#[derive(Clone, Debug)]
pub struct ChangeStatus {
    /// The tree.
    pub change: Change,
    /// How many approvals count.
    pub counted: u32,
    /// How many are asked for.
    pub needed: u32,
}

impl EnvironmentStatus {
    /// The canaries that hold runs back from what is pinned.
    pub fn held_back(&self) -> impl Iterator<Item = &CanaryStatus> {
        let canaries = self.canaries.iter();
        canaries.filter(|one| one.canary.state != CanaryState::Armed)
    }

    /// Whether what is active is what the repository says.
    pub fn in_sync(&self) -> bool {
        let outcome = self.look.as_ref().map(|look| &look.outcome);
        let follows = matches!(outcome, Some(Ok(Verdict::Active | Verdict::Unchanged)));
        follows && self.switched_off.is_empty() && self.held_back().next().is_none()
    }
}

impl Engine {
    /// Writes down what came of a look at the repository. The same failure is said once.
    pub fn looked(&self, look: &Look) {
        let shared = self.shared();
        let outcome = match &look.outcome {
            Ok(Verdict::Unchanged) => "unchanged",
            Ok(Verdict::Active) => "activated",
            Ok(Verdict::Awaiting(_)) => "awaiting",
            Ok(Verdict::Rejected) => "rejected",
            Err(_) if look.commit.is_none() => "unreachable",
            Err(_) => "refused",
        };
        shared.metrics.rollout.looked(outcome);
        let before = shared.rollout.looks.0.lock().replace(look.clone());
        let is_new = before.is_none_or(|before| {
            (before.commit, before.outcome) != (look.commit.clone(), look.outcome.clone())
        });
        if is_new {
            tell(look);
        }
    }

    /// How the environment stands.
    ///
    /// # Errors
    /// The store failed.
    pub async fn environment_status(&self) -> Result<EnvironmentStatus, EngineError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let active = active_tree(store).await?;
        let settings = shared.settings();
        let rule = settings.rule.with_floor(&shared.options.floor);
        let base = active.as_ref().map(|active| active.digest);
        let waiting = changes(store).await?.into_iter();
        let waiting = waiting.filter(|change| change.base == base).map(|change| {
            let counted = judge::counted(&change, &rule, &settings.policy);
            ChangeStatus {
                counted: u32::try_from(counted.len()).unwrap_or(u32::MAX),
                needed: rule.approvals,
                change,
            }
        });
        let flows = self.flow_status().into_iter();
        let switched = flows.filter(|flow| !flow.enabled && !flow.disabled_in_file);
        let canaries = self.canaries().await?;
        Ok(EnvironmentStatus {
            waiting: waiting.collect(),
            look: shared.rollout.looks.0.lock().clone(),
            switched_off: switched.map(|flow| flow.flow).collect(),
            canaries,
            active,
        })
    }
}

fn tell(look: &Look) {
    let commit = look.commit.as_ref().map_or("none", CommitId::as_str);
    if look.rewritten {
        tracing::warn!(commit, "the history of what the host follows was rewritten");
    }
    match &look.outcome {
        Ok(Verdict::Unchanged) => tracing::debug!(commit, "what is active stays"),
        Ok(Verdict::Active) => tracing::info!(commit, "a commit became active"),
        Ok(Verdict::Awaiting(missing)) => {
            tracing::warn!(commit, missing, "a commit awaits approval");
        }
        Ok(Verdict::Rejected) => tracing::warn!(commit, "a commit was rejected"),
        Err(LookFailure { code, message }) => {
            tracing::error!(commit, %code, error = message, "a commit is refused; nothing has changed");
        }
    }
}
