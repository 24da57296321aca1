//! Configurations as they are written for distribution: they load with the same effective values, or are refused by
//! the key that this version cannot honour.

use crate::config_check::check;

/// The file is taken without a warning, and these lines are in the effective configuration.
fn check_taken(file: &str, variables: &[(&str, &str)], lines: &[&str]) {
    let (code, printed, problems) = check(file, &["--strict"], variables);
    assert_eq!((code, problems.as_str()), (Some(0), ""), "{file}");
    for line in lines {
        let is_it = |printed: &str| {
            let printed = printed.trim_start_matches([' ', '-']);
            printed
                .strip_prefix(line)
                .is_some_and(|rest| rest.starts_with("  # "))
        };
        assert!(printed.lines().any(is_it), "{line}\n{printed}");
    }
}

/// The file is refused by these keys, each with its line, and by nothing else.
fn check_refused(file: &str, expected: &[&str]) {
    let (code, _, problems) = check(file, &[], &[]);
    assert_eq!(code, Some(1), "{problems}");
    let refusals: Vec<&str> = problems
        .lines()
        .filter(|line| line.starts_with("config.yml:") && !line.contains(": warning: "))
        .collect();
    assert_eq!(refusals.len(), expected.len(), "{problems}");
    for (refusal, expected) in refusals.iter().zip(expected) {
        assert!(refusal.contains(expected), "{expected}: {problems}");
    }
}

const SIMPLE: &str = "\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

#[test]
fn the_one_of_the_image_is_taken_as_it_is() {
    check_taken(
        SIMPLE,
        &[],
        &[
            "level: info",
            "formatter: text",
            "service: registry",
            "blobdescriptor: inmemory",
            "rootdirectory: /var/lib/registry",
            "addr: \":5000\"",
            "X-Content-Type-Options: [nosniff]",
            "interval: 10s",
            "threshold: 3",
            "maxentries: 1000",
            "maxtags: 1000",
        ],
    );
}

#[test]
fn what_images_are_given_by_variables_counts() {
    check_taken(
        SIMPLE,
        &[
            ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
            ("REGISTRY_HTTP_ADDR", "0.0.0.0:443"),
            ("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt"),
            ("REGISTRY_HTTP_TLS_KEY", "/certs/domain.key"),
            (
                "REGISTRY_AUTH",
                "{htpasswd: {realm: Registry Realm, path: /auth/htpasswd}}",
            ),
            ("REGISTRY_HTTP_SECRET", "a-secret"),
            ("REGISTRY_LOG_LEVEL", "debug"),
            ("REGISTRY_HTTP_HEADERS_ACCESS-CONTROL-ALLOW-ORIGIN", "['*']"),
        ],
        &[
            "enabled: true",
            "rootdirectory: /data",
            "addr: \"0.0.0.0:443\"",
            "certificate: /certs/domain.crt",
            "key: /certs/domain.key",
            "realm: \"Registry Realm\"",
            "path: /auth/htpasswd",
            "secret: \"<hidden>\"",
            "level: debug",
            "access-control-allow-origin: [\"*\"]",
        ],
    );
}

#[test]
fn one_for_a_bucket_with_a_token_server_and_tls_is_taken() {
    let file = "\
version: 0.1
log:
  level: warn
  formatter: logstash
  accesslog:
    disabled: true
storage:
  s3:
    accesskey: awsaccesskey
    secretkey: awssecretkey
    region: us-west-1
    regionendpoint: http://myobjects.local
    forcepathstyle: true
    bucket: bucketname
    encrypt: true
    secure: true
    v4auth: true
    chunksize: 5242880
    multipartcopychunksize: 33554432
    multipartcopymaxconcurrency: 100
    multipartcopythresholdsize: 33554432
    rootdirectory: /s3/object/name/prefix
  delete:
    enabled: false
  redirect:
    disable: false
  maintenance:
    uploadpurging:
      enabled: true
      age: 168h
      interval: 24h
      dryrun: false
    readonly:
      enabled: false
auth:
  token:
    realm: https://auth.example.com/token
    service: registry.example.com
    issuer: Auth Service
    rootcertbundle: /root/certs/bundle
http:
  addr: localhost:5000
  prefix: /my/nested/registry/
  host: https://myregistryaddress.org:5000
  secret: asecretforlocaldevelopment
  relativeurls: false
  draintimeout: 60s
  tls:
    certificate: /path/to/x509/public
    key: /path/to/x509/private
    clientcas: [/path/to/ca.pem, /path/to/another/ca.pem]
    clientauth: require-and-verify-client-cert
    minimumtls: tls1.2
    ciphersuites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  http2:
    disabled: false
  h2c:
    enabled: false
validation:
  manifests:
    urls:
      allow:
        - ^https?://([^/]+\\.)*example\\.com/
      deny:
        - ^https?://www\\.example\\.com/
    indexes:
      platforms: List
      platformlist:
        - architecture: amd64
          os: linux
";
    check_taken(
        file,
        &[],
        &[
            "formatter: logstash",
            "secretkey: \"<hidden>\"",
            "chunksize: 5242880",
            "regionendpoint: \"http://myobjects.local\"",
            "age: 168h0m0s",
            "issuer: \"Auth Service\"",
            "rootcertbundle: /root/certs/bundle",
            "prefix: /my/nested/registry/",
            "draintimeout: 1m0s",
            "clientcas: [/path/to/ca.pem, /path/to/another/ca.pem]",
            "platforms: list",
            "architecture: amd64",
        ],
    );
}

