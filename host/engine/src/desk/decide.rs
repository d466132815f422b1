//! What people decide about items and runs: one way in, whatever it is about.

use super::index;
use super::item::{Item, ItemClass};
use crate::command::CommandError;
use crate::engine::Engine;
use crate::state::RunStatus;
use crate::summary;
use dowel_core::journal::{Actor, Command, Commanded, Origin};
use dowel_core::port::Batch;
use dowel_core::{JsonText, RunId, StepPath};
use serde::{Deserialize, Serialize};

/// Who decides, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deciding {
    /// Who.
    pub actor: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who confirmed it, where the environment asks for two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// How they were known, and from where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The bulk operation that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<RunId>,
}

/// What is decided about an item or a run. A step that is not named is the item's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// End the run before its time.
    Cancel {
        /// Whether the steps that have succeeded are undone.
        #[serde(default)]
        compensate: bool,
    },
    /// Try again, with the same keys and bytes.
    Retry {
        /// Only this step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
        /// On this version of the flow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<semver::Version>,
    },
    /// Try a failed call again with another input, under another key.
    EditInput {
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
        /// The new input, in full.
        input: JsonText,
        /// The new key; empty for one that the host makes.
        #[serde(default)]
        idempotency_key: String,
    },
    /// Give a failed step a value, as if it had succeeded.
    Complete {
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
        /// The value.
        output: JsonText,
    },
    /// Go on without a failed step.
    Skip {
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
    },
    /// Undo the steps that have succeeded, and end the run.
    Compensate,
    /// Nothing more is to be done.
    Discard {
        /// Whether the dedupe key stays taken.
        #[serde(default)]
        keep_key: bool,
    },
    /// Begin another run of the same event, on the active version of the flow.
    Rerun,
    /// Take a payload out of quarantine and in again, as the flow is now.
    Resubmit {
        /// The payload in the place of the one that came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<JsonText>,
    },
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The run that it is about.
    pub run: Option<RunId>,
    /// Where that run stands.
    pub status: Option<RunStatus>,
    /// The run that it began.
    pub began: Option<RunId>,
    /// The proposal that waits for a second person; nothing was carried out.
    pub proposed: Option<RunId>,
}

impl Action {
    /// The name in API, CLI and environment file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::EditInput { .. } => "edit-input",
            Self::Complete { .. } => "complete",
            Self::Skip { .. } => "skip",
            Self::Compensate => "compensate",
            Self::Discard { .. } => "discard",
            Self::Rerun => "rerun",
            Self::Resubmit { .. } => "resubmit",
        }
    }
}

impl Action {
    /// Whether it is among many items for those of this class.
    pub(super) const fn is_for(&self, class: ItemClass) -> bool {
        match class {
            ItemClass::LoopItem => matches!(
                self,
                Self::Retry { version: None, .. } | Self::Discard { .. } | Self::Rerun
            ),
            ItemClass::Quarantined => {
                matches!(self, Self::Resubmit { .. } | Self::Discard { .. })
            }
            ItemClass::Parked | ItemClass::Failed | ItemClass::CompensationFailed => {
                !matches!(self, Self::Resubmit { .. })
            }
        }
    }

    /// Whether it is recorded with the reason for it.
    pub(super) const fn needs_reason(&self) -> bool {
        matches!(
            self,
            Self::Skip { .. } | Self::Complete { .. } | Self::Discard { .. } | Self::Compensate
        )
    }
}

impl Engine {
    /// Decides about an item, or about a run by its id. Where the environment asks for two
    /// people the decision becomes a proposal.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn decide(
        &self,
        id: RunId,
        deciding: Deciding,
        action: Action,
    ) -> Result<Decided, CommandError> {
        if self.needs_two(&action) {
            return self.propose(id, deciding, action).await;
        }
        let deciding = Deciding {
            confirmed_by: None,
            ..deciding
        };
        self.decide_with(id, deciding, action, Batch::default())
            .await
    }

    /// The same, together with what else is to be written.
    pub(crate) async fn decide_with(
        &self,
        id: RunId,
        deciding: Deciding,
        action: Action,
        with: Batch,
    ) -> Result<Decided, CommandError> {
        let store = self.shared().ports.store.as_ref();
        let item = index::get(store, id).await?;
        if let Some(item) = &item
            && item.class == ItemClass::Quarantined
        {
            return self.decide_rejected(item, deciding, action, with).await;
        }
        let run = item.as_ref().map_or(Some(id), |item| item.run);
        let Some(run) = run else {
            return Err(CommandError::NoSuchItem(id));
        };
        let began = if action == Action::Rerun {
            Some(self.rerun_with(run, deciding, with).await?)
        } else {
            let command = self.command_of(run, item.as_ref(), action).await?;
            let commanded = Commanded {
                actor: Actor(deciding.actor),
                reason: deciding.reason,
                confirmed_by: deciding.confirmed_by.map(Actor),
                origin: deciding.origin,
                bulk: deciding.bulk,
                command,
            };
            self.command_with(run, commanded, with).await?;
            None
        };
        let summary = summary::get(store, run).await?;
        Ok(Decided {
            run: Some(run),
            status: summary.map(|summary| summary.status),
            began,
            proposed: None,
        })
    }

    pub(super) async fn command_of(
        &self,
        run: RunId,
        item: Option<&Item>,
        action: Action,
    ) -> Result<Command, CommandError> {
        if let Some(item) = item
            && item.class == ItemClass::LoopItem
        {
            return of_loop_item(item, &action);
        }
        let step = |path: Option<StepPath>| {
            let own = || item.and_then(|item| item.step.clone());
            path.or_else(own)
                .ok_or_else(|| CommandError::Refused("name the step that is meant".to_owned()))
        };
        Ok(match action {
            Action::Cancel { compensate } => Command::Cancel { compensate },
            Action::Retry {
                path,
                version: None,
            } => Command::Retry { path },
            Action::Retry {
                path,
                version: Some(version),
            } => Command::RetryOn {
                path,
                other: self.other_plan(run, &version).await?,
            },
            Action::EditInput {
                path,
                input,
                idempotency_key,
            } => Command::EditInput {
                path: step(path)?,
                input,
                idempotency_key,
            },
            Action::Complete { path, output } => Command::Complete {
                path: step(path)?,
                output,
            },
            Action::Skip { path } => Command::Skip { path: step(path)? },
            Action::Compensate => Command::Compensate,
            Action::Discard { keep_key } => Command::Discard { keep_key },
            Action::Rerun => return Err(CommandError::NoSuchRun(run)),
            Action::Resubmit { .. } => {
                let message = "`resubmit` is for payloads in quarantine; a run is retried or rerun";
                return Err(CommandError::Refused(message.to_owned()));
            }
        })
    }
}

fn of_loop_item(item: &Item, action: &Action) -> Result<Command, CommandError> {
    let Some((path, index)) = item.loop_item.clone() else {
        return Err(CommandError::NoSuchItem(item.id));
    };
    match action {
        Action::Retry {
            path: None,
            version: None,
        } => Ok(Command::RetryItem { path, index }),
        Action::Discard { .. } => Ok(Command::DiscardItem { path, index }),
        other => Err(CommandError::Refused(format!(
            "an item of a loop can be retried, discarded, or rerun with its whole run; `{}` is for runs",
            other.name()
        ))),
    }
}
