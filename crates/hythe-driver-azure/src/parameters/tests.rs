use serde_json::{Value, json};

use super::*;

fn read(value: &Value) -> Result<AzureParameters, ParametersError> {
    AzureParameters::read(value.as_object().unwrap())
}

fn with(extra: &Value) -> Value {
    let mut all = json!({
        "accountname": "acc",
        "accountkey": "a2V5",
        "container": "reg",
        "credentials": {"type": "shared_key"},
    });
    let (all_values, extra) = (all.as_object_mut().unwrap(), extra.as_object().unwrap());
    all_values.extend(extra.clone());
    all
}

#[test]
fn defaults_are_those_of_distribution() {
    let parameters = read(&with(&json!({}))).unwrap();
    assert_eq!(
        parameters.service_url.as_str(),
        "https://acc.blob.core.windows.net/"
    );
    assert_eq!(parameters.root_directory, "");
    assert_eq!(parameters.max_retries, 5);
    assert_eq!(parameters.retry_delay, Duration::from_millis(100));
    assert!(!parameters.skip_verify);
    assert_eq!(parameters.redirect_endpoint, None);
}

#[test]
fn names_are_read_whatever_their_case() {
    let parameters = read(&json!({
        "AccountName": "acc",
        "accountKey": "a2V5",
        "CONTAINER": "reg",
        "Credentials": {"Type": "shared_key"},
        "RootDirectory": "/a/b/",
        "serviceURL": "http://127.0.0.1:10000/acc/",
        "Realm": "ignored",
        "max_Retries": 2,
        "retry_delay": "1s",
        "skipVerify": true,
        "unknown": [1],
    }))
    .unwrap();
    assert_eq!(parameters.service_url.as_str(), "http://127.0.0.1:10000/acc");
    assert_eq!(parameters.root_directory, "a/b");
    assert_eq!(parameters.max_retries, 2);
    assert_eq!(parameters.retry_delay, Duration::from_secs(1));
    assert!(parameters.skip_verify);
}

#[test]
fn retries_are_the_default_for_zero_and_none_below() {
    let check = |given: i64, expected: u32| {
        let parameters = read(&with(&json!({"max_retries": given}))).unwrap();
        assert_eq!(parameters.max_retries, expected, "{given}");
    };
    check(0, 5);
    check(-1, 0);
    check(7, 7);
    check(1_000_000, 100);
}

#[test]
fn every_kind_of_credentials_is_read() {
    let check = |extra: Value, expected: Credentials| {
        let base = json!({"accountname": "acc", "container": "reg"});
        let mut all = base.as_object().unwrap().clone();
        all.extend(extra.as_object().unwrap().clone());
        let read = AzureParameters::read(&all);
        assert_eq!(
            read.map(|parameters| parameters.credentials),
            Ok(expected),
            "{extra}"
        );
    };
    let key = || "a2V5".to_owned().into();
    let token = || "sv=1&sig=x".to_owned().into();
    check(
        json!({"accountkey": "a2V5"}),
        Credentials::SharedKey { key: key() },
    );
    check(
        json!({"connectionstring": "AccountKey=a2V5"}),
        Credentials::SharedKey { key: key() },
    );
    check(
        json!({"credentials": {"sastoken": "?sv=1&sig=x"}}),
        Credentials::SasToken { token: token() },
    );
    check(
        json!({"connectionstring": "SharedAccessSignature=sv=1&sig=x"}),
        Credentials::SasToken { token: token() },
    );
    check(
        json!({"credentials": {"type": "client_secret", "tenantid": "t", "clientid": "c", "secret": "s"}}),
        Credentials::ClientSecret {
            tenant_id: "t".to_owned(),
            client_id: "c".to_owned(),
            secret: "s".to_owned().into(),
        },
    );
    check(
        json!({"credentials": {"type": "default_credentials"}}),
        Credentials::Default {
            client_id: None,
            tenant_id: None,
        },
    );
}

#[test]
fn a_connection_string_is_enough_beside_the_container() {
    let check = |connection: &str, account: &str, url: &str| {
        let parameters = read(&json!({"container": "reg", "connectionstring": connection})).unwrap();
        assert_eq!(parameters.account_name, account, "{connection}");
        assert_eq!(parameters.service_url.as_str(), url, "{connection}");
    };
    check(
        "DefaultEndpointsProtocol=http;AccountName=acc;AccountKey=a2V5;EndpointSuffix=example.com",
        "acc",
        "http://acc.blob.example.com/",
    );
    check(
        "BlobEndpoint=https://other.blob.core.windows.net/;SharedAccessSignature=sig=x",
        "other",
        "https://other.blob.core.windows.net/",
    );
    check(
        "UseDevelopmentStorage=true",
        "devstoreaccount1",
        "http://127.0.0.1:10000/devstoreaccount1",
    );
}

#[test]
fn what_stands_by_itself_wins_over_the_connection_string() {
    let parameters = read(&with(&json!({
        "connectionstring": "AccountName=other;AccountKey=b3RoZXI=;BlobEndpoint=https://x/other",
        "serviceurl": "https://y/acc",
    })))
    .unwrap();
    assert_eq!(parameters.account_name, "acc");
    assert_eq!(parameters.service_url.as_str(), "https://y/acc");
    let key = "a2V5".to_owned().into();
    assert_eq!(parameters.credentials, Credentials::SharedKey { key });
}

#[test]
fn unusable_parameters_are_named_and_secrets_are_not_repeated() {
    let check = |value: Value, name: &str| {
        let error = read(&value).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    };
    check(json!({"container": "reg", "accountkey": "a2V5"}), "accountname");
    check(json!({"accountname": "acc", "accountkey": "a2V5"}), "container");
    check(
        json!({"accountname": "acc", "container": "reg"}),
        "credentials.type",
    );
    check(with(&json!({"accountname": 5})), "accountname");
    check(with(&json!({"accountkey": "hidden!"})), "accountkey");
    check(
        with(&json!({"credentials": {"type": "default"}})),
        "credentials.type",
    );
    check(with(&json!({"credentials": "shared_key"})), "credentials");
    check(
        with(&json!({"credentials": {"type": "sas_token"}})),
        "credentials.sastoken",
    );
    check(
        with(&json!({"credentials": {"type": "sas_token", "sastoken": "hidden"}})),
        "credentials.sastoken",
    );
    check(
        with(&json!({"credentials": {"type": "client_secret", "tenantid": "t", "secret": "hidden"}})),
        "credentials.clientid",
    );
    check(with(&json!({"retry_delay": "soon"})), "retry_delay");
    check(with(&json!({"retry_delay": 100})), "retry_delay");
    check(with(&json!({"max_retries": "5"})), "max_retries");
    check(with(&json!({"skipverify": "yes"})), "skipverify");
    check(with(&json!({"serviceurl": "ftp://x"})), "serviceurl");
    check(with(&json!({"serviceurl": "https://u:hidden@x"})), "serviceurl");
    check(with(&json!({"redirectendpoint": "cdn"})), "redirectendpoint");
    check(with(&json!({"chunksize": 5})), "chunksize");
    check(with(&json!({"maxconcurrency": 0})), "maxconcurrency");
    check(with(&json!({"connectionstring": "hidden"})), "connectionstring");
    check(with(&json!({"ACCOUNTNAME": "twice"})), "is there twice");
}

#[test]
fn secrets_are_not_shown_by_debug() {
    let parameters = read(&with(&json!({"accountkey": "aGlkZGVu"}))).unwrap();
    let shown = format!("{parameters:?}");
    assert!(!shown.contains("aGlkZGVu"), "{shown}");
}
