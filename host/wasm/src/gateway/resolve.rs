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
            let permitted = permitted(found, &grants)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// Those of a name's addresses that may be reached.
fn permitted(
    found: impl Iterator<Item = SocketAddr>,
    grants: &AddressGrants,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        return Err(ResolveError::Unknown);
    }
    let may_be = |address: &SocketAddr| grants.permits(address.ip());
    let permitted: Vec<SocketAddr> = found.into_iter().filter(may_be).collect();
    if permitted.is_empty() {
        return Err(ResolveError::NotPermitted);
    }
    Ok(permitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[&str], expected: Result<&[&str], ResolveError>) {
        let parse = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
        let found = permitted(found.iter().map(parse), &AddressGrants::default());
        let expected = expected.map(|all| all.iter().map(parse).collect::<Vec<_>>());
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }

    /// Each connection is made to an address of the lookup that was checked for it: an
    /// answer that changes, or that mixes addresses, opens nothing.
    #[test]
    fn a_name_that_changes_its_mind_reaches_nothing_private() {
        check(&["93.184.215.14"], Ok(&["93.184.215.14"]));
        for rebound in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "fd00:ec2::254",
            "0.0.0.0",
        ] {
            check(&[rebound], Err(ResolveError::NotPermitted));
            check(&["93.184.215.14", rebound], Ok(&["93.184.215.14"]));
            check(&[rebound, "93.184.215.14"], Ok(&["93.184.215.14"]));
        }
        check(&[], Err(ResolveError::Unknown));
    }
}
