//! The binary: command line, assembly of the roles, signals and the supervisor.
//!
//! Knows nothing of requests, dialects or SQL; it only puts the crates together.

mod assembly;
mod banner;
mod cli;
mod dashboard;
mod data_dir;
mod doctor;
mod error;
mod lifecycle;
mod listen;
mod models;
mod roles;
mod routes;
mod smoke;
mod supervisor;
mod system;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, ConfigCommand, Credentials, Migrate, Usage};
use error::Failure;

// Many small allocations a request, freed on the thread that made them: what this allocator is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bulkhead: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Up(up) => on_one_thread(roles::up::run(up)),
        Command::Gateway(gateway) => roles::gateway::run(gateway),
        Command::Backend(backend) => on_two_threads(roles::backend::run(backend)),
        Command::Ui(ui) => on_one_thread(roles::ui::run(ui)),
        Command::Migrate(Migrate::Up(common)) => on_one_thread(roles::migrate::up(common)),
        Command::Migrate(Migrate::Finish(common)) => on_one_thread(roles::migrate::finish(common)),
        Command::Migrate(Migrate::Status(common)) => on_one_thread(roles::migrate::status(common)),
        Command::Credentials(Credentials::Rotate(common)) => {
            on_one_thread(roles::credentials::rotate(common))
        }
        Command::Usage(Usage::Rebuild(options)) => on_one_thread(roles::usage::rebuild(options)),
        Command::Usage(Usage::Reprice(options)) => on_one_thread(roles::usage::reprice(options)),
        Command::Routes(options) => {
            print!("{}", routes::print(options.format, &options.root_path));
            Ok(())
        }
        Command::Config(ConfigCommand::Check(common)) => doctor::check_config(&common),
        Command::Doctor(common) => on_one_thread(doctor::run(common)),
        Command::Smoke(options) => on_one_thread(smoke::run(options)),
    }
}

fn on_one_thread(role: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(role)
}

/// One thread that is busy must not keep the other from answering probes.
fn on_two_threads(role: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(role)
}
