//! `dowel login`: a program on another machine asks for a token, and a person confirms it
//! in the browser, after the manner of RFC 8628.

use super::record::{Token, TokenOwner, VERSION};
use super::tokens::NewToken;
use super::{By, PeopleError, decode, encode, keys, secret};
use crate::engine::Engine;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// For how long a request waits for its person.
const WAITS: Duration = Duration::from_secs(600);

/// For how long the token counts that comes of it.
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Requests that wait at the same time: whoever asks is not known.
const MOST: usize = 500;

/// Letters of the code that people compare: no vowels, so that no words come of it
/// (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Letters of the code.
const CODE_LENGTH: usize = 8;

/// A request as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    v: u32,
    code: String,
    from: Option<String>,
    pub(super) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed_by: Option<String>,
}

/// A request for a token, for the program that has made it.
#[derive(Debug)]
pub struct DeviceLogin {
    /// What the program asks again with; it is not kept.
    pub secret: String,
    /// What the person compares, such as `BCDF-GHJK`.
    pub code: String,
    /// When the request ends.
    pub expires_at: Timestamp,
}

/// Where a request for a token stands.
#[derive(Debug)]
pub enum DeviceState {
    /// Nobody has confirmed it so far.
    Waits,
    /// It was confirmed: the token, and its text, which is not kept.
    Confirmed(Box<Token>, String),
    /// There is none, or it has ended.
    Gone,
}

fn code(random: [u8; 16]) -> String {
    let mut number = u128::from_be_bytes(random);
    let mut out = String::with_capacity(CODE_LENGTH + 1);
    for place in 0..CODE_LENGTH {
        if place == CODE_LENGTH / 2 {
            out.push('-');
        }
        let letter = usize::try_from(number % 20).unwrap_or_default();
        out.push(char::from(LETTERS[letter]));
        number /= 20;
    }
    out
}

/// A code as it was made, from what a person has typed.
fn normal(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphabetic);
    let mut out: String = letters.map(|c| c.to_ascii_uppercase()).collect();
    if out.len() == CODE_LENGTH {
        out.insert(CODE_LENGTH / 2, '-');
    }
    out
}

impl Engine {
    /// A program asks for a token; `from` is its address. Nothing when too many wait.
    pub async fn begin_device_login(
        &self,
        from: Option<String>,
    ) -> Result<Option<DeviceLogin>, StoreError> {
        let shared = self.shared();
        let (now, randomness) = (self.now(), shared.ports.randomness.as_ref());
        let mut batch = Batch::default();
        let rows = shared
            .ports
            .store
            .scan(Scan::prefix(keys::DEVICES, MOST))
            .await?;
        let mut waiting = rows.len();
        for (key, bytes) in rows {
            if decode::<Asked>(&bytes).is_ok_and(|asked| now >= asked.expires_at) {
                batch.delete(key);
                waiting -= 1;
            }
        }
        if waiting >= MOST {
            return Ok(None);
        }
        let asked = Asked {
            v: VERSION,
            code: code(randomness.bytes()),
            from,
            expires_at: now.plus(WAITS),
            confirmed_by: None,
        };
        let secret = secret::new(randomness);
        batch.put(keys::device(&Digest::of(&secret)), encode(&asked)?);
        shared.ports.store.commit(batch).await?;
        Ok(Some(DeviceLogin {
            secret,
            code: asked.code,
            expires_at: asked.expires_at,
        }))
    }

    async fn asked(&self, code: &str) -> Result<Option<(Vec<u8>, Vec<u8>, Asked)>, StoreError> {
        let code = normal(code);
        let rows = self
            .shared()
            .ports
            .store
            .scan(Scan::prefix(keys::DEVICES, MOST))
            .await?;
        for (key, bytes) in rows {
            let asked: Asked = decode(&bytes)?;
            if asked.code == code && self.now() < asked.expires_at && asked.confirmed_by.is_none() {
                return Ok(Some((key, bytes, asked)));
            }
        }
        Ok(None)
    }

    /// The address from which the token of a code is asked for; `None` if there is no such
    /// request.
    pub async fn device_login(&self, code: &str) -> Result<Option<Option<String>>, StoreError> {
        let found = self.asked(code).await?;
        Ok(found.map(|(_, _, asked)| asked.from))
    }

    /// A person lets the program have a token that acts for them.
    ///
    /// # Errors
    /// There is no such request (any more), or the store failed.
    pub async fn confirm_device_login(&self, code: &str, user: &str) -> Result<(), PeopleError> {
        let found = self.asked(code).await?;
        let (key, bytes, mut asked) = found.ok_or(PeopleError::LinkRefused)?;
        asked.confirmed_by = Some(user.to_owned());
        let mut batch = Batch::default();
        batch
            .require_equal(key.clone(), bytes)
            .put(key, encode(&asked)?);
        match self.shared().ports.store.commit(batch).await {
            Err(StoreError::Conflict(_)) => Err(PeopleError::LinkRefused),
            written => Ok(written?),
        }
    }

    /// Where a program's request stands. The token is made when the program asks for it
    /// after the confirmation, once.
    pub async fn device_state(&self, secret: &str, by: &By) -> Result<DeviceState, PeopleError> {
        let store = &self.shared().ports.store;
        let key = keys::device(&Digest::of(secret));
        let Some(bytes) = store.get(&key).await? else {
            return Ok(DeviceState::Gone);
        };
        let asked: Asked = decode(&bytes)?;
        if self.now() >= asked.expires_at {
            return Ok(DeviceState::Gone);
        }
        let Some(user) = asked.confirmed_by else {
            return Ok(DeviceState::Waits);
        };
        let mut batch = Batch::default();
        batch.require_equal(key.clone(), bytes).delete(key);
        match store.commit(batch).await {
            Err(StoreError::Conflict(_)) => return Ok(DeviceState::Gone),
            written => written?,
        }
        let wanted = NewToken {
            name: format!("login {}", asked.code),
            owner: TokenOwner::User(user.clone()),
            grants: Vec::new(),
            as_owner: true,
            metrics: false,
            expires_in: TOKEN_LIFE,
        };
        let by = By {
            actor: user,
            origin: by.origin.clone(),
        };
        let (token, text) = self.create_token(wanted, &by).await?;
        Ok(DeviceState::Confirmed(Box::new(token), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(code([0; 16]), "BBBB-BBBB");
        let made = code([0xa7; 16]);
        assert_eq!(made.len(), 9);
        assert_eq!(normal(&made), made);
        assert_eq!(normal(&made.to_lowercase().replace('-', " ")), made);
        assert_eq!(normal("x"), "X");
    }
}
