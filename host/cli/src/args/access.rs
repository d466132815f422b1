//! People, their roles and their tokens on the command line.

use super::Host;
use clap::{Args, Subcommand};
use dowel_core::access::{Grant, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Roles, and how far they reach.
#[derive(Clone, Debug, Args)]
pub(crate) struct Grants {
    /// A role: viewer, author, operator, approver, deployer, admin. May be given more than
    /// once.
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<Role>,
    /// Only for flows with this label; all labels that are given have to be there.
    #[arg(long = "flows", value_name = "LABEL=VALUE", value_parser = label)]
    pub(crate) flows: Vec<(String, String)>,
    /// Only on hosts of this environment; may be given more than once.
    #[arg(long = "in", value_name = "ENVIRONMENT")]
    pub(crate) environments: Vec<String>,
}

impl Grants {
    /// One grant for each role.
    pub(crate) fn all(&self) -> Vec<Grant> {
        let flows: BTreeMap<String, String> = self.flows.iter().cloned().collect();
        let environments: BTreeSet<String> = self.environments.iter().cloned().collect();
        let grant = |role: &Role| Grant {
            role: *role,
            flows: flows.clone(),
            environments: environments.clone(),
        };
        self.roles.iter().map(grant).collect()
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or_default();
    match name.is_empty() || value.is_empty() {
        true => Err("a label and its value, such as team=finance".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Makes a one-time link that signs a person in, and makes the person known to the host.
    #[command(
        after_help = "Examples:\n  dowel admin invite ana@example.com --role admin\n  dowel admin invite ben@example.com --role operator --flows team=finance\n  dowel admin invite ana@example.com"
    )]
    Invite {
        /// The name that the person acts under, such as an address.
        user: String,
        #[command(flatten)]
        grants: Grants,
        /// For how long the link counts, seven days at most.
        #[arg(long, default_value = "24h")]
        expires: String,
        #[command(flatten)]
        host: Host,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Lists who has access: users with their roles, and tokens that count.
    #[command(
        after_help = "Examples:\n  dowel access list\n  dowel access list --at 2026-03-01T00:00:00Z"
    )]
    List {
        /// At this instant (RFC 3339) or at the end of this day (UTC); now unless given.
        #[arg(long)]
        at: Option<String>,
        #[command(flatten)]
        host: Host,
    },
    /// Shows who you are to the host, and what you may do.
    Me(Host),
    /// Gives a user more roles.
    #[command(after_help = "Example:\n  dowel access grant ben@example.com --role approver")]
    Grant(ChangedGrants),
    /// Takes roles from a user.
    #[command(after_help = "Example:\n  dowel access revoke ben@example.com --role approver")]
    Revoke(ChangedGrants),
    /// Signs a user out everywhere, and lets neither them nor their tokens in any more.
    Disable(OneUser),
    /// Lets a user in again.
    Enable(OneUser),
}

#[derive(Debug, Args)]
pub(crate) struct ChangedGrants {
    /// The user.
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) grants: Grants,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Args)]
pub(crate) struct OneUser {
    /// The user.
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Makes an API token and prints it, once.
    #[command(
        after_help = "Examples:\n  dowel token create laptop --role viewer\n  dowel token create deploys --service ci --role deployer --in prod --expires 30d\n  dowel token create prometheus --service prometheus --metrics"
    )]
    Create {
        /// What people call it.
        name: String,
        #[command(flatten)]
        grants: Grants,
        /// It may read the metrics.
        #[arg(long)]
        metrics: bool,
        /// The program that it is for; you unless given. Needs the role admin.
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// For how long it counts, 366 days at most.
        #[arg(long, default_value = "90d")]
        expires: String,
        #[command(flatten)]
        host: Host,
    },
    /// Lists your tokens; an admin sees all of them.
    List(Host),
    /// Revokes a token, at once.
    Revoke {
        /// The token's id, as the list shows it.
        id: String,
        #[command(flatten)]
        host: Host,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Reads an API token from standard input, instead of asking in the browser.
    #[arg(long)]
    pub(crate) with_token: bool,
    #[command(flatten)]
    pub(crate) host: Host,
}

/// Where people sign in by OpenID Connect.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Signing in by OpenID Connect")]
pub(crate) struct Oidc {
    /// The identity provider, exactly as it calls itself, such as `https://id.example.com`.
    #[arg(long, value_name = "URL", env = "DOWEL_OIDC_ISSUER")]
    pub(crate) oidc_issuer: Option<String>,
    /// The client's name at the provider.
    #[arg(
        long,
        value_name = "ID",
        env = "DOWEL_OIDC_CLIENT_ID",
        default_value = "dowel"
    )]
    pub(crate) oidc_client_id: String,
    /// The name of the secret with the client's password.
    #[arg(long, value_name = "SECRET", default_value = "oidc_client_secret")]
    pub(crate) oidc_client_secret: String,
    /// The claim with the name that people act under. `email` has to be verified.
    #[arg(long, value_name = "CLAIM", default_value = "email")]
    pub(crate) oidc_name_claim: String,
    /// The claim with the groups that people are in.
    #[arg(long, value_name = "CLAIM", default_value = "groups")]
    pub(crate) oidc_groups_claim: String,
    /// What the provider is asked for.
    #[arg(
        long,
        value_name = "SCOPE",
        default_value = "openid email profile groups"
    )]
    pub(crate) oidc_scope: String,
    /// The audience that the provider makes tokens of programs for, such as
    /// `https://flows.example.com`. They are bearer tokens for the API then; none are taken
    /// without it.
    #[arg(long, value_name = "AUDIENCE", env = "DOWEL_OIDC_AUDIENCE")]
    pub(crate) oidc_audience: Option<String>,
}

impl Oidc {
    /// How the provider is used; nothing without one.
    pub(crate) fn options(&self) -> Option<crate::identity::OpenIdOptions> {
        Some(crate::identity::OpenIdOptions {
            issuer: self.oidc_issuer.clone()?,
            client: self.oidc_client_id.clone(),
            secret: self.oidc_client_secret.clone(),
            name_claim: self.oidc_name_claim.clone(),
            groups_claim: self.oidc_groups_claim.clone(),
            scope: self.oidc_scope.clone(),
            audience: self.oidc_audience.clone(),
        })
    }
}
