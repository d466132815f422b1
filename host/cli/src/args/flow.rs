//! Arguments of `dowel flow`, and who decides about what and why.

use super::{Host, NewFlow, Release, Repository};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Flow {
    /// Lists the flows of a host, with who disabled them and why.
    #[command(after_help = "Example:\n  dowel flow list")]
    List(Host),
    /// Writes a new flow with a test, from a template.
    #[command(after_help = "Example:\n  dowel flow new nightly-report --template schedule")]
    New(NewFlow),
    /// Writes into `flows.lock` what the version of a flow is.
    #[command(
        after_help = "The flow has to be committed. From then on `dowel check` refuses another content under this\nversion.\n\nExample:\n  dowel flow release order-to-invoice"
    )]
    Release(Release),
    /// Lists the versions of a flow that a host keeps, and how many runs are on each.
    #[command(after_help = "Example:\n  dowel flow versions order-to-invoice")]
    Versions {
        /// The flow.
        flow: String,
        #[command(flatten)]
        host: Host,
    },
    /// Lets go of a version that nothing needs any more: its plan and its connectors.
    #[command(
        after_help = "The host does so by itself when nothing has needed a version for some days (`dowel serve\n--keep-versions`). It is refused while the environment pins the version, a canary gives it runs,\nor runs are on it that have not ended. The stories of runs that have ended stay.\n\nExample:\n  dowel flow retire order-to-invoice@1.3.0 --reason 'two versions back'"
    )]
    Retire {
        /// The flow and its version.
        #[arg(value_name = "FLOW@VERSION")]
        flow_version: String,
        #[command(flatten)]
        because: Because,
    },
    /// Lists the released versions of the flows of a repository.
    #[command(after_help = "Example:\n  dowel flow releases")]
    Releases(Repository),
    /// Stops a flow at once: it takes no events, and its runs stop before their next step.
    #[command(
        after_help = "Example:\n  dowel flow disable order-to-invoice --reason 'wrong prices since 9:00'"
    )]
    Disable(Switch),
    /// Starts a flow again: it takes events, and its runs go on.
    #[command(
        after_help = "Example:\n  dowel flow enable order-to-invoice --reason 'prices corrected'"
    )]
    Enable(Switch),
}

#[derive(Debug, Args)]
pub(crate) struct Switch {
    /// The flow.
    pub(crate) flow: String,
    /// Only this trigger of the flow: it begins no runs, and those that are there go on.
    #[arg(long)]
    pub(crate) trigger: Option<String>,
    #[command(flatten)]
    pub(crate) because: Because,
}

/// Who turns a switch, and why.
#[derive(Debug, Args)]
pub(crate) struct Because {
    /// Why, for those who find it so.
    #[arg(long)]
    pub(crate) reason: String,
    /// Who decides, over the local socket of a host that has no users yet; the caller
    /// unless given.
    #[arg(long, env = "DOWEL_ACTOR")]
    pub(crate) actor: Option<String>,
    #[command(flatten)]
    pub(crate) host: Host,
}
