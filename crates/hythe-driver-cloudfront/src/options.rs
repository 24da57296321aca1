use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use hythe_driver::Parameters;
use hythe_units::GoDuration;
use serde_json::Value;

use crate::error::CloudFrontError;

/// Where Amazon publishes its networks.
const AMAZONS_RANGES: &str = "https://ip-ranges.amazonaws.com/ip-ranges.json";
const DEFAULT_UPDATE_FREQUENCY: Duration = Duration::from_secs(12 * 3600);

/// Whether clients inside Amazon's network are left to the driver's own addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpFilter {
    /// No: everybody is sent to CloudFront.
    None,
    /// Those in any region are.
    Aws,
    /// Those in these regions are; names in lower case.
    AwsRegion(Vec<String>),
}

/// How the middleware is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudFrontOptions {
    /// What the address of an object begins with; it ends in `/`.
    pub base_url: String,
    /// The file with the private key.
    pub private_key: PathBuf,
    /// CloudFront's name of the key.
    pub key_pair_id: String,
    /// How long addresses work; `None`: as the request says.
    pub duration: Option<Duration>,
    /// Who is left to the driver's own addresses.
    pub ip_filter: IpFilter,
    /// How often Amazon's networks are read again.
    pub update_frequency: Duration,
    /// Where they are read: a URL or a path.
    pub ip_ranges_url: String,
}

impl CloudFrontOptions {
    /// The names of the options in the configuration. (One release of distribution had a misspelt
    /// `updatefrenquency`, which is read as well.)
    pub const OPTIONS: &[&str] = &[
        "baseurl",
        "privatekey",
        "keypairid",
        "duration",
        "ipfilteredby",
        "awsregion",
        "updatefrequency",
        "iprangesurl",
    ];

    /// Reads the options as they stand in the configuration. Null is as absent, unknown ones are ignored.
    pub fn read(options: &Parameters) -> Result<Self, CloudFrontError> {
        Ok(Self {
            base_url: base_url(required(options, "baseurl")?)?,
            private_key: required(options, "privatekey")?.into(),
            key_pair_id: key_pair_id(required(options, "keypairid")?)?,
            duration: time(options, "duration")?,
            ip_filter: ip_filter(options)?,
            update_frequency: update_frequency(options)?,
            ip_ranges_url: text(options, "iprangesurl")?.unwrap_or(AMAZONS_RANGES).to_owned(),
        })
    }
}

fn text<'a>(options: &'a Parameters, option: &'static str) -> Result<Option<&'a str>, CloudFrontError> {
    match options.get(option) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(CloudFrontError::option(option, "must be a text")),
    }
}

fn required<'a>(options: &'a Parameters, option: &'static str) -> Result<&'a str, CloudFrontError> {
    text(options, option)?.ok_or_else(|| CloudFrontError::option(option, "is required"))
}

/// A duration; the original ignores one without a unit in silence.
fn time(options: &Parameters, option: &'static str) -> Result<Option<Duration>, CloudFrontError> {
    let reason = || CloudFrontError::option(option, "must be a duration longer than 0 such as 20m");
    match options.get(option) {
        Some(Value::Number(_)) => Err(reason()),
        _ => text(options, option)?
            .map(|text| positive(text).ok_or_else(reason))
            .transpose(),
    }
}

fn positive(text: &str) -> Option<Duration> {
    let duration: GoDuration = text.parse().ok()?;
    duration.to_duration().filter(|duration| !duration.is_zero())
}

fn base_url(text: &str) -> Result<String, CloudFrontError> {
    let scheme = if text.contains("://") { "" } else { "https://" };
    let slash = if text.ends_with('/') { "" } else { "/" };
    let url = format!("{scheme}{text}{slash}");
    let has_host = url.parse::<Uri>().is_ok_and(|url| {
        let is_http = matches!(url.scheme_str(), Some("http" | "https"));
        is_http && url.host().is_some_and(|host| !host.is_empty()) && url.query().is_none()
    });
    if has_host && !url.contains('#') {
        Ok(url)
    } else {
        let reason = format!("{text:?} is no URL such as https://d111.cloudfront.net/path/");
        Err(CloudFrontError::option("baseurl", reason))
    }
}

/// It becomes part of a query.
fn key_pair_id(text: &str) -> Result<String, CloudFrontError> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        Ok(text.to_owned())
    } else {
        let reason = format!("{text:?} is not what CloudFront calls a key, such as K2JCJMDEHXQW5F");
        Err(CloudFrontError::option("keypairid", reason))
    }
}

