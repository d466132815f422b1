//! Which addresses may be reached.

use crate::load::BindReason;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that cloud machines read their credentials from. A granted range does not
/// include them: they must be granted one by one.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// IPv4 ranges that are not public (IANA special-purpose registry, RFC 6890), as
/// network and prefix length.
const RESERVED_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only IPv6 range that is public (RFC 4291, section 2.4).
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Parts of it that are not: Teredo, benchmarking, ORCHID, documentation.
const RESERVED_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Address ranges that are granted although they are not public.
#[derive(Debug, Default)]
pub(crate) struct AddressGrants(Vec<IpNet>);

impl AddressGrants {
    /// Reads addresses and CIDR ranges.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, Vec<BindReason>> {
        let mut nets = Vec::new();
        let mut problems = Vec::new();
        for text in texts {
            let net = text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            match net {
                Ok(net) => nets.push(net),
                Err(_) => problems.push(BindReason::Addresses(text.clone())),
            }
        }
        if problems.is_empty() {
            Ok(Self(nets))
        } else {
            Err(problems)
        }
    }

    /// Whether requests may go to this address.
    pub(crate) fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let targets = [Some(address), embedded(address)];
        targets.into_iter().flatten().all(|a| self.permits_exact(a))
    }

    fn permits_exact(&self, address: IpAddr) -> bool {
        if METADATA.contains(&address) {
            return self.0.contains(&IpNet::from(address));
        }
        is_public(address) || self.0.iter().any(|net| net.contains(&address))
    }
}

/// Whether the address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !RESERVED_V4.iter().any(|net| within_v4(v4, *net)),
        IpAddr::V6(v6) => {
            // NAT64 and 6to4 are judged by the IPv4 address inside them.
            embedded(address).is_some()
                || within_v6(v6, GLOBAL_V6) && !RESERVED_V6.iter().any(|net| within_v6(v6, *net))
        }
    }
}

/// The IPv4 address inside an IPv6 one: NAT64 (RFC 6052, section 2.1) and 6to4
/// (RFC 3056, section 2). Mapped addresses are made plain before.
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else {
        return None;
    };
    let [a, b, c, ..] = v6.segments();
    let octets = v6.octets();
    let inner = match (a, b) {
        (0x64, 0xff9b) if c == 0 => [octets[12], octets[13], octets[14], octets[15]],
        (0x2002, _) => [octets[2], octets[3], octets[4], octets[5]],
        _ => return None,
    };
    Some(IpAddr::from(inner))
}

fn within_v4(address: Ipv4Addr, (net, length): (Ipv4Addr, u8)) -> bool {
    let shift = 32 - u32::from(length);
    address.to_bits() >> shift == net.to_bits() >> shift
}

fn within_v6(address: Ipv6Addr, (net, length): (Ipv6Addr, u8)) -> bool {
    let shift = 128 - u32::from(length);
    address.to_bits() >> shift == net.to_bits() >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grants: &[&str], address: &str, expected: bool) {
        let grants: Vec<String> = grants.iter().map(|&g| g.to_owned()).collect();
        let grants = AddressGrants::parse(&grants).unwrap();
        let permitted = grants.permits(address.parse().unwrap());
        assert_eq!(permitted, expected, "{address} with {grants:?}");
    }

    #[test]
    fn public_addresses_need_no_grant() {
        for address in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "223.255.255.255",
        ] {
            check(&[], address, true);
        }
        for address in [
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            check(&[], address, true);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.1.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.7",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "100.100.100.200",
            "192.88.99.1",
        ] {
            check(&[], address, false);
            check(&[], &format!("::ffff:{address}"), false);
            check(&[], &format!("64:ff9b::{address}"), false);
        }
        for address in [
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "100::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "64:ff9b:1::1",
            "5f00::1",
        ] {
            check(&[], address, false);
        }
    }

    #[test]
    fn a_grant_opens_its_range_only() {
        check(&["127.0.0.0/8"], "127.0.0.1", true);
        check(&["127.0.0.0/8"], "::ffff:127.0.0.1", true);
        check(&["127.0.0.0/8"], "::1", false);
        check(&["127.0.0.1"], "127.0.0.2", false);
        check(&["::1"], "::1", true);
        check(&["fd00::/8"], "fd12::1", true);
        check(&["10.0.0.0/8"], "11.0.0.1", true);
        check(&["10.0.0.0/8"], "192.168.0.1", false);
        check(&["10.0.0.0/8"], "64:ff9b::10.0.0.1", true);
    }

    #[test]
    fn metadata_is_granted_by_name_only() {
        check(&["0.0.0.0/0", "::/0"], "169.254.169.254", false);
        check(&["0.0.0.0/0", "::/0"], "::ffff:169.254.169.254", false);
        check(&["0.0.0.0/0", "::/0"], "fd00:ec2::254", false);
        check(&["0.0.0.0/0"], "169.254.169.253", true);
        check(&["169.254.169.254/32"], "169.254.169.254", true);
        check(&["169.254.169.254"], "169.254.169.254", true);
    }

    #[test]
    fn bad_ranges_are_all_reported() {
        let texts = ["10.0.0.0/33", "localhost", "10.0.0.0/8"].map(str::to_owned);
        assert_eq!(AddressGrants::parse(&texts).unwrap_err().len(), 2);
    }
}
