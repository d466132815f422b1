//! Arguments of `dowel canary`.

use super::{Because, Host};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Canary {
    /// Gives a new version of a flow a share of its runs.
    #[command(
        after_help = "The version is the one that the environment pins, or one that it is going to pin: then the share\ncounts from the moment of the pin on, and the version before it keeps the rest. Start the canary\nfirst and promote after it, and no run comes before the share does. Said again, it changes the\nshare. The host looks every few seconds at what became of the runs, and gives all of them back to\nthe version before where the new one is worse.\n\nExample:\n  dowel canary start order-to-invoice@1.5.0 --share 10% --reason 'new tax rules'"
    )]
    Start(StartCanary),
    /// Shows the canaries, and what became of the runs of both versions.
    #[command(after_help = "Example:\n  dowel canary status")]
    Status(Host),
    /// Gives all runs to the new version.
    #[command(
        after_help = "Example:\n  dowel canary promote order-to-invoice --reason 'two days without trouble'"
    )]
    Promote(EndCanary),
    /// Gives all runs to the version before, until the environment pins another one.
    #[command(
        after_help = "What git pins is not changed: `dowel rollback` does that, and the canary is over with it.\n\nExample:\n  dowel canary abort order-to-invoice --reason 'wrong totals'"
    )]
    Abort(EndCanary),
}

#[derive(Debug, Args)]
pub(crate) struct StartCanary {
    /// The flow and its new version, such as `order-to-invoice@1.5.0`.
    #[arg(value_name = "FLOW@VERSION")]
    pub(crate) flow_version: String,
    /// How many of the runs begin on it.
    #[arg(long, default_value = "10%")]
    pub(crate) share: String,
    /// JSON Pointer of the value in the payload that runs are told apart by, such as
    /// `/customer/id`; the business key of the flow unless given.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// The version that keeps the rest; the newest one below it that the host keeps unless given.
    #[arg(long)]
    pub(crate) before: Option<String>,
    /// Runs of the new version that are waited for before it is judged; 20 unless given.
    #[arg(long)]
    pub(crate) min_runs: Option<u32>,
    /// How far is looked back; 15m unless given.
    #[arg(long)]
    pub(crate) window: Option<String>,
    /// How much more of the runs may fail than before; 5% unless given.
    #[arg(long)]
    pub(crate) error_rate_above: Option<String>,
    /// How long 95% of the runs may take at most, in percent of the time before; 150 unless
    /// given, 0 if it does not count.
    #[arg(long)]
    pub(crate) slower_than: Option<u32>,
    #[command(flatten)]
    pub(crate) because: Because,
}

#[derive(Debug, Args)]
pub(crate) struct EndCanary {
    /// The flow.
    pub(crate) flow: String,
    #[command(flatten)]
    pub(crate) because: Because,
}
