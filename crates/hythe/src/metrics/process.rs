//! The process, as Prometheus' libraries show it, from `/proc`.

use std::fs;

use prometheus::{Counter, Gauge, Registry};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::{Result, register};

/// Processor time, memory, descriptors, traffic.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    cpu_seconds: Counter,
    start_time: Gauge,
    virtual_memory: Gauge,
    virtual_memory_max: Gauge,
    resident_memory: Gauge,
    open_descriptors: Gauge,
    max_descriptors: Gauge,
    received: Counter,
    sent: Counter,
}

/// What `/proc/self/stat` says; proc_pid_stat(5).
#[derive(Debug, PartialEq)]
struct Stat {
    /// User and system time, in clock ticks.
    cpu_ticks: u64,
    /// Since the system's start, in clock ticks.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| register(registry, Gauge::new(name, help)?);
        let counter = |name: &str, help: &str| register(registry, Counter::new(name, help)?);
        Ok(Self {
            cpu_seconds: counter(
                "process_cpu_seconds_total",
                "Processor time of the process, user and system.",
            )?,
            start_time: gauge(
                "process_start_time_seconds",
                "When the process was started, in Unix time.",
            )?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Virtual memory.")?,
            virtual_memory_max: gauge(
                "process_virtual_memory_max_bytes",
                "Virtual memory that the process may have.",
            )?,
            resident_memory: gauge("process_resident_memory_bytes", "Resident memory.")?,
            open_descriptors: gauge("process_open_fds", "Open file descriptors.")?,
            max_descriptors: gauge(
                "process_max_fds",
                "File descriptors that the process may have open.",
            )?,
            received: counter(
                "process_network_receive_bytes_total",
                "Bytes that came over the network, to the whole network namespace.",
            )?,
            sent: counter(
                "process_network_transmit_bytes_total",
                "Bytes that went over the network, from the whole network namespace.",
            )?,
        })
    }

    /// Looks. What the system does not tell stays as it was.
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus knows only floating-point numbers"
    )]
    pub(super) fn look(&self) {
        let ticks_per_second = clock_ticks_per_second() as f64;
        if let Some(stat) = read("/proc/self/stat").and_then(|text| Stat::parse(&text)) {
            set(&self.cpu_seconds, stat.cpu_ticks as f64 / ticks_per_second);
            self.virtual_memory.set(stat.virtual_bytes as f64);
            self.resident_memory
                .set(stat.resident_pages as f64 * page_size() as f64);
            if let Some(booted) = read("/proc/stat").and_then(|text| boot_time(&text)) {
                self.start_time
                    .set(booted as f64 + stat.start_ticks as f64 / ticks_per_second);
            }
        }
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            // One is the folder's own.
            self.open_descriptors
                .set(descriptors.count().saturating_sub(1) as f64);
        }
        // Without a limit it is the largest number, as in the original.
        let most = |resource| getrlimit(resource).current.unwrap_or(u64::MAX) as f64;
        self.max_descriptors.set(most(Resource::Nofile));
        self.virtual_memory_max.set(most(Resource::As));
        if let Some((received, sent)) = read("/proc/self/net/netstat").and_then(|text| traffic(&text)) {
            set(&self.received, received as f64);
            set(&self.sent, sent as f64);
        }
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Counters of the system are taken over as they are.
fn set(counter: &Counter, value: f64) {
    let more = value - counter.get();
    if more > 0.0 {
        counter.inc_by(more);
    }
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name, which may contain anything; the rest begins with the third.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: number(14)? + number(15)?,
            start_ticks: number(22)?,
            virtual_bytes: number(23)?,
            resident_pages: number(24)?,
        })
    }
}

/// The line `btime` of `/proc/stat`, in seconds.
fn boot_time(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

/// `InOctets` and `OutOctets` of `IpExt`: a line of names, and one of numbers.
fn traffic(text: &str) -> Option<(u64, u64)> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let value = |wanted: &str| {
        let mut pairs = names.split(' ').zip(numbers.split(' '));
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some((value("InOctets")?, value("OutOctets")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 20 30 40 50 60 70 80 90 100 200 300 400";
        let expected = Stat {
            cpu_ticks: 50,
            start_ticks: 100,
            virtual_bytes: 200,
            resident_pages: 300,
        };
        assert_eq!(Stat::parse(&format!("7 (a) b) () {rest}")), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn lines_are_found_by_their_names() {
        assert_eq!(boot_time("cpu 1 2\nbtime 1234\nprocesses 5\n"), Some(1234));
        assert_eq!(boot_time("cpu 1 2\n"), None);
        let text = "TcpExt: A B\nTcpExt: 1 2\nIpExt: X InOctets OutOctets\nIpExt: 1 22 333\n";
        assert_eq!(traffic(text), Some((22, 333)));
        assert_eq!(traffic("IpExt: InOctets\n"), None);
    }

    #[test]
    fn the_system_tells() {
        let registry = Registry::new();
        let metrics = ProcessMetrics::new(&registry).unwrap();
        metrics.look();
        assert!(metrics.resident_memory.get() > 0.0);
        assert!(metrics.open_descriptors.get() > 0.0);
        assert!(metrics.start_time.get() > 1e9);
    }
}
