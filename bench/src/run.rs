//! The whole measurement: rounds of every target in turn, then the table.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::open::Latencies;
use crate::report::{self, Figures};
use crate::targets::{CALL_USD, Field, Target};
use crate::{Result, closed, open, process};

/// Connections of the closed loop.
const CONNECTIONS: usize = 64;
/// Rates of the open loop, requests per second.
pub const RATES: [u32; 2] = [200, 1_000];
/// Rate of the open loop of streams, streams per second.
pub const STREAM_RATE: u32 = 100;
/// How long the ledger may take to settle after the last request.
const SETTLE_SECONDS_MAX: u32 = 120;

#[derive(Args)]
pub struct Options {
    /// The binary to measure; built in release mode
    #[arg(long, value_name = "FILE")]
    bulkhead: PathBuf,
    /// A look instead of a measurement: one short round of everything
    #[arg(long)]
    quick: bool,
    /// Rounds of each measurement; targets take turns within a round
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Write the table here instead of bench/results/
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

struct Plan {
    rounds: u32,
    closed: Duration,
    open: Duration,
}

/// # Errors
/// When a target does not start, or answers anything but 200.
pub fn run(options: &Options) -> Result<()> {
    let plan = if options.quick {
        Plan { rounds: 1, closed: Duration::from_secs(1), open: Duration::from_secs(1) }
    } else {
        Plan { rounds: options.rounds, closed: Duration::from_secs(3), open: Duration::from_secs(4) }
    };
    let field = Field::start(&options.bulkhead)?;
    let mut figures: Vec<Figures> = field.targets.iter().map(|target| Figures::new(target.name)).collect();
    for (target, figures) in field.targets.iter().zip(&mut figures) {
        figures.idle_bytes = process::memory_bytes(target.process, "VmRSS")?;
        closed::run(target.address, &target.whole, CONNECTIONS, Duration::from_millis(500))?;
    }
    let spent_before = settled_spend(&field, None)?;
    let mut expected_usd = 0.0;
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for (target, figures) in field.targets.iter().zip(&mut figures) {
            let spent = one_round(&field, target, figures, &plan)?;
            if target.name == "bulkhead" {
                expected_usd += spent;
            }
        }
    }
    for (target, figures) in field.targets.iter().zip(&mut figures) {
        figures.peak_bytes = process::memory_bytes(target.process, "VmHWM")?;
        figures.loaded_bytes = process::memory_bytes(target.process, "VmRSS")?;
    }
    eprintln!("waiting for the ledger");
    let spent = settled_spend(&field, Some(spent_before + expected_usd))? - spent_before;
    let ledger = report::Ledger { expected_usd, spent_usd: spent };
    let out = options.out.clone().unwrap_or_else(crate::results_dir);
    report::write(&out, &figures, &ledger, options.quick)
}

/// Runs every measurement of one target once; returns what its calls cost. Latency comes first and the
/// ledger is let settle after saturation, so that no measurement pays for the backlog of another.
fn one_round(field: &Field, target: &Target, figures: &mut Figures, plan: &Plan) -> Result<f64> {
    let mut usd = 0.0;
    for rate in RATES {
        let latencies = open::run(target.address, &target.whole, rate, plan.open)?;
        usd += sent(rate, plan) * CALL_USD.0;
        figures.at_rate(rate)?.add(&latencies)?;
    }
    let latencies = open::run(target.address, &target.streamed, STREAM_RATE, plan.open)?;
    usd += sent(STREAM_RATE, plan) * CALL_USD.1;
    figures.streams.get_or_insert(Latencies::new()?).add(&latencies)?;
    let whole = saturate(field, target, (&target.whole, CALL_USD.0), plan, &mut figures.threads)?;
    usd += whole.requests as f64 * CALL_USD.0;
    figures.whole.push(whole);
    let streamed = saturate(field, target, (&target.streamed, CALL_USD.1), plan, &mut BTreeMap::new())?;
    usd += streamed.requests as f64 * CALL_USD.1;
    figures.streamed.push(streamed);
    Ok(usd)
}

fn sent(rate: u32, plan: &Plan) -> f64 {
    open::requests(rate, plan.open) as f64
}

/// One closed-loop round with the CPU that it cost, until its last row lies in the ledger.
fn saturate(
    field: &Field,
    target: &Target,
    (request, usd): (&[u8], f64),
    plan: &Plan,
    threads: &mut BTreeMap<String, f64>,
) -> Result<Saturation> {
    let watched = [target.process, field.backend, field.mock];
    let cpu = || -> Result<Vec<f64>> { watched.iter().map(|id| process::cpu_seconds(*id)).collect() };
    let governed = target.name == "bulkhead";
    let spent = if governed { settled_spend(field, None)? } else { 0.0 };
    let (before, threads_before) = (cpu()?, process::cpu_by_thread(target.process)?);
    let done = closed::run(target.address, request, CONNECTIONS, plan.closed)?;
    if governed {
        settled_spend(field, Some(spent + done.requests as f64 * usd))?;
    }
    let (after, threads_after) = (cpu()?, process::cpu_by_thread(target.process)?);
    for (name, seconds) in threads_after {
        let before = threads_before.get(&name).copied().unwrap_or(0.0);
        *threads.entry(name).or_insert(0.0) += seconds - before;
    }
    Ok(Saturation {
        requests: done.requests,
        seconds: done.seconds,
        cpu_seconds: after[0] - before[0],
        backend_cpu_seconds: if governed { after[1] - before[1] } else { 0.0 },
        mock_cpu_seconds: after[2] - before[2],
    })
}

/// One round at saturation.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Saturation {
    pub requests: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub backend_cpu_seconds: f64,
    pub mock_cpu_seconds: f64,
}

/// The key's spend once it no longer changes, or has reached what is expected.
fn settled_spend(field: &Field, expected: Option<f64>) -> Result<f64> {
    let mut last = field.spend()?;
    for _ in 0..SETTLE_SECONDS_MAX {
        std::thread::sleep(Duration::from_secs(1));
        let spend = field.spend()?;
        let arrived =
            expected.map_or(spend > 0.0 && (spend - last).abs() < f64::EPSILON, |usd| spend > usd - 1e-7);
        if arrived {
            return Ok(spend);
        }
        last = spend;
    }
    Ok(last)
}
