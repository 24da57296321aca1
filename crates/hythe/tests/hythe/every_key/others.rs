//! `notifications`, `redis`, `proxy`: what this version does not have. The key that would switch it on stops the
//! start; the others are read, and `hythe config check` shows what they mean.

use hythe_testutil::Configuration;
use serde_json::json;

use super::{Row, refused, shown};

pub(super) fn rows() -> Vec<Row> {
    let endpoint = json!([{ "name": "a", "url": "http://127.0.0.1:1/", "disabled": true }]);
    let with_endpoint = Configuration::inmemory().set(&["notifications", "endpoints"], endpoint);
    let of_endpoint = |key, value, text| shown(key, value, text).on(&with_endpoint);
    let duration = |key| shown(key, json!("90s"), "1m30s");
    let number = |key| shown(key, json!(7), "7");
    let text = |key| shown(key, json!("a"), "a");
    let flag = |key| shown(key, json!(true), "true");
    let secret = |key| shown(key, json!("hush"), "\"<hidden>\"");
    let mut rows = vec![
        refused(
            "notifications.endpoints[].url",
            json!("http://127.0.0.1:1/"),
            "sends no notifications",
        )
        .naming("notifications.endpoints"),
        refused(
            "notifications.endpoints[].disabled",
            json!(false),
            "sends no notifications",
        )
        .on(&with_endpoint)
        .naming("notifications.endpoints"),
        shown("notifications.events.includereferences", json!(true), "true"),
        of_endpoint("notifications.endpoints[].name", json!("b"), "b"),
        of_endpoint("notifications.endpoints[].headers", json!({}), "{}"),
        of_endpoint("notifications.endpoints[].timeout", json!("90s"), "1m30s"),
        of_endpoint("notifications.endpoints[].threshold", json!(3), "3"),
        of_endpoint("notifications.endpoints[].backoff", json!("90s"), "1m30s"),
        of_endpoint(
            "notifications.endpoints[].ignoredmediatypes",
            json!(["a/b"]),
            "[a/b]",
        ),
        of_endpoint(
            "notifications.endpoints[].ignore.mediatypes",
            json!(["a/b"]),
            "[a/b]",
        ),
        of_endpoint(
            "notifications.endpoints[].ignore.actions",
            json!(["pull"]),
            "[pull]",
        ),
        refused("redis.addrs", json!(["127.0.0.1:6379"]), "uses no redis"),
        refused(
            "proxy.remoteurl",
            json!("https://registry.example.com"),
            "no pull-through cache",
        ),
        text("proxy.username"),
        secret("proxy.password"),
        text("proxy.exec.command"),
        duration("proxy.exec.lifetime"),
        duration("proxy.ttl"),
        duration("proxy.cachewritetimeout"),
        shown("redis.tls.rootcas", json!(["/ca"]), "[/ca]"),
    ];
    rows.extend(["redis.clientname", "redis.username", "redis.sentinelusername"].map(text));
    rows.extend(
        [
            "redis.mastername",
            "redis.identitysuffix",
            "redis.tls.certificate",
            "redis.tls.key",
        ]
        .map(text),
    );
    rows.extend(["redis.password", "redis.sentinelpassword"].map(secret));
    rows.extend(["redis.db", "redis.protocol", "redis.maxretries", "redis.poolsize"].map(number));
    rows.extend(["redis.minidleconns", "redis.maxidleconns", "redis.maxactiveconns"].map(number));
    rows.extend(["redis.maxredirects"].map(number));
    rows.extend(
        [
            "redis.minretrybackoff",
            "redis.maxretrybackoff",
            "redis.dialtimeout",
        ]
        .map(duration),
    );
    rows.extend(["redis.readtimeout", "redis.writetimeout", "redis.pooltimeout"].map(duration));
    rows.extend(["redis.connmaxidletime", "redis.connmaxlifetime"].map(duration));
    rows.extend(["redis.contexttimeoutenabled", "redis.poolfifo", "redis.readonly"].map(flag));
    rows.extend(
        [
            "redis.routebylatency",
            "redis.routerandomly",
            "redis.disableidentity",
        ]
        .map(flag),
    );
    rows.extend(["redis.unstableresp3"].map(flag));
    rows
}
