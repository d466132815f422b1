//! Damaged URLs against an allow-list: whatever gets through goes to the host that is
//! granted, below the path that is granted, however an upstream reads it.

use crate::gateway::Rule;
use crate::gateway::address::AddressGrants;
use crate::gateway::target::Target as Parsed;
use dowel_core::connection::EgressRule;
use dowel_fuzz::Target;
use http::Method;
use std::net::IpAddr;

const TARGET: Target = Target {
    name: "egress-url",
    words: &[
        "https://",
        "http://",
        "api.example.com",
        "@",
        ":443",
        ":80",
        "/v1/",
        "/../",
        "..",
        "%2e%2e",
        "%2f",
        "%5c",
        "%252e",
        "\\",
        ";",
        "?",
        "#",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.0.0.1",
        "0x7f.1",
        "017700000001",
        "169.254.169.254",
        "localhost",
        "\u{3002}",
        "\u{ff0e}",
        "\t",
        "\n",
        "xn--",
        "evil.example",
        "user:pw@",
        "//",
    ],
};

fn rule(text: &str) -> Rule {
    let rule: EgressRule = text.parse().unwrap();
    Rule::parse(&rule).unwrap()
}

#[test]
fn fuzz_egress_urls() {
    let granted = rule("GET https://api.example.com/v1/*");
    let anywhere = rule("* *");
    TARGET.run(|input| {
        let text = String::from_utf8_lossy(input);
        let Ok(target) = Parsed::parse(Method::GET, &text) else {
            return;
        };
        assert!(anywhere.matches(&target));
        // What is sent is read in the same way again.
        let again = Parsed::parse(Method::GET, target.url.as_str()).unwrap();
        assert_eq!(again.url, target.url);
        assert!(target.url.username().is_empty() && target.url.password().is_none());
        assert!(target.url.fragment().is_none());
        no_other_address(&target);
        if !granted.matches(&target) {
            return;
        }
        let url = target.url.as_str();
        let rest = url.strip_prefix("https://api.example.com/v1/");
        let path = rest
            .unwrap_or_else(|| panic!("{url} got through"))
            .to_owned();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        assert!(!climbs(&path), "{url} got through");
    });
}

/// A host that a resolver could take for an address is one, and is judged as one.
fn no_other_address(target: &Parsed) {
    let host = target.host().trim_start_matches('[').trim_end_matches(']');
    let Ok(address) = host.parse::<IpAddr>() else {
        let digits = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        assert!(!digits, "{host} is a number and no address");
        return;
    };
    if address.is_loopback() || address.is_unspecified() {
        assert!(!AddressGrants::default().permits(address), "{host}");
    }
}

/// Whether a reader that decodes often, and takes backslashes for slashes and a semicolon
/// for the end of a segment, finds a way up.
fn climbs(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..4 {
        let up = |segment: &str| segment.split(';').next() == Some("..");
        if path.split(['/', '\\']).any(up) {
            return true;
        }
        let bytes = percent_decode(path.as_bytes());
        path = String::from_utf8_lossy(&bytes).into_owned();
    }
    false
}

fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}
