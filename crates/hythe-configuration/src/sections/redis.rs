//! `redis`: the server for what replicas share. The keys are options of the original's client library.

use std::time::Duration;

use super::default_is_read_from_nothing;
use crate::secret::Secret;
use crate::section::Section;
use hythe_units::GoDuration;

/// The connection; none is made when `addrs` is empty. What is `None` is left to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct Redis {
    /// `host:port` of the server, of the nodes of a cluster, or of sentinels.
    pub addrs: Vec<String>,
    /// The name that connections give themselves.
    pub clientname: Option<String>,
    /// The number of the database.
    pub db: i64,
    /// The version of the protocol.
    pub protocol: Option<i64>,
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The user name for sentinels.
    pub sentinelusername: Option<String>,
    /// The password for sentinels.
    pub sentinelpassword: Option<Secret>,
    /// The name of the master; naming it means that `addrs` are sentinels.
    pub mastername: Option<String>,
    /// How often a command is tried again; -1 for never.
    pub maxretries: Option<i64>,
    /// The shortest pause before trying again.
    pub minretrybackoff: Option<Duration>,
    /// The longest pause before trying again.
    pub maxretrybackoff: Option<Duration>,
    /// For making a connection.
    pub dialtimeout: Option<Duration>,
    /// For reading an answer.
    pub readtimeout: Option<Duration>,
    /// For writing a command.
    pub writetimeout: Option<Duration>,
    /// Whether the time limit of a request holds for its commands too.
    pub contexttimeoutenabled: bool,
    /// Whether idle connections are used first in, first out.
    pub poolfifo: bool,
    /// The size of the pool.
    pub poolsize: Option<i64>,
    /// For waiting for a connection of the pool.
    pub pooltimeout: Option<Duration>,
    /// How many idle connections are kept ready.
    pub minidleconns: Option<i64>,
    /// How many idle connections are kept at most.
    pub maxidleconns: Option<i64>,
    /// How many connections there are at most.
    pub maxactiveconns: Option<i64>,
    /// How long a connection may be idle.
    pub connmaxidletime: Option<Duration>,
    /// How long a connection may live.
    pub connmaxlifetime: Option<Duration>,
    /// How many redirects of a cluster are followed.
    pub maxredirects: Option<i64>,
    /// Whether replicas of a cluster are read.
    pub readonly: bool,
    /// Whether the nearest node of a cluster is read.
    pub routebylatency: bool,
    /// Whether any node of a cluster is read.
    pub routerandomly: bool,
    /// Whether the client does not tell its name and version.
    pub disableidentity: bool,
    /// What is added to the client's name.
    pub identitysuffix: Option<String>,
    /// Whether unfinished parts of protocol version 3 are used.
    pub unstableresp3: bool,
    /// TLS; used when any of its keys is set.
    pub tls: RedisTls,
}

/// `redis.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTls {
    /// The file of the client's certificate.
    pub certificate: Option<String>,
    /// The file of its private key.
    pub key: Option<String>,
    /// Files of certificate authorities; those of the system when empty.
    pub rootcas: Vec<String>,
}

impl Redis {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        section.inlines("OPTIONS");
        let flag = |key: &'static str| section.boolean_or(key, false);
        // Negative times switch limits off in the client library; there is no such thing here.
        let time = |key: &'static str| section.signed_duration(key).and_then(GoDuration::to_duration);
        Self {
            addrs: section.texts("addrs"),
            clientname: section.text("clientname"),
            db: section.settle("db", section.integer("db").unwrap_or(0)),
            protocol: section.integer("protocol"),
            username: section.text("username"),
            password: section.secret("password"),
            sentinelusername: section.text("sentinelusername"),
            sentinelpassword: section.secret("sentinelpassword"),
            mastername: section.text("mastername").filter(|name| !name.is_empty()),
            maxretries: section.integer("maxretries"),
            minretrybackoff: time("minretrybackoff"),
            maxretrybackoff: time("maxretrybackoff"),
            dialtimeout: time("dialtimeout"),
            readtimeout: time("readtimeout"),
            writetimeout: time("writetimeout"),
            contexttimeoutenabled: flag("contexttimeoutenabled"),
            poolfifo: flag("poolfifo"),
            poolsize: section.integer("poolsize"),
            pooltimeout: time("pooltimeout"),
            minidleconns: section.integer("minidleconns"),
            maxidleconns: section.integer("maxidleconns"),
            maxactiveconns: section.integer("maxactiveconns"),
            connmaxidletime: time("connmaxidletime"),
            connmaxlifetime: time("connmaxlifetime"),
            maxredirects: section.integer("maxredirects"),
            readonly: flag("readonly"),
            routebylatency: flag("routebylatency"),
            routerandomly: flag("routerandomly"),
            disableidentity: flag("disableidentity"),
            identitysuffix: section.text("identitysuffix"),
            unstableresp3: flag("unstableresp3"),
            tls: section.section("tls", RedisTls::read),
        }
    }
}

impl RedisTls {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        Self {
            certificate: section.text("certificate"),
            key: section.text("key"),
            rootcas: section.texts("rootcas"),
        }
    }
}

default_is_read_from_nothing!(Redis, RedisTls);
