//! What is kept of people and programs.

use dowel_core::access::Grant;
use dowel_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of the forms that this host writes.
pub(super) const VERSION: u32 = 1;

/// A person who may use the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Version of this form.
    pub v: u32,
    /// The name that the person acts under, in lower case, such as `ana@example.com`.
    pub id: String,
    /// The roles that the host itself gives.
    pub grants: Vec<Grant>,
    /// Since when the host knows the person.
    pub created_at: Timestamp,
    /// Who made them known.
    pub created_by: String,
    /// Since when they may not sign in any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

/// Whom a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenOwner {
    /// A person: it acts under their name, and never may more than they.
    User(String),
    /// A program: it acts under this name.
    Service(String),
}

impl TokenOwner {
    /// The name that the token acts under.
    pub fn actor(&self) -> String {
        match self {
            Self::User(id) => id.clone(),
            Self::Service(name) => format!("service:{name}"),
        }
    }
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Version of this form.
    pub v: u32,
    /// The part of the token that is no secret.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whom it belongs to.
    pub owner: TokenOwner,
    /// The digest of the whole token.
    pub hash: Digest,
    /// What it may do at most.
    pub grants: Vec<Grant>,
    /// Whether it may do all that its owner may.
    #[serde(default)]
    pub as_owner: bool,
    /// Whether it may read the metrics.
    #[serde(default)]
    pub metrics: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it does not count.
    pub expires_at: Timestamp,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// What it may do, in a line.
    pub fn reach(&self) -> String {
        let whole = self.as_owner.then(|| "all that its owner may".to_owned());
        let grants = self.grants.iter().map(ToString::to_string);
        let metrics = self.metrics.then(|| "metrics".to_owned());
        let all: Vec<String> = whole.into_iter().chain(grants).chain(metrics).collect();
        all.join("; ")
    }
}

/// A session of a browser, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Version of this form.
    pub v: u32,
    /// Who signed in.
    pub user: String,
    /// How, such as `one-time link`.
    pub how: String,
    /// Against forged requests: what changes something carries it.
    pub csrf: String,
    /// Groups that an identity provider named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// What it may do at most, where it began with a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
}

/// A one-time link, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) v: u32,
    pub(super) user: String,
    pub(super) created_by: String,
    pub(super) expires_at: Timestamp,
}
