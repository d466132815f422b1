//! Arguments of `dowel secret`.

use super::{Repository, duration};
use clap::{Args, Subcommand};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Makes the identity and the encrypted file where they are missing.
    #[command(
        after_help = "Prints what the identity is known by to others, `age1…`. Keep the identity file outside of git,\nwith a copy in a safe place: without it nobody opens the encrypted file.\n\nExample:\n  dowel secret init --env staging"
    )]
    Init(Repository),
    /// Keeps a value, read from standard input or asked for, in the encrypted file.
    #[command(
        after_help = "The value before ends at once. One line break at the end of the input is not part of the value.\n\nExamples:\n  dowel secret set crm_token --env staging < token\n  dowel secret set crm_token --env staging"
    )]
    Set(SecretName),
    /// Gives a secret a new value, while the one before stays valid for some time.
    #[command(
        after_help = "What comes in (webhooks, senders of events) may use both values until the overlap is over; what\ngoes out uses the new one at once. Running hosts see it without a restart.\n\nExample:\n  dowel secret rotate shop_hook --env staging --overlap 3d < token"
    )]
    Rotate(Rotate),
    /// Lists what the encrypted file keeps, without any value.
    #[command(after_help = "Example:\n  dowel secret list --env staging")]
    List(Repository),
    /// Looks whether every secret that the environment refers to is there.
    #[command(
        after_help = "Says where each one was found, and exits with 1 if one is missing. No value is shown.\n\nExample:\n  dowel secret check --env staging"
    )]
    Check(Repository),
    /// Removes a secret from the encrypted file.
    #[command(after_help = "Example:\n  dowel secret remove crm_token --env staging")]
    Remove(SecretName),
}

#[derive(Debug, Args)]
pub(crate) struct SecretName {
    /// The name.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The name.
    pub(crate) name: String,
    /// How long the value before stays valid.
    #[arg(long, default_value = "24h", value_parser = duration)]
    pub(crate) overlap: Duration,
    #[command(flatten)]
    pub(crate) repository: Repository,
}
