//! Tables in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::client::Waiting;
use crate::scenario::{Clients, Load, Measured};
use crate::server::Figures;

const GIBIBYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// All rounds of one load on one registry.
#[derive(Debug)]
pub(crate) struct Row {
    load: Load,
    size: String,
    clients: Clients,
    registry: String,
    rounds: Vec<(Measured, Figures)>,
}

impl Row {
    /// Adds one round to the row it belongs to.
    pub(crate) fn add(
        rows: &mut Vec<Self>,
        load: Load,
        size: &str,
        clients: Clients,
        registry: &str,
        round: (Measured, Figures),
    ) {
        let same = |row: &&mut Self| {
            row.load == load && row.size == size && row.clients == clients && row.registry == registry
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.rounds.push(round),
            None => rows.push(Self {
                load,
                size: size.to_owned(),
                clients,
                registry: registry.to_owned(),
                rounds: vec![round],
            }),
        }
    }

    /// Transfers: GiB per second; small requests: requests per second.
    fn rate(&self) -> f64 {
        median(self.rounds.iter().map(|(measured, _)| {
            let seconds = measured.elapsed.as_secs_f64();
            if measured.bytes > 0 {
                measured.bytes as f64 / GIBIBYTE / seconds
            } else {
                measured.latencies.len() as f64 / seconds
            }
        }))
    }

    /// Transfers: server milliseconds per GiB; small requests: server microseconds per request.
    fn cost(&self) -> f64 {
        median(self.rounds.iter().map(|(measured, figures)| {
            if measured.bytes > 0 {
                figures.cpu_seconds * 1e3 / (measured.bytes as f64 / GIBIBYTE)
            } else {
                figures.cpu_seconds * 1e6 / measured.latencies.len() as f64
            }
        }))
    }

    fn latency_milliseconds(&self, quantile: f64) -> f64 {
        let mut all: Vec<Duration> = self
            .rounds
            .iter()
            .flat_map(|(measured, _)| measured.latencies.iter().copied())
            .collect();
        all.sort_unstable();
        let index = ((all.len() as f64 - 1.0) * quantile).round().max(0.0) as usize;
        all.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    fn peak_mebibytes(&self) -> f64 {
        let peak = self
            .rounds
            .iter()
            .map(|(_, figures)| figures.peak_bytes)
            .max()
            .unwrap_or_default();
        peak as f64 / 1024.0 / 1024.0
    }
}

/// The comparison; ratios are against the first registry's rate: how many times as fast it is as this one.
pub(crate) fn table(rows: &[Row], names: &[&str]) -> String {
    let mut out = String::from(
        "| load | size | connections | registry | rate | first is | p50 ms | p99 ms | server CPU | peak MiB |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut ordered: Vec<&Row> = rows.iter().collect();
    let position = |row: &Row| names.iter().position(|name| *name == row.registry);
    ordered.sort_by_key(|row| {
        let group = rows.iter().position(|other| {
            other.load == row.load && other.size == row.size && other.clients == row.clients
        });
        (group, position(row))
    });
    let mut first = 0.0;
    for row in ordered {
        let rate = row.rate();
        let is_first = names.first() == Some(&row.registry.as_str());
        if is_first {
            first = rate;
        }
        let ratio = if is_first {
            "-".to_owned()
        } else {
            format!("{:.2} x", first / rate)
        };
        let (rate_unit, cost_unit) = if row.size == "-" {
            ("/s", "µs/request")
        } else {
            ("GiB/s", "ms/GiB")
        };
        let rate = if row.size == "-" {
            format!("{rate:.0}")
        } else {
            format!("{rate:.2}")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {rate} {rate_unit} | {ratio} | {:.2} | {:.2} | {:.0} {cost_unit} | {:.0} |",
            row.load.name(),
            row.size,
            clients_text(row.clients),
            row.registry,
            row.latency_milliseconds(0.5),
            row.latency_milliseconds(0.99),
            row.cost(),
            row.peak_mebibytes(),
        );
    }
    out
}

fn clients_text(clients: Clients) -> String {
    match clients.waiting {
        Waiting::Asleep => clients.connections.to_string(),
        Waiting::Awake => format!("{}, awake", clients.connections),
    }
}

/// One line of the memory table.
#[derive(Debug)]
pub(crate) struct MemoryRow {
    /// Which registry.
    pub(crate) registry: String,
    /// Push or pull.
    pub(crate) load: Load,
    /// Clients at once.
    pub(crate) clients: usize,
    /// Size of each layer.
    pub(crate) size_mebibytes: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Peak resident memory.
    pub(crate) peak_bytes: u64,
}

/// The memory table.
pub(crate) fn memory_table(rows: &[MemoryRow]) -> String {
    let mut out = String::from(
        "| load | clients | size | registry | seconds | peak MiB |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let peak = row.peak_bytes as f64 / 1024.0 / 1024.0;
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} MiB | {} | {:.1} | {peak:.0} |",
            row.load.name(),
            row.clients,
            row.size_mebibytes,
            row.registry,
            row.seconds,
        );
    }
    out
}

/// The middle one of some figures.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
