//! The original's own example files.

use std::time::Duration;

use hythe_configuration::sections::storage::CacheKind;

use crate::{first_release, load, load_with};

const EXAMPLE: &str = "\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
  tag:
    concurrencylimit: 8
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/registry
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

const PULL_THROUGH: &str = "\
version: 0.1
log:
  level: debug
  fields:
    service: registry
    environment: development
storage:
    cache:
        blobdescriptor: redis
    filesystem:
        rootdirectory: /var/lib/registry-cache
    maintenance:
        uploadpurging:
            enabled: false
    tag:
      concurrencylimit: 8
http:
    addr: :5000
    secret: asecretforlocaldevelopment
    debug:
        addr: localhost:5001
    headers:
        X-Content-Type-Options: [nosniff]
redis:
  addrs: [localhost:6379]
  maxidleconns: 16
  poolsize: 64
  connmaxidletime: 300s
  dialtimeout: 10ms
  readtimeout: 10ms
  writetimeout: 10ms
notifications:
    events:
        includereferences: true
    endpoints:
        - name: local-8082
          url: http://localhost:5003/callback
          headers:
             Authorization: [Bearer <an example token>]
          timeout: 1s
          threshold: 10
          backoff: 1s
          disabled: true
        - name: local-8083
          url: http://localhost:8083/callback
          timeout: 1s
          threshold: 10
          backoff: 1s
          disabled: true
proxy:
  remoteurl: https://registry-1.docker.io
  username: username
  password: password
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

#[test]
fn the_example_of_the_image_is_read_without_warning() {
    let configuration = load(EXAMPLE);
    assert_eq!(configuration.http.addr, ":5000");
    assert_eq!(
        configuration.storage.driver.parameters["rootdirectory"],
        "/var/lib/registry"
    );
    assert_eq!(
        configuration.storage.cache.blobdescriptor,
        Some(CacheKind::InMemory)
    );
    assert_eq!(configuration.health.storagedriver.schedule.threshold, 3);
    assert_eq!(configuration.auth.provider.unwrap().name, "htpasswd");
}

#[test]
fn files_written_on_windows_are_read_alike() {
    let written_elsewhere = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(load(&written_elsewhere), load(EXAMPLE));
}

#[test]
fn the_example_of_a_cache_is_read_without_warning() {
    let configuration = load(PULL_THROUGH);
    assert_eq!(
        configuration.redis.connmaxidletime,
        Some(Duration::from_secs(300))
    );
    assert_eq!(configuration.notifications.endpoints.len(), 2);
    assert_eq!(
        configuration.notifications.endpoints[0].headers[0].1,
        ["Bearer <an example token>"]
    );
    assert!(!configuration.storage.maintenance.uploadpurging.enabled);
}

#[test]
fn the_example_of_a_cache_needs_more_than_a_first_release() {
    let problems = load_with(PULL_THROUGH, &[], &first_release()).unwrap_err();
    let refused: Vec<&str> = problems.errors().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        refused,
        ["storage.cache.blobdescriptor", "redis.addrs", "proxy.remoteurl"]
    );
}
