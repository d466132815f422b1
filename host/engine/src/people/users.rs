//! Users, and the one-time links that sign them in.

use super::history::{self, Was};
use super::record::{Link, User, VERSION};
use super::{By, PeopleError, check_grants, decode, encode, is_plain, keys, secret, standing};
use crate::desk::{AuditTarget, Draft, Standing};
use crate::engine::Engine;
use dowel_core::access::{Grant, Permission};
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest time that a one-time link may count.
const MAX_LINK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Users that are read at a time.
const ROWS_PER_SCAN: usize = 500;

/// Whom to invite.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The name that the person acts under.
    pub user: String,
    /// Roles that they are given, besides those that they have.
    pub grants: Vec<Grant>,
    /// For how long the link counts.
    pub expires_in: Duration,
}

/// An invitation that is on disk.
#[derive(Debug)]
pub struct Invited {
    /// The person.
    pub user: User,
    /// The secret of the link; it is not kept.
    pub secret: String,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// The name as it is kept: people are not told apart by case.
pub(super) fn normal(name: &str) -> Result<String, PeopleError> {
    let name = name.trim().to_lowercase();
    if is_plain(&name) && !name.contains(':') {
        return Ok(name);
    }
    let message = "the name of a user is printable, without `:`, such as ana@example.com";
    Err(PeopleError::Invalid(message.to_owned()))
}

impl Engine {
    /// Whether there is any user. Until then only the local socket administers the host.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        let scan = Scan::prefix(keys::USERS, 1).keys_only();
        Ok(!self.shared().ports.store.scan(scan).await?.is_empty())
    }

