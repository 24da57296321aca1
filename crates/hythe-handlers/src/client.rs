//! The address of the client behind the peer.
//!
//! Anybody can write `X-Forwarded-For`, so it counts only when the peer is a proxy that the operator trusts, and then
//! from its end: each proxy appends whom it heard, so the last address that is no trusted proxy's is the client's.
//! (distribution v3 takes the first address of anybody's field.)

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The client's address, `peer` being at the other end of the connection.
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_in(peer, trusted_proxies) {
        return peer;
    }
    if !headers.contains_key(X_FORWARDED_FOR) {
        let real = headers
            .get(X_REAL_IP)
            .and_then(|value| parse(value.to_str().ok()?));
        return real.unwrap_or(peer);
    }
    let mut client = peer;
    for hop in hops(headers) {
        // What stands before an entry that cannot be read was not written by anybody who is trusted.
        let Some(address) = hop else { break };
        client = address;
        if !is_in(client, trusted_proxies) {
            break;
        }
    }
    client
}

/// Whether an address lies in one of the networks.
pub(crate) fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// The entries of all lines, last first; `None` for one that is no address.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    lines.into_iter().rev().flat_map(|line| match line.to_str() {
        Ok(text) => text.rsplit(',').map(parse).collect(),
        Err(_) => vec![None],
    })
}

/// An address as proxies write it: bare, in brackets, with a port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let without_port = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?.0,
        // One colon is before a port; an address of version 6 has more.
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => address,
            _ => text,
        },
    };
    let address: IpAddr = without_port.parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client behind 10.0.0.1, whose network and 192.0.2.7 are trusted.
    #[track_caller]
    fn check(fields: &[(HeaderName, &str)], expected: &str) {
        check_from("10.0.0.1", fields, expected);
    }

    #[track_caller]
    fn check_from(peer: &str, fields: &[(HeaderName, &str)], expected: &str) {
        let trusted = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        let client = address(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(client.to_string(), expected, "{fields:?}");
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let fields = [(X_FORWARDED_FOR, "10.0.0.9"), (X_REAL_IP, "10.0.0.9")];
        check_from("203.0.113.5", &fields, "203.0.113.5");
        check_from("2001:db8::1", &fields, "2001:db8::1");
    }

    #[test]
    fn the_last_that_is_no_proxy_is_the_client() {
        check(&[], "10.0.0.1");
        check(&[(X_FORWARDED_FOR, "203.0.113.5")], "203.0.113.5");
        check(&[(X_FORWARDED_FOR, "1.2.3.4, 203.0.113.5")], "203.0.113.5");
        check(
            &[(X_FORWARDED_FOR, "1.2.3.4, 203.0.113.5,192.0.2.7 , 10.9.9.9")],
            "203.0.113.5",
        );
        check(
            &[
                (X_FORWARDED_FOR, "1.2.3.4, 203.0.113.5"),
                (X_FORWARDED_FOR, "192.0.2.7"),
            ],
            "203.0.113.5",
        );
        check(&[(X_FORWARDED_FOR, "10.2.2.2, 10.3.3.3")], "10.2.2.2");
        check(&[(X_REAL_IP, "203.0.113.5")], "203.0.113.5");
        check(
            &[(X_REAL_IP, "203.0.113.5"), (X_FORWARDED_FOR, "203.0.113.6")],
            "203.0.113.6",
        );
    }

    #[test]
    fn addresses_are_read_in_every_spelling() {
        check(&[(X_FORWARDED_FOR, "203.0.113.5:4711")], "203.0.113.5");
        check(&[(X_FORWARDED_FOR, "2001:db8::1")], "2001:db8::1");
        check(&[(X_FORWARDED_FOR, "[2001:db8::1]:4711")], "2001:db8::1");
        check(&[(X_FORWARDED_FOR, "::ffff:203.0.113.5")], "203.0.113.5");
        check_from(
            "::ffff:10.0.0.1",
            &[(X_FORWARDED_FOR, "203.0.113.5")],
            "203.0.113.5",
        );
        check_from("fd00::1", &[(X_FORWARDED_FOR, "203.0.113.5")], "203.0.113.5");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        check(&[(X_FORWARDED_FOR, "203.0.113.5, unknown, 10.3.3.3")], "10.3.3.3");
        check(&[(X_FORWARDED_FOR, "unknown")], "10.0.0.1");
        check(&[(X_FORWARDED_FOR, "")], "10.0.0.1");
        check(&[(X_FORWARDED_FOR, "[203.0.113.5")], "10.0.0.1");
        check(&[(X_REAL_IP, "somebody")], "10.0.0.1");
    }
}
