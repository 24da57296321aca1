//! The names that certificates are asked for.

use std::collections::BTreeSet;

use crate::Error;

/// The names as clients send them: in lower case, in ASCII (`xn--…`), without a dot at the end.
pub(crate) fn normalized(hosts: &[String]) -> Result<BTreeSet<String>, Error> {
    let names: BTreeSet<String> = hosts.iter().map(|host| name(host)).collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Err(Error::NoHosts);
    }
    Ok(names)
}

fn name(host: &str) -> Result<String, Error> {
    let refused = |reason| Error::Host {
        host: host.to_owned(),
        reason,
    };
    if host.contains('*') {
        return Err(refused(
            "a wildcard needs a challenge over DNS, which is not spoken here",
        ));
    }
    let name = idna::domain_to_ascii_strict(host.trim_end_matches('.'));
    let name = name.map_err(|_| refused("it is no domain name"))?;
    if name.is_empty() || name.parse::<std::net::IpAddr>().is_ok() {
        return Err(refused("it is no domain name"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_clients_send() {
        let check = |host: &str, expected: &str| assert_eq!(name(host).unwrap(), expected);
        check("registry.example.com", "registry.example.com");
        check("Registry.Example.COM.", "registry.example.com");
        check("bücher.example", "xn--bcher-kva.example");
        check("XN--bcher-kva.example", "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for host in [
            "",
            ".",
            "*.example.com",
            "10.0.0.1",
            "::1",
            "a b.example",
            "a/b",
            "../a",
            "registry.test:443",
        ] {
            assert!(matches!(name(host), Err(Error::Host { .. })), "{host}");
        }
        assert!(matches!(normalized(&[]), Err(Error::NoHosts)));
    }

    #[test]
    fn a_name_counts_once() {
        let hosts = ["a.test", "A.TEST.", "b.test"].map(str::to_owned);
        assert_eq!(normalized(&hosts).unwrap().len(), 2);
    }
}
