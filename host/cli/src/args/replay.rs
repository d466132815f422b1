//! Arguments of `dowel replay-check`.

use super::{Host, Repository};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ReplayCheck {
    /// The flow and the version that is to come, such as `order-to-invoice@1.5.0`; without a
    /// version the flow as it is in the folder.
    pub(crate) flow: String,
    /// How many runs are replayed, the newest ones of the version that the environment pins.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) runs: u16,
    #[command(flatten)]
    pub(crate) host: Host,
    #[command(flatten)]
    pub(crate) repository: Repository,
}
