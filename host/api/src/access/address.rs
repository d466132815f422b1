//! The address that a request came from.

use super::peer::Peer;
use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::IpAddr;

/// What proxies say about whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the caller. What proxies say counts only as far as they are trusted:
/// the list is read from its end, and the first address that is no trusted proxy is it.
pub(crate) fn client_address(
    peer: Option<Peer>,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let Some(Peer::Network(peer)) = peer else {
        return None;
    };
    let mut address = peer.ip().to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let values = headers.get_all(FORWARDED_FOR).iter();
    let named: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    let named = named.join(",");
    for text in named.rsplit(',').map(str::trim) {
        if !is_trusted(&address) {
            break;
        }
        match text.parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    Some(address)
}

/// Whether the request was made on the same machine. A request that a proxy passes on is
/// not, wherever the proxy runs.
pub(super) fn is_local(peer: Option<Peer>, headers: &HeaderMap) -> bool {
    let passed_on = [FORWARDED_FOR, "forwarded", "via", "x-real-ip"];
    match peer {
        Some(Peer::Network(peer)) => {
            peer.ip().to_canonical().is_loopback()
                && !passed_on.iter().any(|name| headers.contains_key(*name))
        }
        Some(Peer::Socket { .. }) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = [
            "127.0.0.0/8".parse().unwrap(),
            "10.0.0.0/24".parse().unwrap(),
        ];
        let peer = Some(Peer::Network(format!("{peer}:9").parse().unwrap()));
        let found = client_address(peer, &headers, &trusted).unwrap();
        assert_eq!(found.to_string(), expected, "{forwarded:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check("192.0.2.7", &[], "192.0.2.7");
        check("192.0.2.7", &["198.51.100.1"], "192.0.2.7");
        check("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["198.51.100.1, 10.0.0.3"], "198.51.100.1");
        check("127.0.0.1", &["198.51.100.1", "10.0.0.3"], "198.51.100.1");
        check("127.0.0.1", &["198.51.100.1, nonsense"], "127.0.0.1");
        check("[::ffff:127.0.0.1]", &["198.51.100.1"], "198.51.100.1");
    }

    #[test]
    fn what_a_proxy_passes_on_is_not_local() {
        let peer = |text: &str| Some(Peer::Network(text.parse().unwrap()));
        let mut headers = HeaderMap::new();
        assert!(is_local(peer("127.0.0.1:1"), &headers));
        assert!(is_local(peer("[::1]:1"), &headers));
        assert!(!is_local(peer("192.0.2.7:1"), &headers));
        assert!(!is_local(None, &headers));
        headers.insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
        assert!(!is_local(peer("127.0.0.1:1"), &headers));
    }
}
