use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// Amazon's [list][doc] as far as it is read. All services count, as in distribution.
///
/// [doc]: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html
#[derive(Deserialize)]
struct Published {
    prefixes: Vec<Prefix>,
    #[serde(default)]
    ipv6_prefixes: Vec<Prefix>,
}

#[derive(Deserialize)]
struct Prefix {
    #[serde(alias = "ip_prefix", alias = "ipv6_prefix")]
    network: String,
    #[serde(default)]
    region: String,
}

/// A set of addresses: disjoint spans in ascending order, so that a lookup among thousands of networks is quick.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AddressRanges {
    spans: Vec<(IpAddr, IpAddr)>,
}

impl AddressRanges {
    /// The networks of these regions in Amazon's list; of all regions if none is named.
    pub(crate) fn parse(json: &[u8], regions: &[String]) -> Result<Self, serde_json::Error> {
        let published: Published = serde_json::from_slice(json)?;
        let is_wanted = |region: &str| {
            regions.is_empty() || regions.iter().any(|wanted| wanted.eq_ignore_ascii_case(region))
        };
        let all = published.prefixes.iter().chain(&published.ipv6_prefixes);
        let networks = all
            .filter(|prefix| is_wanted(&prefix.region))
            .filter_map(|prefix| {
                let network = prefix.network.parse::<IpNet>();
                if network.is_err() {
                    tracing::warn!(network = prefix.network, "cloudfront: not a network");
                }
                network.ok()
            });
        Ok(networks.collect())
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let after = self.spans.partition_point(|(first, _)| *first <= address);
        // The last span that begins at or before the address.
        after
            .checked_sub(1)
            .is_some_and(|index| address <= self.spans[index].1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl FromIterator<IpNet> for AddressRanges {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        // Networks lie in one another or apart.
        let networks = IpNet::aggregate(&networks.into_iter().collect());
        let mut spans: Vec<_> = networks
            .iter()
            .map(|network| (network.network(), network.broadcast()))
            .collect();
        spans.sort_unstable();
        Self { spans }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &[u8] = br#"{
        "syncToken": "1", "createDate": "2026-01-01-00-00-00",
        "prefixes": [
            {"ip_prefix": "192.0.2.0/25", "region": "us-east-1", "service": "AMAZON", "network_border_group": "a"},
            {"ip_prefix": "192.0.2.0/24", "region": "us-east-1", "service": "EC2", "network_border_group": "a"},
            {"ip_prefix": "198.51.100.7/32", "region": "eu-west-1", "service": "S3", "network_border_group": "a"}
        ],
        "ipv6_prefixes": [
            {"ipv6_prefix": "2001:db8:1::/48", "region": "eu-west-1", "service": "EC2", "network_border_group": "a"}
        ]}"#;

    #[track_caller]
    fn check(regions: &[&str], inside: &[&str], outside: &[&str]) {
        let regions: Vec<_> = regions.iter().map(|region| (*region).to_owned()).collect();
        let ranges = AddressRanges::parse(PUBLISHED, &regions).unwrap();
        for (addresses, expected) in [(inside, true), (outside, false)] {
            for address in addresses {
                let contains = ranges.contains(address.parse().unwrap());
                assert_eq!(contains, expected, "{regions:?} {address}");
            }
        }
    }

    #[test]
    fn addresses_are_found_in_networks_of_both_versions() {
        check(
            &[],
            &[
                "192.0.2.0",
                "192.0.2.200",
                "192.0.2.255",
                "198.51.100.7",
                "2001:db8:1::",
                "2001:db8:1:ffff::1",
            ],
            &[
                "192.0.1.255",
                "192.0.3.0",
                "198.51.100.6",
                "198.51.100.8",
                "2001:db8::1",
                "2001:db8:2::",
                "::1",
            ],
        );
        check(&[], &["::ffff:192.0.2.1"], &["::ffff:192.0.3.1"]);
    }

    #[test]
    fn regions_narrow_the_list() {
        check(
            &["us-east-1"],
            &["192.0.2.200"],
            &["198.51.100.7", "2001:db8:1::1"],
        );
        check(
            &["EU-west-1", "x"],
            &["198.51.100.7", "2001:db8:1::1"],
            &["192.0.2.200"],
        );
        check(&["x"], &[], &["192.0.2.200"]);
    }

    #[test]
    fn what_is_no_network_is_left_out() {
        let list = br#"{"prefixes": [{"ip_prefix": "x"}, {"ip_prefix": "192.0.2.1/24"}]}"#;
        let ranges = AddressRanges::parse(list, &[]).unwrap();
        assert!(ranges.contains("192.0.2.200".parse().unwrap()));
    }

    #[test]
    fn what_is_no_such_list_is_an_error() {
        for text in [
            "",
            "[]",
            r#"{"prefixes": 1}"#,
            r#"{"prefixes": [{"ip": "192.0.2.0/24"}]}"#,
            "{}",
        ] {
            assert!(AddressRanges::parse(text.as_bytes(), &[]).is_err(), "{text}");
        }
        assert!(
            AddressRanges::parse(br#"{"prefixes": []}"#, &[])
                .unwrap()
                .is_empty()
        );
    }
}
