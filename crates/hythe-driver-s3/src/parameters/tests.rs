use serde_json::{Value, json};

use super::*;

fn with(further: &Value) -> Result<S3Parameters, ParametersError> {
    let mut value = json!({"bucket": "b", "region": "eu-west-1"});
    let target = value.as_object_mut().unwrap();
    for (name, value) in further.as_object().unwrap() {
        target.insert(name.clone(), value.clone());
    }
    S3Parameters::read(target)
}

#[test]
fn the_defaults_are_those_of_distribution() {
    let read = with(&json!({})).unwrap();
    assert_eq!(read.static_credentials, None);
    assert_eq!(read.endpoint, None);
    assert!(!read.force_path_style && !read.encrypt && read.secure && !read.skip_verify);
    assert_eq!(read.chunk_bytes, 10_485_760);
    assert_eq!(read.copy_chunk_bytes, 33_554_432);
    assert_eq!(read.copy_concurrency, 100);
    assert_eq!(read.copy_threshold_bytes, 33_554_432);
    assert_eq!(read.root_directory, "");
    assert_eq!(read.storage_class, Some(StorageClass::Standard));
    assert_eq!(read.object_acl, ObjectCannedAcl::Private);
    assert!(!read.dual_stack && !read.accelerate && !read.fips && !read.log_requests);
    assert_eq!(read.warnings, Vec::<String>::new());
}

#[test]
fn values_may_be_texts() {
    let read = with(&json!({
        "secure": "F", "forcepathstyle": "1", "chunksize": "5242880", "encrypt": "True",
        "multipartcopythresholdsize": "0", "rootdirectory": 12, "storageclass": "standard_ia",
        "loglevel": "debug", "conditionalputs": "false",
    }))
    .unwrap();
    assert!(!read.secure && read.force_path_style && read.encrypt && read.log_requests);
    assert_eq!(read.chunk_bytes, 5 << 20);
    assert_eq!(read.copy_threshold_bytes, 0);
    assert_eq!(read.root_directory, "12");
    assert_eq!(read.storage_class, Some(StorageClass::StandardIa));
    assert_eq!(read.conditional_puts, Some(false));
}

#[test]
fn unusable_values_are_named() {
    for value in [
        json!({"bucket": ""}),
        json!({"bucket": null}),
        json!({"region": "eu-nowhere-9"}),
        json!({"region": null}),
        json!({"chunksize": 5_242_879}),
        json!({"chunksize": 5_368_709_121_u64}),
        json!({"chunksize": "many"}),
        json!({"multipartcopychunksize": 1}),
        json!({"multipartcopymaxconcurrency": 0}),
        json!({"multipartcopythresholdsize": -1}),
        json!({"secure": "yes"}),
        json!({"encrypt": 1}),
        json!({"storageclass": "GLACIER"}),
        json!({"objectacl": "everybody"}),
        json!({"redirectendpoint": "https://cdn.example/path"}),
        json!({"redirectendpoint": "cdn.example"}),
        json!({"regionendpoint": "ftp://host"}),
        json!({"accelerate": true, "forcepathstyle": true}),
    ] {
        let error = with(&value).unwrap_err().to_string();
        let name = value.as_object().unwrap().keys().next().unwrap();
        assert!(error.contains(name.as_str()), "{error}");
    }
}

#[test]
fn an_endpoint_makes_any_region_good() {
    let check = |value: Value, endpoint: &str, region: &str| {
        let read = with(&value).unwrap();
        assert_eq!(read.endpoint.unwrap().to_string(), endpoint);
        assert_eq!(read.region, region);
    };
    check(
        json!({"regionendpoint": "http://127.0.0.1:9000", "region": "garage"}),
        "http://127.0.0.1:9000/",
        "garage",
    );
    check(
        json!({"regionendpoint": "store.example", "region": null}),
        "https://store.example/",
        "us-east-1",
    );
    check(
        json!({"regionendpoint": "store.example", "secure": false}),
        "http://store.example/",
        "eu-west-1",
    );
}

#[test]
fn what_has_another_effect_is_warned_of() {
    for value in [
        json!({"v4auth": false}),
        json!({"skipverify": true}),
        json!({"regionendpoint": "http://host", "accelerate": true}),
        json!({"accesskey": "only"}),
        json!({"sessiontoken": "only"}),
        json!({"loglevel": "debugwithhttpbody"}),
    ] {
        assert_eq!(with(&value).unwrap().warnings.len(), 1, "{value}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let read = with(&json!({"accesskey": "id", "secretkey": "hush", "sessiontoken": "hush"})).unwrap();
    let shown = format!("{read:?} {:?}", read.static_credentials);
    assert!(!shown.contains("hush"), "{shown}");
}
