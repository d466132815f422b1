//! Finding out who somebody is, from an identity provider.

use super::BoxFuture;
use std::collections::BTreeSet;

/// Somebody, as an identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that the person acts under, such as `ana@example.com`.
    pub name: String,
    /// The provider's own groups that the person is in.
    pub groups: BTreeSet<String>,
    /// The provider.
    pub issuer: String,
}

/// A program, as an identity provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name at the provider, such as `ci`.
    pub name: String,
    /// The provider's own groups that it is in.
    pub groups: BTreeSet<String>,
    /// The provider.
    pub issuer: String,
}

/// Why nobody is known by it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// The provider did not answer, or not as it should.
    #[error("{0}")]
    Failed(String),
    /// The provider's answer is not for this host, or not valid.
    #[error("{0}")]
    Refused(String),
}

/// A login that begins: what binds the provider's answer to it.
#[derive(Clone, Copy, Debug)]
pub struct LoginRequest<'a> {
    /// Where the provider sends the browser back to.
    pub redirect: &'a str,
    /// Comes back with the browser.
    pub state: &'a str,
    /// Comes back in the identity.
    pub nonce: &'a str,
    /// The proof for the code (RFC 7636), of which the provider first sees a digest.
    pub verifier: &'a str,
}

/// An identity provider.
pub trait IdentityProvider: Send + Sync {
    /// Where to send the browser.
    fn login_url<'a>(
        &'a self,
        request: LoginRequest<'a>,
    ) -> BoxFuture<'a, Result<String, IdentityError>>;

    /// Who has come back with this code.
    fn redeem<'a>(
        &'a self,
        request: LoginRequest<'a>,
        code: &'a str,
    ) -> BoxFuture<'a, Result<Identity, IdentityError>>;

    /// Which program shows this token, which the provider has signed for this host. A
    /// provider that signs none refuses all.
    fn bearer<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Machine, IdentityError>> {
        let _ = token;
        let refused = "this host takes no tokens of the identity provider".to_owned();
        Box::pin(std::future::ready(Err(IdentityError::Refused(refused))))
    }
}
