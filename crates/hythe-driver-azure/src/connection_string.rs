//! Connection strings as the Azure portal hands them out: `Name=value` pairs separated by `;`.

use crate::parameters::ParametersError;

/// The account name and key that Azurite and the older emulators publish; see its README.
const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const DEVELOPMENT_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";

/// What a connection string says of the blob service.
#[derive(Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct ConnectionString {
    pub(crate) account_name: Option<String>,
    pub(crate) account_key: Option<String>,
    pub(crate) sas_token: Option<String>,
    pub(crate) blob_endpoint: Option<String>,
    /// The scheme of the endpoint if none is named, `https` by default.
    pub(crate) protocol: Option<String>,
    /// The realm.
    pub(crate) endpoint_suffix: Option<String>,
}

impl ConnectionString {
    /// Reads a connection string. Names are compared without regard to case, those not known are ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, ParametersError> {
        let mut parsed = Self::default();
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            // Keys and signatures end in `=`.
            let Some((name, value)) = pair.split_once('=') else {
                return Err(ParametersError::new(
                    "connectionstring",
                    "must consist of pairs Name=value separated by semicolons",
                ));
            };
            let value = value.trim().to_owned();
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => parsed.account_name = Some(value),
                "accountkey" => parsed.account_key = Some(value),
                "sharedaccesssignature" => parsed.sas_token = Some(value),
                "blobendpoint" => parsed.blob_endpoint = Some(value),
                "defaultendpointsprotocol" => parsed.protocol = Some(value),
                "endpointsuffix" => parsed.endpoint_suffix = Some(value),
                "usedevelopmentstorage" if value.eq_ignore_ascii_case("true") => {
                    parsed.account_name = Some(DEVELOPMENT_ACCOUNT.to_owned());
                    parsed.account_key = Some(DEVELOPMENT_KEY.to_owned());
                    parsed.blob_endpoint = Some(DEVELOPMENT_ENDPOINT.to_owned());
                }
                _ => {}
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_strings_are_read() {
        let text = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5==;EndpointSuffix=core.windows.net";
        let expected = ConnectionString {
            account_name: Some("acc".to_owned()),
            account_key: Some("a2V5==".to_owned()),
            protocol: Some("https".to_owned()),
            endpoint_suffix: Some("core.windows.net".to_owned()),
            ..ConnectionString::default()
        };
        assert_eq!(ConnectionString::parse(text), Ok(expected));
    }

    #[test]
    fn a_signature_and_an_endpoint_are_read() {
        let text = "BlobEndpoint=https://x/acc; SharedAccessSignature=sv=1&sig=a%3D ;Other=1;";
        let parsed = ConnectionString::parse(text).unwrap();
        assert_eq!(parsed.blob_endpoint.as_deref(), Some("https://x/acc"));
        assert_eq!(parsed.sas_token.as_deref(), Some("sv=1&sig=a%3D"));
    }

    #[test]
    fn the_emulator_has_a_short_form() {
        let parsed = ConnectionString::parse("UseDevelopmentStorage=true").unwrap();
        assert_eq!(parsed.account_name.as_deref(), Some(DEVELOPMENT_ACCOUNT));
    }

    #[test]
    fn nonsense_is_refused_without_being_repeated() {
        let error = ConnectionString::parse("very secret").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
