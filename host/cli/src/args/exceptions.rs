//! The exception desk on the command line.

use super::Host;
use clap::{Args, Subcommand};
use dowel_core::connection::Rate;
use std::path::PathBuf;

/// Who decides, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct Author {
    /// Who decides, over the local socket of a host that has no users yet; the caller
    /// unless given.
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
    #[arg(long, visible_alias = "error")]
    pub(crate) code: Option<String>,
    /// Only with this kind of error, such as `unavailable`.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only of this class: parked, failed, compensation-failed, loop-item, quarantined.
    #[arg(long)]
    pub(crate) class: Option<String>,
    /// Only opened at this instant or later (RFC 3339), or not longer ago than this (`2h`).
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Only opened before this instant (RFC 3339), or longer ago than this (`2h`).
    #[arg(long)]
    pub(crate) until: Option<String>,
    /// Only those about which nobody has decided in time.
    #[arg(long)]
    pub(crate) overdue: bool,
}

/// What a decision is about: one exception by its id, or everything that a query finds.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// The exception's id: for a run, the run's. Options select many instead.
    #[arg(
        required_unless_present_any = ONLY_MANY.into_iter().chain(["step"]).collect::<Vec<_>>(),
        conflicts_with_all = ONLY_MANY
    )]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Everything that waits, without a filter.
    #[arg(long, help_heading = MANY)]
    pub(crate) all: bool,
    /// At most this many, the oldest.
    #[arg(long, value_name = "NUMBER", help_heading = MANY)]
    pub(crate) limit: Option<usize>,
    /// Only counts what would be decided about, by group, and shows some of it.
    #[arg(long, help_heading = MANY)]
    pub(crate) dry_run: bool,
    /// At most so many in so much time, such as `50/s` or `600/m`.
    #[arg(long, help_heading = MANY)]
    pub(crate) rate: Option<Rate>,
    /// Returns at once; the operation goes on in the host.
    #[arg(long, help_heading = MANY)]
    pub(crate) detach: bool,
}

/// The heading of the options that are about many exceptions.
const MANY: &str = "Many at once";

/// Options that mean many exceptions.
const ONLY_MANY: [&str; 12] = [
    "flow", "code", "kind", "class", "since", "until", "overdue", "all", "limit", "dry_run",
    "rate", "detach",
];

/// A bulk operation on a host.
#[derive(Clone, Debug, Args)]
pub(crate) struct OneBulk {
    /// The bulk operation's id.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) author: Author,
}

/// What may be done with bulk operations.
#[derive(Debug, Subcommand)]
pub(crate) enum Bulk {
    /// Lists bulk operations, the newest first.
    #[command(after_help = "Example:\n  dowel exceptions bulk list")]
    List {
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        host: Host,
    },
    /// Shows how far a bulk operation has come, and what did not allow it.
    Show {
        /// The bulk operation's id.
        id: String,
        #[command(flatten)]
        host: Host,
    },
    /// Follows a bulk operation to its end. Ctrl-C pauses it.
    Watch(OneBulk),
    /// Stops a bulk operation after the items in hand.
    Pause(OneBulk),
    /// Lets a paused bulk operation go on, and follows it.
    Resume {
        #[command(flatten)]
        bulk: OneBulk,
        /// Returns at once; the operation goes on in the host.
        #[arg(long)]
        detach: bool,
    },
    /// Ends a bulk operation; what is left stays as it is.
    Cancel(OneBulk),
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
    /// Tries failed steps again, with the same keys and bytes: of one exception or of many.
    #[command(
        disable_version_flag = true,
        after_help = "Examples:\n  dowel exceptions retry <run> --reason 'the CRM is back'\n  dowel exceptions retry <run> --version 1.4.1\n  dowel exceptions retry --flow order-to-invoice --kind unavailable --dry-run\n  dowel exceptions retry --error DWL-2101 --since 2h --rate 50/s"
    )]
    Retry {
        #[command(flatten)]
        target: Target,
        /// On this version of the flow, if what the run has done already fits it.
        #[arg(long, value_name = "VERSION")]
        version: Option<String>,
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
        #[command(flatten)]
        target: Target,
        /// A file with the step's value, or `-` for standard input.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        author: Author,
    },
    /// Goes on without a failed step.
    Skip {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        author: Author,
    },
    /// Begins another run of the same event, on the active version of the flow.
    #[command(
        after_help = "Examples:\n  dowel exceptions rerun <run> --reason 'mended in 1.4.1'\n  dowel exceptions rerun --flow order-to-invoice --class failed --dry-run"
    )]
    Rerun {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        author: Author,
    },
    /// Takes rejected payloads out of quarantine and in again, as their flows are now.
    #[command(
        after_help = "Examples:\n  dowel exceptions resubmit <id>\n  dowel exceptions resubmit <id> --input corrected.json\n  dowel exceptions resubmit --flow order-to-invoice --class quarantined --dry-run"
    )]
    Resubmit {
        #[command(flatten)]
        target: Target,
        /// A file with the payload in the place of the one that came, or `-` for standard
        /// input. Of an event, the whole event.
        #[arg(long, value_name = "FILE", requires = "id")]
        input: Option<PathBuf>,
        #[command(flatten)]
        author: Author,
    },
    /// Undoes the steps that have succeeded, and ends the run.
    Compensate {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        author: Author,
    },
    /// Ends the run as it is, or drops the payload; the event may come in again.
    Discard {
        #[command(flatten)]
        target: Target,
        /// Duplicates of the event are still recognised.
        #[arg(long)]
        keep_key: bool,
        #[command(flatten)]
        author: Author,
    },
    /// Lists decisions that wait for a second person, the oldest first.
    #[command(after_help = "Example:\n  dowel exceptions proposals")]
    Proposals {
        #[command(flatten)]
        host: Host,
    },
    /// Carries out a decision that somebody else has proposed.
    #[command(after_help = "Example:\n  dowel exceptions confirm <proposal>")]
    Confirm {
        /// The proposal's id; of many exceptions, the bulk operation's.
        id: String,
        #[command(flatten)]
        author: Author,
    },
    /// Refuses a proposed decision, or takes it back.
    #[command(after_help = "Example:\n  dowel exceptions reject <proposal> --reason 'too late'")]
    Reject {
        /// The proposal's id; of many exceptions, the bulk operation's.
        id: String,
        #[command(flatten)]
        author: Author,
    },
    /// Decisions about many exceptions: how far they have come, pause, resume, cancel.
    #[command(subcommand)]
    Bulk(Bulk),
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
        cursor: Option<String>,
        #[command(flatten)]
        host: Host,
    },
    /// Looks whether the record is as it was written. Exits with 1 if it is not.
    #[command(
        after_help = "Examples:\n  dowel audit verify\n  dowel audit verify --anchor 17:sha256:9f2c…\n  dowel audit verify --file audit.ndjson"
    )]
    Verify {
        /// A number and a digest that were told of in the host's log; may be given more than
        /// once.
        #[arg(long = "anchor", value_name = "NUMBER:DIGEST")]
        anchors: Vec<String>,
        /// The data folder of a host that is stopped, instead of a host.
        #[arg(long, conflicts_with = "file")]
        data: Option<PathBuf>,
        /// An export, instead of a host.
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        host: Host,
    },
    /// Writes the whole record, the oldest entry first, a line of JSON for each.
    #[command(after_help = "Example:\n  dowel audit export --to audit.ndjson")]
    Export {
        /// A file to make; standard output unless given.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        #[command(flatten)]
        host: Host,
    },
}
