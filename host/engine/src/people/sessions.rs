//! Sessions of browsers: an opaque secret in a cookie, idle and absolute ends.

use super::record::{Link, Session, VERSION};
use super::{By, PeopleError, decode, encode, keys, secret};
use crate::desk::{AuditTarget, Draft};
use crate::engine::Engine;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// A session that is not used for so long has ended.
const IDLE: Duration = Duration::from_secs(3600);

/// The longest time of a session, however much it is used.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// How exactly the last use is known: a write for each request would be too many.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Sessions and links that are looked at for their end when another one is made.
const SWEPT: usize = 256;

/// How somebody signed in.
#[derive(Clone, Debug, Default)]
pub struct SignedIn {
    /// Who.
    pub user: String,
    /// How, such as `one-time link`.
    pub how: String,
    /// Groups that an identity provider named.
    pub groups: BTreeSet<String>,
    /// The token that the session is bound to.
    pub token: Option<String>,
}

/// A session that is on disk.
#[derive(Debug)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// The secret for the cookie; it is not kept.
    pub secret: String,
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at || now >= self.seen_at.plus(IDLE)
    }
}

impl Engine {
    /// Opens a session for somebody who has proved who they are.
    pub async fn open_session(&self, signed_in: SignedIn, by: &By) -> Result<Opened, PeopleError> {
        self.open_session_with(signed_in, by, Batch::default())
            .await
    }

    async fn open_session_with(
        &self,
        signed_in: SignedIn,
        by: &By,
        mut batch: Batch,
    ) -> Result<Opened, PeopleError> {
        let shared = self.shared();
        let randomness = shared.ports.randomness.as_ref();
        let (secret, now) = (secret::new(randomness), self.now());
        let session = Session {
            v: VERSION,
            user: signed_in.user,
            how: signed_in.how,
            csrf: secret::new(randomness),
            groups: signed_in.groups,
            token: signed_in.token,
            created_at: now,
            seen_at: now,
            expires_at: now.plus(LONGEST),
        };
        self.sweep_people(&mut batch, now).await?;
        batch.put(keys::session(&Digest::of(&secret)), encode(&session)?);
        let draft = Draft {
            origin: by.origin.clone(),
            reason: Some(session.how.clone()),
            ..Draft::new(
                &by.actor,
                "sign-in",
                AuditTarget::User(session.user.clone()),
            )
        };
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        Ok(Opened { session, secret })
    }

    /// Whom a one-time link would sign in, without using it up.
    pub async fn link_for(&self, secret: &str) -> Result<String, PeopleError> {
        Ok(self.link(secret).await?.0.user)
    }

    async fn link(&self, secret: &str) -> Result<(Link, Vec<u8>), PeopleError> {
        let key = keys::link(&Digest::of(secret));
        let bytes = self.shared().ports.store.get(&key).await?;
        let bytes = bytes.ok_or(PeopleError::LinkRefused)?;
        let link: Link = decode(&bytes)?;
        let user = self.active_user(&link.user).await?;
        if self.now() >= link.expires_at || user.is_none() {
            return Err(PeopleError::LinkRefused);
        }
        Ok((link, bytes))
    }

    /// Uses a one-time link up and opens a session by it.
    ///
    /// # Errors
    /// The link does not count (any more), or the store failed.
    pub async fn redeem_link(&self, secret: &str, by: &By) -> Result<Opened, PeopleError> {
        let (link, bytes) = self.link(secret).await?;
        let key = keys::link(&Digest::of(secret));
        let mut batch = Batch::default();
        batch.require_equal(key.clone(), bytes).delete(key.clone());
        let by = By {
            actor: link.user.clone(),
            origin: by.origin.clone(),
        };
        let signed_in = SignedIn {
            user: link.user,
            how: "one-time link".to_owned(),
            ..SignedIn::default()
        };
        match self.open_session_with(signed_in, &by, batch).await {
            // Somebody was faster.
            Err(PeopleError::Store(StoreError::Conflict(other))) if other == key => {
                Err(PeopleError::LinkRefused)
            }
            opened => opened,
        }
    }

    /// The session of a cookie, if it has not ended. Remembers that it is used.
    pub async fn session(&self, secret: &str) -> Result<Option<Session>, StoreError> {
        let key = keys::session(&Digest::of(secret));
        let store = &self.shared().ports.store;
        let Some(bytes) = store.get(&key).await? else {
            return Ok(None);
        };
        let (mut session, now): (Session, _) = (decode(&bytes)?, self.now());
        if session.is_over(now) {
            return Ok(None);
        }
        if now.since(session.seen_at) >= SEEN_EVERY {
            session.seen_at = now;
            let mut batch = Batch::default();
            batch.require_equal(key.clone(), bytes);
            batch.put(key.clone(), encode(&session)?);
            match store.commit(batch).await {
                // It was ended, or seen by another request, at the same moment.
                Err(StoreError::Conflict(_)) if store.get(&key).await?.is_none() => {
                    return Ok(None);
                }
                Err(StoreError::Conflict(_)) => {}
                written => written?,
            }
        }
        Ok(Some(session))
    }

    /// Ends a session.
    pub async fn end_session(&self, secret: &str, by: &By) -> Result<(), StoreError> {
        let key = keys::session(&Digest::of(secret));
        let shared = self.shared();
        if shared.ports.store.get(&key).await?.is_none() {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.delete(key);
        let draft = Draft {
            origin: by.origin.clone(),
            ..Draft::new(&by.actor, "sign-out", AuditTarget::User(by.actor.clone()))
        };
        shared.desk.audit.commit(shared, batch, vec![draft]).await
    }

    /// Adds the end of all sessions of a user to a batch.
    pub(super) async fn forget_sessions(
        &self,
        batch: &mut Batch,
        user: &str,
    ) -> Result<(), StoreError> {
        let mut scan = Scan::prefix(keys::SESSIONS, SWEPT);
        loop {
            let rows = self.shared().ports.store.scan(scan.clone()).await?;
            for (key, bytes) in &rows {
                let is_theirs = decode::<Session>(bytes).is_ok_and(|s| s.user == user);
                if is_theirs {
                    batch.delete(key.clone());
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == SWEPT => scan = scan.after(key.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Adds the removal of sessions and links that have ended to a batch.
    async fn sweep_people(&self, batch: &mut Batch, now: Timestamp) -> Result<(), StoreError> {
        let store = &self.shared().ports.store;
        for (key, bytes) in store.scan(Scan::prefix(keys::SESSIONS, SWEPT)).await? {
            if decode::<Session>(&bytes).is_ok_and(|session| session.is_over(now)) {
                batch.delete(key);
            }
        }
        for (key, bytes) in store.scan(Scan::prefix(keys::LINKS, SWEPT)).await? {
            if decode::<Link>(&bytes).is_ok_and(|link| now >= link.expires_at) {
                batch.delete(key);
            }
        }
        Ok(())
    }
}
