//! Approvals on the command line.

use super::Host;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    /// Lists what waits for the decision of a person, the oldest first.
    #[command(after_help = "Example:\n  dowel approvals list --group finance")]
    List {
        /// Only of this flow.
        #[arg(long)]
        flow: Option<String>,
        /// Only those that this group may decide now.
        #[arg(long)]
        group: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Go on where the page before ended.
        #[arg(long)]
        cursor: Option<String>,
        #[command(flatten)]
        host: Host,
    },
    /// Decides one of them. The first decision holds.
    #[command(
        after_help = "Example:\n  dowel approvals decide <run> approval approved --as ana@example.com"
    )]
    Decide {
        /// The run's id.
        run: String,
        /// The step, as the list shows it.
        step: String,
        /// The decision, such as `approved` or `rejected`.
        decision: String,
        /// Who decides, by the name that the policy knows, over the local socket of a host
        /// that has no users yet; the caller unless given.
        #[arg(long = "as", value_name = "PERSON", env = "DOWEL_ACTOR")]
        actor: Option<String>,
        /// Why.
        #[arg(long)]
        comment: Option<String>,
        #[command(flatten)]
        host: Host,
    },
}
