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

/// Which exceptions are meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only of this flow.
    #[arg(long)]
    pub(crate) flow: Option<String>,
    /// Only of this step, such as `invoice` or `lines[].ship`.
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// Only with this error code.
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// Only with this kind of error, such as `unavailable`.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only of this class: parked, failed, compensation-failed, loop-item.
    #[arg(long)]
    pub(crate) class: Option<String>,
    /// Only opened at this instant or later (RFC 3339).
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Only opened before this instant (RFC 3339).
    #[arg(long)]
    pub(crate) until: Option<String>,
    /// Only those about which nobody has decided in time.
    #[arg(long)]
    pub(crate) overdue: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Exceptions {
    /// Lists what waits for a person, the newest first.
    #[command(
        after_help = "Examples:\n  dowel exceptions list --flow order-to-invoice --kind unavailable\n  dowel exceptions list --overdue"
    )]
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Goes on where the page before ended.
        #[arg(long)]
        cursor: Option<String>,
        #[command(flatten)]
        host: Host,
    },
    /// Counts what waits for a person by flow, step and code, the largest group first.
    #[command(after_help = "Example:\n  dowel exceptions groups")]
    Groups {
        /// Only of this flow.
        #[arg(long)]
        flow: Option<String>,
        #[command(flatten)]
        host: Host,
    },
    /// Shows one exception with all that a person needs to decide.
    Show {
        /// The exception's id: for a run, the run's.
        id: String,
        #[command(flatten)]
        host: Host,
    },
    /// Tries failed steps again, with the same keys and bytes.
    #[command(
        disable_version_flag = true,
        after_help = "Examples:\n  dowel exceptions retry <run> --reason 'the CRM is back'\n  dowel exceptions retry <run> --version 1.4.1"
    )]
    Retry {
        /// The exception's id: for a run, the run's.
        id: String,
        /// On this version of the flow, if what the run has done already fits it.
        #[arg(long, value_name = "VERSION")]
        version: Option<String>,
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
    /// Begins another run of the same event, on the active version of the flow.
    #[command(after_help = "Example:\n  dowel exceptions rerun <run> --reason 'mended in 1.4.1'")]
    Rerun {
        /// The run's id.
        id: String,
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

/// What people decided.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Lists decisions, the newest first: who, what, why, before and after.
    #[command(after_help = "Example:\n  dowel audit list --actor ana@example.com")]
    List {
        /// Only about this run.
        #[arg(long, value_name = "ID")]
        about: Option<String>,
        /// Only about this flow.
        #[arg(long)]
        flow: Option<String>,
        /// Only by this person.
        #[arg(long)]
        actor: Option<String>,
        /// Only decisions of this name, such as `discard`.
        #[arg(long)]
        action: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Goes on where the page before ended.
        #[arg(long)]
        cursor: Option<u64>,
        #[command(flatten)]
        host: Host,
    },
}
