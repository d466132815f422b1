//! The exception desk on the command line.

use super::Host;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Who decides, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct Author {
    /// Who decides, as the run's story names them; the name of the user unless given.
    #[arg(long, env = "DOWEL_ACTOR")]
    pub(crate) actor: Option<String>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Exceptions {
    /// Lists the runs that wait for a person, the newest first.
    #[command(after_help = "Example:\n  dowel exceptions list --flow order-to-invoice")]
    List {
        /// Only runs of this flow.
        #[arg(long)]
        flow: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        host: Host,
    },
    /// Shows one of them.
    Show {
        /// The run's id.
        id: String,
        #[command(flatten)]
        host: Host,
    },
    /// Tries failed steps again, with the same keys and bytes.
    #[command(after_help = "Example:\n  dowel exceptions retry <run> --reason 'the CRM is back'")]
    Retry {
        /// The run's id.
        id: String,
        /// Only this step; all that failed unless given.
        #[arg(long)]
        step: Option<String>,
        #[command(flatten)]
        author: Author,
    },
    /// Tries a failed call again with another input, under another idempotency key.
    Edit {
        /// The run's id.
        id: String,
        /// The step.
        #[arg(long)]
        step: String,
        /// A file with the new input, or `-` for standard input.
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// The new key; made by the host unless given.
        #[arg(long)]
        key: Option<String>,
        #[command(flatten)]
        author: Author,
    },
    /// Gives a failed step a value, as if it had succeeded.
    Complete {
        /// The run's id.
        id: String,
        /// The step.
        #[arg(long)]
        step: String,
        /// A file with the step's value, or `-` for standard input.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        author: Author,
    },
    /// Goes on without a failed step.
    Skip {
        /// The run's id.
        id: String,
        /// The step.
        #[arg(long)]
        step: String,
        #[command(flatten)]
        author: Author,
    },
    /// Undoes the steps that have succeeded, and ends the run.
    Compensate {
        /// The run's id.
        id: String,
        #[command(flatten)]
        author: Author,
    },
    /// Ends the run as it is; the event may come in again.
    Discard {
        /// The run's id.
        id: String,
        /// Duplicates of the event are still recognised.
        #[arg(long)]
        keep_key: bool,
        #[command(flatten)]
        author: Author,
    },
}
