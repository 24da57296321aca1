//! What a newcomer is told who starts the program without a configuration.

use std::net::SocketAddr;

use hythe_configuration::Configuration;
use serde_json::Value;

/// Where content is kept, in words. Variables may have changed it even without a file.
pub(crate) fn storage_of(configuration: &Configuration) -> String {
    let driver = &configuration.storage.driver;
    match (driver.name.as_str(), driver.parameters.get("rootdirectory")) {
        ("filesystem", Some(Value::String(root))) => format!("in {root}"),
        ("inmemory", _) => "in memory, until it ends".to_owned(),
        (name, _) => format!("with the storage driver {name}"),
    }
}

/// Where it serves, who can reach it, and how to push.
pub(crate) fn text(address: SocketAddr, storage: &str) -> String {
    let reach = if address.ip().to_canonical().is_loopback() {
        "It is open to this machine only, without passwords."
    } else {
        "It is open to everyone who can reach this address, without passwords!"
    };
    format!(
        "\nHythe serves http://{address} and keeps its data {storage}.\n\
         {reach} Try it:\n\n    \
         skopeo copy --dest-tls-verify=false oci:DIRECTORY:TAG docker://{address}/my/image:latest\n    \
         docker tag IMAGE {address}/my/image && docker push {address}/my/image\n    \
         curl http://{address}/v2/_catalog\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_address_is_called_open_to_this_machine_only() {
        let check = |address: &str, is_private: bool| {
            let text = text(address.parse().unwrap(), "in ./hythe-data");
            assert_eq!(text.contains("this machine only"), is_private, "{text}");
            assert!(
                text.contains(&format!("docker push {address}/my/image")),
                "{text}"
            );
        };
        check("127.0.0.1:5000", true);
        check("[::1]:5000", true);
        check("0.0.0.0:5000", false);
        check("[::]:5000", false);
        check("192.0.2.1:80", false);
    }
}