fn ip_filter(options: &Parameters) -> Result<IpFilter, CloudFrontError> {
    const OPTION: &str = "ipfilteredby";
    let filter = text(options, OPTION)?.unwrap_or("none").to_lowercase();
    match filter.as_str() {
        "none" => Ok(IpFilter::None),
        "aws" => Ok(IpFilter::Aws),
        "awsregion" => regions(required(options, "awsregion")?),
        _ => Err(CloudFrontError::option(
            OPTION,
            format!("{filter:?} is none of none, aws, awsregion"),
        )),
    }
}

fn regions(text: &str) -> Result<IpFilter, CloudFrontError> {
    let names = text.split(',').map(|name| name.trim().to_lowercase());
    let regions: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    if regions.is_empty() {
        return Err(CloudFrontError::option("awsregion", "names no region"));
    }
    Ok(IpFilter::AwsRegion(regions))
}

fn update_frequency(options: &Parameters) -> Result<Duration, CloudFrontError> {
    const MISSPELT: &str = "updatefrenquency";
    let misspelt = time(options, MISSPELT)?;
    if misspelt.is_some() {
        tracing::warn!("cloudfront: the option {MISSPELT} is misspelt; it is called updatefrequency");
    }
    let frequency = misspelt.or(time(options, "updatefrequency")?);
    Ok(frequency.unwrap_or(DEFAULT_UPDATE_FREQUENCY))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(changes: &Value) -> Result<CloudFrontOptions, CloudFrontError> {
        let mut options = json!({ "baseurl": "d1.test", "privatekey": "/key.pem", "keypairid": "K1" });
        let options = options.as_object_mut().unwrap();
        options.extend(changes.as_object().unwrap().clone());
        CloudFrontOptions::read(options)
    }

    #[test]
    fn defaults_are_those_of_the_original() {
        let expected = CloudFrontOptions {
            base_url: "https://d1.test/".to_owned(),
            private_key: "/key.pem".into(),
            key_pair_id: "K1".to_owned(),
            duration: None,
            ip_filter: IpFilter::None,
            update_frequency: Duration::from_secs(43_200),
            ip_ranges_url: AMAZONS_RANGES.to_owned(),
        };
        assert_eq!(read(&json!({})).unwrap(), expected);
        assert_eq!(
            read(&json!({ "duration": null, "unknown": 1 })).unwrap(),
            expected
        );
    }

    #[test]
    fn the_base_url_is_completed() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                read(&json!({ "baseurl": text })).unwrap().base_url,
                expected,
                "{text}"
            );
        };
        check("d1.test/path", "https://d1.test/path/");
        check("http://d1.test:81/", "http://d1.test:81/");
    }

    #[test]
    fn filters_are_read_in_any_case() {
        let check = |options: Value, expected: IpFilter| {
            assert_eq!(read(&options).unwrap().ip_filter, expected, "{options}");
        };
        check(json!({ "ipfilteredby": "" }), IpFilter::None);
        check(json!({ "ipfilteredby": " AWS " }), IpFilter::Aws);
        check(
            json!({ "ipfilteredby": "awsregion", "awsregion": "us-east-1, EU-West-1,," }),
            IpFilter::AwsRegion(vec!["us-east-1".to_owned(), "eu-west-1".to_owned()]),
        );
    }

    #[test]
    fn the_misspelt_option_counts() {
        let frequency = |options: Value| read(&options).unwrap().update_frequency.as_secs();
        assert_eq!(frequency(json!({ "updatefrequency": "1h" })), 3600);
        assert_eq!(frequency(json!({ "updatefrenquency": "2h" })), 7200);
        assert_eq!(
            frequency(json!({ "updatefrenquency": "2h", "updatefrequency": "1h" })),
            7200
        );
    }

    #[test]
    fn unusable_options_are_named() {
        for (option, value) in [
            ("baseurl", json!(null)),
            ("baseurl", json!(1)),
            ("baseurl", json!("https://")),
            ("baseurl", json!("ftp://d1.test")),
            ("baseurl", json!("https://d1.test/?a=b")),
            ("privatekey", json!("")),
            ("privatekey", json!(true)),
            ("keypairid", json!(null)),
            ("keypairid", json!("a&b")),
            ("duration", json!(20)),
            ("duration", json!("20")),
            ("duration", json!("-20m")),
            ("ipfilteredby", json!("gcp")),
            ("ipfilteredby", json!(1)),
            ("awsregion", json!(",")),
            ("awsregion", json!(["us-east-1"])),
            ("awsregion", json!(null)),
            ("updatefrequency", json!("often")),
            ("updatefrenquency", json!("often")),
            ("iprangesurl", json!(["a"])),
        ] {
            let mut options = json!({ "ipfilteredby": "awsregion", "awsregion": "us-east-1" });
            options[option] = value;
            let error = read(&options).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("option {option}: ")),
                "{options}: {error}"
            );
        }
    }
}
