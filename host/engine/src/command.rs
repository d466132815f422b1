//! Decisions of people and policies about runs.

use crate::desk;
use crate::engine::{Engine, EngineError};
use crate::inbox::{self, Message};
use crate::intake::{IntakeError, Violations};
use crate::journal;
use crate::state::RunState;
use dowel_core::RunId;
use dowel_core::code::{self, Code};
use dowel_core::journal::{Command, Commanded, Entry, Event, VERSION};
use dowel_core::port::{Batch, StoreError};

/// Why a decision was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// The run does not allow it where it stands.
    #[error("{0}")]
    Refused(String),
    /// Nothing waits for a person under this id.
    #[error("nothing waits for a person under {0}")]
    NoSuchItem(RunId),
    /// What was given breaks its schema.
    #[error("{what} breaks its schema in {} place(s)", violations.len())]
    Invalid {
        /// What: the input, the output, the payload.
        what: &'static str,
        /// Where.
        violations: Violations,
    },
    /// A decision of this name needs a reason.
    #[error("`{0}` needs a reason")]
    ReasonRequired(&'static str),
    /// The event cannot be run again.
    #[error("{0}")]
    RerunRefused(String),
    /// The run cannot go on with that version.
    #[error("{0}")]
    VersionRefused(String),
    /// There is no such bulk operation.
    #[error("there is no bulk operation {0}")]
    NoSuchBulk(RunId),
    /// The bulk operation does not allow it where it stands.
    #[error("{0}")]
    BulkRefused(String),
    /// No decision waits for a second person under this id.
    #[error("no decision waits for a second person under {0}")]
    NoSuchProposal(RunId),
    /// Who proposed a decision wants to confirm it.
    #[error("`{0}` was proposed by the same person")]
    SamePerson(&'static str),
    /// The exception is not as it was when the decision was proposed.
    #[error("{0}")]
    ProposalStale(&'static str),
    /// The payload in quarantine cannot be submitted again as it is.
    #[error("{0}")]
    ResubmitRefused(String),
    /// The event was not taken.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The engine could not look or write.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl CommandError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchRun(_) => code::api::NO_SUCH_RUN,
            Self::Refused(_) => code::run::COMMAND_REFUSED,
            Self::NoSuchItem(_) => code::run::NO_SUCH_EXCEPTION,
            Self::Invalid { .. } => code::run::EDIT_INVALID,
            Self::ReasonRequired(_) => code::run::REASON_REQUIRED,
            Self::RerunRefused(_) => code::run::RERUN_REFUSED,
            Self::VersionRefused(_) => code::run::VERSION_REFUSED,
            Self::NoSuchBulk(_) => code::run::NO_SUCH_BULK,
            Self::BulkRefused(_) => code::run::BULK_REFUSED,
            Self::NoSuchProposal(_) => code::desk::NO_SUCH_PROPOSAL,
            Self::SamePerson(_) => code::desk::SAME_PERSON,
            Self::ProposalStale(_) => code::desk::PROPOSAL_STALE,
            Self::ResubmitRefused(_) => code::desk::RESUBMIT_REFUSED,
            Self::Intake(error) => error.code(),
            Self::Engine(error) => error.code(),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// Carries out a decision about a run. When this returns, it is in the run's journal,
    /// or, while the host is shutting down, on disk and due at the next start.
    pub async fn command(&self, run: RunId, commanded: Commanded) -> Result<(), CommandError> {
        self.command_with(run, commanded, Batch::default()).await
    }

    /// The same, together with what else is to be written when it is sent.
    pub(crate) async fn command_with(
        &self,
        run: RunId,
        commanded: Commanded,
        with: Batch,
    ) -> Result<(), CommandError> {
        let commanded = self.checked(run, commanded).await?;
        let shared = self.shared();
        let message = Message::Command(commanded);
        let verdict = inbox::send(shared, run, &message, with)
            .await
            .map_err(EngineError::from)?;
        let draining = shared.draining.clone();
        tokio::select! {
            biased;
            verdict = verdict => match verdict {
                Ok(Err(reason)) => Err(CommandError::Refused(reason)),
                // Without a verdict the engine has stopped; the message is on disk.
                Ok(Ok(())) | Err(_) => Ok(()),
            },
            () = draining.cancelled() => Ok(()),
        }
    }

    /// The decision as it would be sent, if the run allows it as it stands; nothing is
    /// written.
    pub(crate) async fn checked(
        &self,
        run: RunId,
        commanded: Commanded,
    ) -> Result<Commanded, CommandError> {
        desk::require_reason(&commanded)?;
        let shared = self.shared();
        let entries = journal::load(shared.ports.store.as_ref(), run)
            .await
            .map_err(EngineError::from)?;
        if entries.is_empty() {
            return Err(CommandError::NoSuchRun(run));
        }
        let commanded = with_key(run, entries.len(), commanded);
        try_on(&entries, &commanded, self.now())?;
        desk::check_given(shared, &entries, &commanded.command).await?;
        Ok(commanded)
    }
}

/// Gives an edited input a key of its own, unless the person named one: the effect of the
/// old input, if there is one, is another effect.
fn with_key(run: RunId, position: usize, mut commanded: Commanded) -> Commanded {
    if let Command::EditInput {
        path,
        idempotency_key,
        ..
    } = &mut commanded.command
        && idempotency_key.is_empty()
    {
        *idempotency_key = format!("{run}.{path}.edit-{position}");
    }
    commanded
}

/// Refuses early what the run as it stands would refuse anyway.
fn try_on(
    entries: &[Entry],
    commanded: &Commanded,
    at: dowel_core::Timestamp,
) -> Result<(), CommandError> {
    let mut state = RunState::fold(entries)
        .map_err(|error| CommandError::Engine(EngineError::Journal(error.to_string())))?;
    let entry = Entry {
        v: VERSION,
        seq: state.next_seq,
        at,
        event: Event::Commanded(commanded.clone()),
    };
    state
        .apply(&entry)
        .map_err(|illegal| CommandError::Refused(illegal.reason))
}