#[test]
fn one_for_azure_is_taken() {
    let file = "\
version: 0.1
storage:
  azure:
    accountname: accountname
    accountkey: YmFzZTY0ZW5jb2RlZGFjY291bnRrZXk=
    container: containername
    rootdirectory: /az/object/name/prefix
    credentials:
      type: client_secret
      clientid: client_id_string
      tenantid: tenant_id_string
      secret: secret_string
    copy_status_poll_max_retry: 10
    copy_status_poll_delay: 100ms
http: {addr: ':5000'}
";
    check_taken(
        file,
        &[],
        &[
            "accountname: accountname",
            "accountkey: \"<hidden>\"",
            "secret: \"<hidden>\"",
            "tenantid: tenant_id_string",
            "copy_status_poll_delay: 100ms",
        ],
    );
}

#[test]
fn one_of_version_2_is_taken_and_says_what_became_of_its_keys() {
    let file = "\
version: 0.1
loglevel: debug
storage:
  cache:
    layerinfo: inmemory
  filesystem:
    rootdirectory: /tmp/registry-dev
validation: {enabled: true}
compatibility:
  schema1:
    enabled: true
reporting:
  bugsnag:
    apikey: bugsnagapikey
redis:
  addr: localhost:6379
  pool: {maxidle: 16}
";
    let (code, printed, warnings) = check(file, &["--strict"], &[]);
    assert_eq!(code, Some(0), "{warnings}");
    for (line, expected) in [
        (2, "loglevel: deprecated; use `log.level`"),
        (
            5,
            "storage.cache.layerinfo: deprecated; use `storage.cache.blobdescriptor`",
        ),
        (8, "validation.enabled: deprecated; use `validation.disabled`"),
        (9, "compatibility: "),
        (12, "reporting: "),
        (16, "redis.addr: no longer read; use the list `addrs`"),
        (17, "redis.pool: "),
    ] {
        let is_it =
            |warning: &str| warning.starts_with(&format!("config.yml:{line}:")) && warning.contains(expected);
        assert!(warnings.lines().any(is_it), "{expected}\n{warnings}");
    }
    assert!(
        printed.contains("level: debug  # config.yml:2 (deprecated key loglevel)"),
        "{printed}"
    );
}

#[test]
fn those_that_ask_for_more_are_refused_by_key_and_line() {
    check_refused(
        "\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry-cache}, cache: {blobdescriptor: inmemory}}
proxy:
  remoteurl: https://registry-1.docker.io
  username: someone
  password: something
",
        &["config.yml:4:3: proxy.remoteurl: "],
    );
    check_refused(
        "\
version: 0.1
storage:
  filesystem: {rootdirectory: /tmp/registry-dev}
  cache: {blobdescriptor: redis}
redis:
  addrs: [localhost:6379]
  maxidleconns: 16
  poolsize: 64
  dialtimeout: 10ms
notifications:
  events: {includereferences: true}
  endpoints:
    - name: local-5003
      url: http://localhost:5003/callback
      headers: {Authorization: [Bearer <an example token>]}
      timeout: 1s
      threshold: 10
      backoff: 1s
      disabled: true
    - name: local-8083
      url: http://localhost:8083/callback
",
        &[
            "config.yml:4:11: storage.cache.blobdescriptor: ",
            "config.yml:6:3: redis.addrs: ",
            "config.yml:12:3: notifications.endpoints: ",
        ],
    );
    check_refused(
        "version: 0.1\nstorage: inmemory\nmiddleware: {registry: [{name: mine}], storage: [{name: alicdn}]}\n",
        &[
            "config.yml:3:14: middleware.registry: ",
            "config.yml:3:40: middleware.storage: ",
        ],
    );
    check_refused(
        "version: 0.1\nstorage: {oss: {bucket: b}}\n",
        &["config.yml:2:11: storage.oss: unknown storage driver"],
    );
}
