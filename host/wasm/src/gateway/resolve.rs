//! Name resolution that only answers with addresses that may be reached. The HTTP
//! client connects to exactly these addresses, so a name cannot change its meaning
//! between check and use.

use super::address::AddressGrants;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use std::sync::Arc;

/// The resolver of one connection.
pub(crate) struct Resolver(Arc<AddressGrants>);

impl Resolver {
    pub(crate) fn new(grants: Arc<AddressGrants>) -> Self {
        Self(grants)
    }
}

/// Why a name has no address here. Found again in the client's error.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The name has no address at all.
    #[error("the name has no address")]
    Unknown,
    /// It has, and none of them is permitted.
    #[error("none of the name's addresses is permitted")]
    NotPermitted,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let grants = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|_| ResolveError::Unknown)?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                return Err(ResolveError::Unknown.into());
            }
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| grants.permits(address.ip()))
                .collect();
            if permitted.is_empty() {
                return Err(ResolveError::NotPermitted.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
