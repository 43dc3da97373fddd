//! Measures Bulkhead beside a bare reverse proxy and the provider itself, in one run on one machine.
//!
//! Knows nothing of Bulkhead's inside, except that `inserts` ships batches as gateways do: it starts the released binary, makes a
//! virtual key by its API and sends requests. Every number is taken with the other targets' rounds interleaved, so that what else
//! the machine does falls on all of them.

mod closed;
mod inserts;
mod lists;
mod mock;
mod open;
mod policy;
mod process;
mod proxy;
mod report;
mod run;
mod targets;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "bulkhead-bench", about = "Measures Bulkhead beside a bare reverse proxy")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything and write a table to bench/results/
    Run(run::Options),
    /// Measure how a gateway loads many keys, and write bench/results/policy.md
    Policy(policy::Options),
    /// Measure lists and writes of the control plane with many keys, and write bench/results/lists.md
    Lists(lists::Options),
    /// Measure the ledger's batches on many calls, and write bench/results/inserts.md
    Inserts(inserts::Options),
    /// The provider: small fixed answers, streamed or not
    Mock,
    /// A reverse proxy with nothing in it
    Proxy {
        /// Where to forward to
        #[arg(long)]
        to: SocketAddr,
    },
}

/// What went wrong, in a sentence.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Where results go: beside this crate's source.
pub fn results_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results")
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Policy(options) => policy::run(&options),
        Command::Lists(options) => lists::run(&options),
        Command::Inserts(options) => inserts::run(&options),
        Command::Mock => mock::serve(),
        Command::Proxy { to } => proxy::serve(to),
    }
}