    /// All users by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut users = Vec::new();
        let mut scan = Scan::prefix(keys::USERS, ROWS_PER_SCAN);
        loop {
            let rows = self.shared().ports.store.scan(scan.clone()).await?;
            for (_, bytes) in &rows {
                users.push(decode::<User>(bytes)?);
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
                _ => return Ok(users),
            }
        }
    }

    /// A user, if they may sign in.
    pub async fn active_user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let found = self.stored_user(&id.to_lowercase()).await?;
        let user = found.map(|(user, _)| user);
        Ok(user.filter(|user| user.disabled_at.is_none()))
    }

    async fn stored_user(&self, id: &str) -> Result<Option<(User, Vec<u8>)>, StoreError> {
        let bytes = self.shared().ports.store.get(&keys::user(id)).await?;
        let decoded = |bytes: Vec<u8>| Ok((decode::<User>(&bytes)?, bytes));
        bytes.map(decoded).transpose()
    }

    /// Makes a one-time link for a person, and makes the person known if they are not.
    ///
    /// # Errors
    /// Something of it is malformed, the person may not sign in any more, or the store
    /// failed; nothing was changed.
    pub async fn invite(&self, wanted: Invitation, by: &By) -> Result<Invited, PeopleError> {
        let id = normal(&wanted.user)?;
        check_grants(&wanted.grants)?;
        if wanted.expires_in.is_zero() || wanted.expires_in > MAX_LINK {
            let message = "a one-time link counts for seven days at most";
            return Err(PeopleError::Invalid(message.to_owned()));
        }
        let shared = self.shared();
        let now = self.now();
        let found = self.stored_user(&id).await?;
        let mut user = match &found {
            Some((user, _)) if user.disabled_at.is_some() => {
                let message = format!("`{id}` may not sign in: enable them first");
                return Err(PeopleError::Invalid(message));
            }
            Some((user, _)) => user.clone(),
            None => User {
                v: VERSION,
                id: id.clone(),
                grants: Vec::new(),
                created_at: now,
                created_by: by.actor.clone(),
                disabled_at: None,
            },
        };
        for grant in wanted.grants {
            if !user.grants.contains(&grant) {
                user.grants.push(grant);
            }
        }
        check_grants(&user.grants)?;
        self.check_apart(&self.all_grants(&user, &BTreeSet::new()))?;
        let secret = secret::new(shared.ports.randomness.as_ref());
        let link = Link {
            v: VERSION,
            user: id.clone(),
            created_by: by.actor.clone(),
            expires_at: now.plus(wanted.expires_in),
        };
        let mut batch = Batch::default();
        batch.put(keys::link(&Digest::of(&secret)), encode(&link)?);
        let before = found.as_ref().map(|(user, bytes)| (user, bytes.as_slice()));
        let draft = self.put_user(&mut batch, before, &user, "invite", by)?;
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        Ok(Invited {
            user,
            secret,
            expires_at: link.expires_at,
        })
    }

    /// Adds a user as they become to a batch, and says what the audit record tells of it.
    fn put_user(
        &self,
        batch: &mut Batch,
        before: Option<(&User, &[u8])>,
        user: &User,
        action: &str,
        by: &By,
    ) -> Result<Draft, PeopleError> {
        let (key, bytes) = (keys::user(&user.id), encode(user)?);
        match before {
            Some((_, old)) => batch.require_equal(key.clone(), old.to_vec()),
            None => batch.require_absent(key.clone()),
        };
        let of = |user: &User, bytes: &[u8]| match user.disabled_at {
            Some(_) => Standing {
                status: "disabled".to_owned(),
                ..standing(&user.grants, bytes)
            },
            None => standing(&user.grants, bytes),
        };
        let draft = Draft {
            origin: by.origin.clone(),
            before: before.map(|(user, old)| of(user, old)),
            after: Some(of(user, &bytes)),
            ..Draft::new(&by.actor, action, AuditTarget::User(user.id.clone()))
        };
        history::add(batch, self.now(), &key, &Was::User(user.clone()))?;
        batch.put(key, bytes);
        Ok(draft)
    }

    /// Gives a user other roles, or lets them sign in or not. Whoever may not sign in any
    /// more is signed out everywhere, and their tokens do not count.
    ///
    /// # Errors
    /// There is no such user, nobody would be left to manage people, or the store failed;
    /// nothing was changed.
    pub async fn change_user(
        &self,
        id: &str,
        action: &str,
        by: &By,
        change: impl FnOnce(&mut User, Timestamp),
    ) -> Result<User, PeopleError> {
        let id = normal(id)?;
        let found = self.stored_user(&id).await?;
        let (old, bytes) = found.ok_or_else(|| PeopleError::NoSuchUser(id.clone()))?;
        let mut user = old.clone();
        change(&mut user, self.now());
        check_grants(&user.grants)?;
        if user.grants != old.grants {
            self.check_apart(&self.all_grants(&user, &BTreeSet::new()))?;
        }
        if manages(&old) && !manages(&user) && !self.others_manage(&id).await? {
            return Err(PeopleError::LastAdmin(id));
        }
        let mut batch = Batch::default();
        let draft = self.put_user(&mut batch, Some((&old, &bytes)), &user, action, by)?;
        if user.disabled_at.is_some() {
            self.forget_sessions(&mut batch, &id).await?;
        }
        let shared = self.shared();
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        Ok(user)
    }

    /// The user that an identity provider knows by this name. Whom the host has not met
    /// is made known if the policy gives them a role.
    ///
    /// # Errors
    /// The person may not sign in, or has no role here.
    pub async fn user_of_identity(
        &self,
        name: &str,
        groups: &BTreeSet<String>,
        by: &By,
    ) -> Result<User, PeopleError> {
        let id = normal(name)?;
        let refused = || PeopleError::NoRole(id.clone());
        match self.stored_user(&id).await? {
            Some((user, _)) if user.disabled_at.is_some() => return Err(refused()),
            Some((user, _)) => return Ok(user),
            None if self.policy_grants(&id, groups).is_empty() => return Err(refused()),
            None => {}
        }
        let user = User {
            v: VERSION,
            id: id.clone(),
            grants: Vec::new(),
            created_at: self.now(),
            created_by: by.actor.clone(),
            disabled_at: None,
        };
        let mut batch = Batch::default();
        let draft = self.put_user(&mut batch, None, &user, "meet", by)?;
        let shared = self.shared();
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        Ok(user)
    }

    async fn others_manage(&self, id: &str) -> Result<bool, StoreError> {
        let users = self.users().await?;
        Ok(users.iter().any(|user| user.id != id && manages(user)))
    }
}

/// Whether a user may manage people on every flow and in every environment.
fn manages(user: &User) -> bool {
    let is_wide = |grant: &Grant| {
        grant.flows.is_empty()
            && grant.environments.is_empty()
            && grant.role.may(Permission::People)
    };
    user.disabled_at.is_none() && user.grants.iter().any(is_wide)
}
