//! People and programs that may use the host: users with their roles, one-time links,
//! sessions of browsers, and API tokens.
//!
//! Of every secret only a digest is kept; the secret itself is shown once, to whoever
//! asked for it. Each change is written in one batch with its entry of the audit record
//! and with its place in the history, from which "who had access then" is answered.

mod device;
mod history;
mod keys;
mod record;
mod secret;
mod sessions;
mod tokens;
mod users;

pub use device::{DeviceLogin, DeviceState};
pub use record::{Session, Token, TokenOwner, User};
pub use sessions::{Opened, SignedIn};
pub use tokens::NewToken;
pub use users::{Invitation, Invited};

use crate::desk::{AuditTarget, Draft, Standing};
use crate::engine::Engine;
use dowel_core::access::{Grant, Role};
use dowel_core::code::{self, Code, access};
use dowel_core::journal::Origin;
use dowel_core::port::{Batch, StoreError};
use dowel_core::{Digest, FlowName, RunId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// The longest name of a user or token, in bytes.
const MAX_NAME: usize = 200;

/// The most grants of one user or token.
const MAX_GRANTS: usize = 64;

/// Who changes access, and how they were known.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: String,
    /// How they were known, and from where.
    pub origin: Option<Origin>,
}

/// Why a change of access was not made, or a secret does not count.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// There is no such user.
    #[error("there is no user `{0}`")]
    NoSuchUser(String),
    /// There is no such token.
    #[error("there is no token `{0}`")]
    NoSuchToken(String),
    /// The request is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The one-time link does not count.
    #[error("the link is unknown, was used already, or has expired")]
    LinkRefused,
    /// Nobody would be left to manage people.
    #[error("`{0}` is the last user who may manage people")]
    LastAdmin(String),
    /// The policy keeps the roles apart.
    #[error("the policy keeps these roles apart: {0}")]
    Duties(String),
    /// The person is known to an identity provider and has nothing to do here.
    #[error("`{0}` has no role on this host")]
    NoRole(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PeopleError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchUser(_) => access::NO_SUCH_USER,
            Self::NoSuchToken(_) => access::NO_SUCH_TOKEN,
            Self::Invalid(_) => access::ACCESS_INVALID,
            Self::LinkRefused => access::LINK_REFUSED,
            Self::LastAdmin(_) => access::LAST_ADMIN,
            Self::Duties(_) => access::DUTIES,
            Self::NoRole(_) => access::IDENTITY_REFUSED,
            Self::Store(_) => code::store::UNAVAILABLE,
        }
    }
}

impl Engine {
    /// The labels of an active flow; none of a flow that is not active, which only grants
    /// for everything reach.
    pub fn flow_labels(&self, flow: &FlowName) -> BTreeMap<String, String> {
        let active = self.shared().plans.active(flow);
        active.map_or_else(BTreeMap::new, |active| active.plan.labels.clone())
    }

    /// The flow that a run, an exception or a payload in quarantine is of.
    pub async fn flow_of(&self, id: RunId) -> Result<Option<FlowName>, StoreError> {
        let store = self.shared().ports.store.as_ref();
        if let Some(summary) = crate::summary::get(store, id).await? {
            return Ok(Some(summary.flow));
        }
        let item = crate::desk::item_of(store, id).await?;
        Ok(item.map(|item| item.flow))
    }

    /// What a user is granted: by the host, and by the policy to them and their groups. Of
    /// roles that the policy keeps apart, who has several has none.
    pub fn grants_of(&self, user: &User, groups: &BTreeSet<String>) -> Vec<Grant> {
        let mut grants = self.all_grants(user, groups);
        let settings = self.shared().settings();
        let together = settings.policy.together(&grants, self.environment());
        if !together.is_empty() {
            let roles = words(&together);
            tracing::warn!(
                user = user.id,
                roles,
                "roles that are kept apart do not count"
            );
            grants.retain(|grant| !together.contains(&grant.role));
        }
        grants
    }

    fn all_grants(&self, user: &User, groups: &BTreeSet<String>) -> Vec<Grant> {
        let mut grants = user.grants.clone();
        grants.extend(self.policy_grants(&user.id, groups));
        grants
    }

    /// What the policy alone gives to a person.
    pub fn policy_grants(&self, person: &str, groups: &BTreeSet<String>) -> Vec<Grant> {
        self.shared().settings().policy.grants_of(person, groups)
    }

    /// Refuses grants that give roles which the policy keeps apart.
    fn check_apart(&self, grants: &[Grant]) -> Result<(), PeopleError> {
        let settings = self.shared().settings();
        let together = settings.policy.together(grants, self.environment());
        match together.is_empty() {
            true => Ok(()),
            false => Err(PeopleError::Duties(words(&together))),
        }
    }

    /// Records that somebody did something with the whole host.
    pub async fn tell_of(&self, action: &str, what: &str, by: &By) -> Result<(), StoreError> {
        let draft = Draft {
            origin: by.origin.clone(),
            ..Draft::new(&by.actor, action, AuditTarget::Host(what.to_owned()))
        };
        let shared = self.shared();
        let batch = Batch::default();
        shared.desk.audit.commit(shared, batch, vec![draft]).await
    }

    /// The environment that the host serves.
    pub fn environment(&self) -> &str {
        &self.shared().options.environment
    }
}

/// Roles in a line.
fn words(roles: &BTreeSet<Role>) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    names.join(", ")
}

fn encode(record: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|e| StoreError::Failed(e.to_string().into()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| StoreError::Damaged(e.to_string().into()))
}

/// Grants in a line, and the digest of their record.
fn standing(grants: &[Grant], record: &[u8]) -> Standing {
    let grants: Vec<String> = grants.iter().map(ToString::to_string).collect();
    let status = match grants.is_empty() {
        true => "nothing".to_owned(),
        false => grants.join("; "),
    };
    Standing {
        digest: Some(Digest::of(record)),
        ..Standing::of(&status)
    }
}

fn check_grants(grants: &[Grant]) -> Result<(), PeopleError> {
    if grants.len() > MAX_GRANTS {
        let message = format!("at most {MAX_GRANTS} roles at a time");
        return Err(PeopleError::Invalid(message));
    }
    let texts = grants.iter().flat_map(|grant| {
        let labels = grant.flows.iter().flat_map(|(name, value)| [name, value]);
        labels.chain(&grant.environments)
    });
    match texts.into_iter().find(|text| !is_plain(text)) {
        Some(text) => Err(PeopleError::Invalid(format!(
            "`{}` is no label or environment",
            text.escape_debug()
        ))),
        None => Ok(()),
    }
}

/// Whether a text can be a name: something, not too long, printable.
fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}
