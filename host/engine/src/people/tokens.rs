//! API tokens: random, shown once, scoped, expiring.

use super::history::{self, Was};
use super::record::{Token, TokenOwner, VERSION};
use super::{By, PeopleError, check_grants, decode, encode, is_plain, keys, secret, standing};
use crate::desk::{AuditTarget, Draft, Standing};
use crate::engine::Engine;
use dowel_core::Digest;
use dowel_core::access::Grant;
use dowel_core::port::{Batch, Scan, StoreError};
use std::time::Duration;

/// The longest life of a token.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// How exactly the last use is known: a write for each request would be too many.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Tokens that are read at a time.
const ROWS_PER_SCAN: usize = 500;

/// A token as it is wanted.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// Whom it belongs to.
    pub owner: TokenOwner,
    /// What it may do at most.
    pub grants: Vec<Grant>,
    /// Whether it may do all that its owner may.
    pub as_owner: bool,
    /// Whether it may read the metrics.
    pub metrics: bool,
    /// For how long it counts.
    pub expires_in: Duration,
}

fn check(wanted: &NewToken) -> Result<(), PeopleError> {
    let invalid = |message: &str| Err(PeopleError::Invalid(message.to_owned()));
    check_grants(&wanted.grants)?;
    let service = match &wanted.owner {
        TokenOwner::Service(name) => Some(name),
        TokenOwner::User(_) => None,
    };
    if !is_plain(&wanted.name) || service.is_some_and(|name| !is_plain(name)) {
        return invalid("the names of tokens and services are printable");
    }
    if wanted.grants.is_empty() && !wanted.metrics && !wanted.as_owner {
        return invalid("a token without a role and without the metrics may do nothing");
    }
    if wanted.expires_in.is_zero() || wanted.expires_in > LONGEST {
        return invalid("a token counts for 366 days at most");
    }
    Ok(())
}

impl Engine {
    /// Makes a token. The text that is returned is shown once and not kept.
    ///
    /// # Errors
    /// Something of it is malformed, or the store failed; nothing was changed.
    pub async fn create_token(
        &self,
        wanted: NewToken,
        by: &By,
    ) -> Result<(Token, String), PeopleError> {
        check(&wanted)?;
        self.check_apart(&wanted.grants)?;
        let shared = self.shared();
        let (id, text) = secret::token(shared.ports.randomness.as_ref());
        let now = self.now();
        let token = Token {
            v: VERSION,
            id,
            name: wanted.name.trim().to_owned(),
            owner: wanted.owner,
            hash: Digest::of(&text),
            grants: wanted.grants,
            as_owner: wanted.as_owner,
            metrics: wanted.metrics,
            created_at: now,
            created_by: by.actor.clone(),
            expires_at: now.plus(wanted.expires_in),
            used_at: None,
            revoked_at: None,
        };
        let (key, bytes) = (keys::token(&token.id), encode(&token)?);
        let draft = Draft {
            origin: by.origin.clone(),
            after: Some(Standing {
                status: token.reach(),
                ..standing(&token.grants, &bytes)
            }),
            ..Draft::new(
                &by.actor,
                "create-token",
                AuditTarget::Token(token.id.clone()),
            )
        };
        let mut batch = Batch::default();
        history::add(&mut batch, now, &key, &Was::Token(token.clone()))?;
        batch.require_absent(key.clone()).put(key, bytes);
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        Ok((token, text))
    }

    /// All tokens, also those that do not count any more.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let mut tokens = Vec::new();
        let mut scan = Scan::prefix(keys::TOKENS, ROWS_PER_SCAN);
        loop {
            let rows = self.shared().ports.store.scan(scan.clone()).await?;
            for (_, bytes) in &rows {
                tokens.push(decode::<Token>(bytes)?);
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
                _ => break,
            }
        }
        tokens.sort_by(|a: &Token, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(tokens)
    }

    /// The token's id in a text, whether or not it counts; `None` if it is no token.
    pub fn token_id(text: &str) -> Option<&str> {
        secret::token_id(text)
    }

    /// A token by its id, if it counts.
    pub async fn token_by_id(&self, id: &str) -> Result<Option<Token>, StoreError> {
        let bytes = self.shared().ports.store.get(&keys::token(id)).await?;
        let token = bytes.map(|bytes| decode::<Token>(&bytes)).transpose()?;
        let now = self.now();
        Ok(token.filter(|token| token.revoked_at.is_none() && now < token.expires_at))
    }

    /// The token of a request, if it counts. Remembers that it is used.
    pub async fn token(&self, text: &str) -> Result<Option<Token>, StoreError> {
        let Some(id) = secret::token_id(text) else {
            return Ok(None);
        };
        let store = &self.shared().ports.store;
        let key = keys::token(id);
        let Some(bytes) = store.get(&key).await? else {
            return Ok(None);
        };
        let (mut token, now): (Token, _) = (decode(&bytes)?, self.now());
        let counts = token.revoked_at.is_none() && now < token.expires_at;
        if !counts || token.hash != Digest::of(text) {
            return Ok(None);
        }
        let is_old = |used| now.since(used) >= SEEN_EVERY;
        if token.used_at.is_none_or(is_old) {
            token.used_at = Some(now);
            let mut batch = Batch::default();
            batch.require_equal(key.clone(), bytes);
            batch.put(key, encode(&token)?);
            match store.commit(batch).await {
                // Revoked or used at the same moment; the next request sees which.
                Err(StoreError::Conflict(_)) => {}
                written => written?,
            }
        }
        Ok(Some(token))
    }

    /// Revokes a token. `may` says whether it is the caller's to revoke.
    ///
    /// # Errors
    /// There is no such token, or the store failed; nothing was changed.
    pub async fn revoke_token(
        &self,
        id: &str,
        by: &By,
        may: impl Fn(&Token) -> bool,
    ) -> Result<Token, PeopleError> {
        let none = || PeopleError::NoSuchToken(id.to_owned());
        let shared = self.shared();
        let key = keys::token(id);
        loop {
            let bytes = shared.ports.store.get(&key).await?;
            let bytes = bytes.ok_or_else(none)?;
            let mut token: Token = decode(&bytes)?;
            if !may(&token) {
                return Err(none());
            }
            if token.revoked_at.is_some() {
                return Ok(token);
            }
            token.revoked_at = Some(self.now());
            let new = encode(&token)?;
            let draft = Draft {
                origin: by.origin.clone(),
                before: Some(Standing {
                    status: token.reach(),
                    ..standing(&token.grants, &bytes)
                }),
                after: Some(Standing {
                    status: "revoked".to_owned(),
                    ..standing(&token.grants, &new)
                }),
                ..Draft::new(&by.actor, "revoke-token", AuditTarget::Token(id.to_owned()))
            };
            let mut batch = Batch::default();
            history::add(&mut batch, self.now(), &key, &Was::Token(token.clone()))?;
            batch
                .require_equal(key.clone(), bytes)
                .put(key.clone(), new);
            match shared.desk.audit.commit(shared, batch, vec![draft]).await {
                // It was used at the same moment.
                Err(StoreError::Conflict(other)) if other == key => {}
                written => return Ok(written.map(|()| token)?),
            }
        }
    }
}
