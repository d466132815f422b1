//! Decisions of people and policies about runs.

use crate::engine::{Engine, EngineError};
use crate::inbox::{self, Message};
use crate::journal;
use crate::state::RunState;
use dowel_core::RunId;
use dowel_core::code::{self, Code};
use dowel_core::journal::{Command, Commanded, Entry, Event, VERSION};

/// Why a decision was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// The run does not allow it where it stands.
    #[error("{0}")]
    Refused(String),
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
            Self::Engine(error) => error.code(),
        }
    }
}

impl Engine {
    /// Carries out a decision about a run. When this returns, it is in the run's journal,
    /// or, while the host is shutting down, on disk and due at the next start.
    pub async fn command(&self, run: RunId, commanded: Commanded) -> Result<(), CommandError> {
        let shared = self.shared();
        let entries = journal::load(shared.ports.store.as_ref(), run)
            .await
            .map_err(EngineError::from)?;
        if entries.is_empty() {
            return Err(CommandError::NoSuchRun(run));
        }
        let commanded = with_key(run, entries.len(), commanded);
        try_on(&entries, &commanded, self.now())?;
        let message = Message::Command(commanded);
        let verdict = inbox::send(shared, run, &message)
            .await
            .map_err(EngineError::from)?;
        let mut draining = shared.draining.subscribe();
        tokio::select! {
            verdict = verdict => match verdict {
                Ok(Err(reason)) => Err(CommandError::Refused(reason)),
                // Without a verdict the engine has stopped; the message is on disk.
                Ok(Ok(())) | Err(_) => Ok(()),
            },
            _ = draining.wait_for(|draining| *draining) => Ok(()),
        }
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
