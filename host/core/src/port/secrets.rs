//! Reading secrets by name.

use super::BoxFuture;
use std::fmt;
use zeroize::Zeroizing;

/// A secret's value. Shows nothing in `Debug`; wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value: only where it is used.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a secret cannot be had.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    /// The provider has no secret of this name.
    #[error("there is no secret `{0}`")]
    Missing(String),
    /// The provider failed.
    #[error("the secret `{name}` cannot be read: {reason}")]
    Unreadable {
        /// The secret's name.
        name: String,
        /// Why, without any value.
        reason: String,
    },
    /// No provider of the host can keep it.
    #[error("the secret `{0}` cannot be stored: the host has no encrypted file (`secrets.age`)")]
    ReadOnly(String),
}

/// Reads secrets when they are used.
pub trait Secrets: Send + Sync {
    /// The current value of a secret: the newest, for calls that go out.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>>;

    /// Every value that is valid now, the newest first: two while one is exchanged for
    /// another. For what comes in.
    fn valid<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Secret>, SecretError>> {
        Box::pin(async move { Ok(vec![self.get(name).await?]) })
    }

    /// Stores a value that the host was given, encrypted: a refresh token. The value before
    /// ends at once.
    fn put<'a>(&'a self, name: &'a str, _value: Secret) -> BoxFuture<'a, Result<(), SecretError>> {
        Box::pin(async move { Err(SecretError::ReadOnly(name.to_owned())) })
    }
}
