//! The table: what was measured, in Markdown for people and in JSON for programs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kit::Clock as _;
use serde_json::{Value, json};
use testkit::clock::SystemClock;

use crate::Result;
use crate::mock::STREAM_EVENTS;
use crate::open::Latencies;
use crate::run::{RATES, STREAM_RATE, Saturation};

/// What one target gave.
pub struct Figures {
    pub name: &'static str,
    pub whole: Vec<Saturation>,
    pub streamed: Vec<Saturation>,
    rates: BTreeMap<u32, Latencies>,
    pub streams: Option<Latencies>,
    /// CPU seconds at saturation by name of thread.
    pub threads: BTreeMap<String, f64>,
    pub idle_bytes: u64,
    pub loaded_bytes: u64,
    pub peak_bytes: u64,
}

/// What the ledger must hold after the run, and what it holds.
pub struct Ledger {
    pub expected_usd: f64,
    pub spent_usd: f64,
}

impl Figures {
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            whole: Vec::new(),
            streamed: Vec::new(),
            rates: BTreeMap::new(),
            streams: None,
            threads: BTreeMap::new(),
            idle_bytes: 0,
            loaded_bytes: 0,
            peak_bytes: 0,
        }
    }

    /// # Errors
    /// Never, with the histograms' fixed bounds.
    pub fn at_rate(&mut self, rate: u32) -> Result<&mut Latencies> {
        match self.rates.entry(rate) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(Latencies::new()?)),
        }
    }

    fn per_second(rounds: &[Saturation]) -> f64 {
        median(rounds.iter().map(|round| round.requests as f64 / round.seconds))
    }

    /// CPU seconds per 1,000 requests, which is the same number as milliseconds per request.
    fn cpu_per_thousand(rounds: &[Saturation]) -> f64 {
        median(rounds.iter().map(|round| round.cpu_seconds * 1e3 / round.requests.max(1) as f64))
    }

    fn backend_cpu_per_thousand(&self) -> f64 {
        median(self.whole.iter().map(|round| round.backend_cpu_seconds * 1e3 / round.requests.max(1) as f64))
    }

    /// Microseconds at a quantile: whole answers at a rate.
    fn at(&self, rate: u32, quantile: f64) -> f64 {
        self.rates.get(&rate).map_or(0.0, |latencies| latencies.whole.value_at_quantile(quantile) as f64)
    }

    fn first_byte(&self, quantile: f64) -> f64 {
        self.streams.as_ref().map_or(0.0, |latencies| latencies.first_byte.value_at_quantile(quantile) as f64)
    }

    fn json(&self) -> Value {
        let latency = |latencies: &Latencies| {
            let of = |histogram: &hdrhistogram::Histogram<u64>| {
                json!({
                    "count": histogram.len(), "p50": histogram.value_at_quantile(0.5), "p90": histogram.value_at_quantile(0.9),
                    "p99": histogram.value_at_quantile(0.99), "p999": histogram.value_at_quantile(0.999), "max": histogram.max()
                })
            };
            json!({"whole_micros": of(&latencies.whole), "first_byte_micros": of(&latencies.first_byte)})
        };
        let rates: BTreeMap<String, Value> =
            self.rates.iter().map(|(rate, latencies)| (rate.to_string(), latency(latencies))).collect();
        json!({
            "name": self.name,
            "saturation": self.whole, "saturation_streamed": self.streamed,
            "requests_per_second": Self::per_second(&self.whole),
            "cpu_seconds_per_1000_requests": Self::cpu_per_thousand(&self.whole),
            "backend_cpu_seconds_per_1000_requests": self.backend_cpu_per_thousand(),
            "cpu_seconds_per_1000_streams": Self::cpu_per_thousand(&self.streamed),
            "cpu_seconds_by_thread": self.threads,
            "open_loop": rates, "open_loop_streams": self.streams.as_ref().map(latency),
            "idle_bytes": self.idle_bytes, "loaded_bytes": self.loaded_bytes, "peak_bytes": self.peak_bytes
        })
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Writes `latest.md` and `latest.json` (of a quick run: `quick.*`) and prints the table.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(out: &Path, figures: &[Figures], ledger: &Ledger, quick: bool) -> Result<()> {
    let table = markdown(figures, ledger, quick);
    let all = json!({
        "unix_seconds": SystemClock::new().now().secs(), "quick": quick, "cores": cores(),
        "targets": figures.iter().map(Figures::json).collect::<Vec<_>>(),
        "ledger": {"expected_usd": ledger.expected_usd, "spent_usd": ledger.spent_usd}
    });
    let name = if quick { "quick" } else { "latest" };
    fs::create_dir_all(out)?;
    fs::write(out.join(format!("{name}.md")), &table)?;
    fs::write(out.join(format!("{name}.json")), format!("{all:#}\n"))?;
    let mut stdout = std::io::stdout();
    std::io::Write::write_all(&mut stdout, table.as_bytes())?;
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn markdown(figures: &[Figures], ledger: &Ledger, quick: bool) -> String {
    let mut out = String::from("# Bulkhead beside a bare proxy\n\n");
    if quick {
        out.push_str("A quick look: one short round, not a measurement.\n\n");
    }
    let _ = writeln!(
        out,
        "One run on {} cores that mock provider, load generator and target share; targets take turns. Bulkhead runs as \
         `bulkhead up`: virtual key with a budget, journal, ledger and metrics on. CPU is the target's own process until \
         its last row is in the ledger. Latency is open loop, counted from when a request was due; \"added\" is above direct.\n",
        cores()
    );
    let header: Vec<&str> = figures.iter().map(|target| target.name).collect();
    let _ = writeln!(out, "| | {} | bulkhead ÷ bare proxy |", header.join(" | "));
    let _ = writeln!(out, "| --- |{} --- |", " ---: |".repeat(figures.len()));
    rows(&mut out, figures);
    let _ = writeln!(
        out,
        "\nLedger after the run: ${:.6} charged for calls worth ${:.6} by the provider's count.",
        ledger.spent_usd, ledger.expected_usd
    );
    threads(&mut out, figures);
    out
}

fn rows(out: &mut String, figures: &[Figures]) {
    let mut row = |name: &str, digits: usize, ratio: bool, value: &dyn Fn(&Figures) -> f64| {
        let cells: Vec<String> = figures.iter().map(|target| format!("{:.digits$}", value(target))).collect();
        let of = |name: &str| figures.iter().find(|target| target.name == name).map_or(0.0, value);
        let ratio = if ratio {
            format!("{:.2}", of("bulkhead") / of("bare proxy").max(f64::EPSILON))
        } else {
            String::new()
        };
        let _ = writeln!(out, "| {name} | {} | {ratio} |", cells.join(" | "));
    };
    let direct = figures.first();
    let added = |target: &Figures, rate: u32, quantile: f64| {
        target.at(rate, quantile) - direct.map_or(0.0, |direct| direct.at(rate, quantile))
    };
    row("requests/s at saturation, 64 connections", 0, true, &|target| Figures::per_second(&target.whole));
    row("CPU seconds per 1,000 requests", 4, true, &|target| Figures::cpu_per_thousand(&target.whole));
    row("CPU seconds of the backend per 1,000 requests", 4, false, &Figures::backend_cpu_per_thousand);
    row("streams/s at saturation", 0, true, &|target| Figures::per_second(&target.streamed));
    row("CPU µs per streamed event", 2, true, &|target| {
        Figures::cpu_per_thousand(&target.streamed) * 1e3 / STREAM_EVENTS as f64
    });
    for rate in RATES {
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            row(&format!("{name} at {rate} requests/s, µs"), 0, false, &|target| target.at(rate, quantile));
            row(&format!("added {name} at {rate} requests/s, µs"), 0, false, &|target| {
                added(target, rate, quantile)
            });
        }
    }
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        row(&format!("{name} to the first chunk at {STREAM_RATE} streams/s, µs"), 0, false, &|target| {
            target.first_byte(quantile)
        });
    }
    row("resident memory before the load, MB", 1, false, &|target| target.idle_bytes as f64 / 1e6);
    row("resident memory after the load, MB", 1, false, &|target| target.loaded_bytes as f64 / 1e6);
    row("most memory during the load, MB", 1, false, &|target| target.peak_bytes as f64 / 1e6);
}

/// Where the gateway's CPU went, by thread.
fn threads(out: &mut String, figures: &[Figures]) {
    let Some(bulkhead) = figures.iter().find(|target| target.name == "bulkhead") else { return };
    let requests: u64 = bulkhead.whole.iter().map(|round| round.requests).sum();
    out.push_str("\n| gateway's threads | CPU µs per request |\n| --- | ---: |\n");
    for (name, seconds) in &bulkhead.threads {
        if *seconds > 0.0 {
            let _ = writeln!(out, "| {name} | {:.1} |", seconds * 1e6 / requests.max(1) as f64);
        }
    }
}
