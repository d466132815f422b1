//! `dowel sources`.

use super::{Because, Host};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Sources {
    /// Lists the sources that the active flows poll: cursor, last and next read, and why one fails.
    #[command(after_help = "Example:\n  dowel sources list")]
    List {
        #[command(flatten)]
        host: Host,
    },
    /// Moves a poll to a cursor, or to the beginning. Events whose ids are remembered begin no run again.
    #[command(
        after_help = "Example:\n  dowel sources reset record-rates poll --cursor C-100 --reason \"the upstream was restored\""
    )]
    Reset {
        /// The flow.
        flow: String,
        /// The trigger, as `dowel sources list` names it.
        trigger: String,
        /// Where to go on; from the beginning without it.
        #[arg(long)]
        cursor: Option<String>,
        #[command(flatten)]
        because: Because,
    },
}
