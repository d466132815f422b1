//! `dowel runs`.

use super::{Author, Host};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// Lists runs, the newest first.
    #[command(after_help = "Example:\n  dowel runs list --status parked")]
    List {
        /// Only runs of this flow.
        #[arg(long)]
        flow: Option<String>,
        /// Only runs in this status: pending, running, waiting, compensating,
        /// succeeded, succeeded_with_failures, failed, compensated, cancelled, parked.
        #[arg(long)]
        status: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Goes on where the page before ended.
        #[arg(long)]
        cursor: Option<String>,
        #[command(flatten)]
        host: Host,
    },
    /// Shows one run.
    Show {
        /// The run's id.
        id: String,
        #[command(flatten)]
        host: Host,
    },
    /// Downloads a large body that a run has written, by the digest that stands in its values.
    #[command(after_help = "Example:\n  dowel runs blob <run> sha256:<digest> --out report.pdf")]
    Blob {
        /// The run's id.
        id: String,
        /// `$blob` of the reference.
        digest: String,
        /// The file to write; standard output by default.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        host: Host,
    },
    /// Begins another run of a run's event, on the active version of the flow.
    #[command(after_help = "Example:\n  dowel runs rerun <run> --reason 'mended in 1.4.1'")]
    Rerun {
        /// The run's id.
        id: String,
        #[command(flatten)]
        author: Author,
    },
    /// Ends a run before its time. Calls that are being made come to their end first.
    #[command(
        after_help = "Example:\n  dowel runs cancel <run> --compensate --reason 'ordered twice'"
    )]
    Cancel {
        /// The run's id.
        id: String,
        /// Undo the steps that have succeeded.
        #[arg(long)]
        compensate: bool,
        #[command(flatten)]
        author: Author,
    },
}
