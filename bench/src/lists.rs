//! How long the control plane takes for a page of many keys, and to make and change a key.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kit::Clock as _;
use serde_json::json;
use testkit::clock::SystemClock;
use testkit::postgres::Cluster;

use crate::policy::{MASTER_KEY, command, fill};
use crate::process::Process;
use crate::{Result, targets};

/// Full rows, as many as a page may have.
const PAGE: &str = "/key/list?return_full_object=true&size=100";

#[derive(Args)]
pub struct Options {
    /// The released binary
    #[arg(long)]
    bulkhead: PathBuf,
    /// How many keys there are
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// How often each is measured
    #[arg(long, default_value_t = 100)]
    rounds: u32,
}

/// What is measured, its milliseconds at the 50th and the 95th percentile, and the bound of the second.
struct Row {
    name: String,
    half: f64,
    most: f64,
    bound: u32,
}

/// Measures and writes the table.
///
/// # Errors
/// When something does not start or does not answer.
pub fn run(options: &Options) -> Result<()> {
    let cluster = Cluster::private()?;
    let url = cluster.create_database()?;
    let home = tempfile::tempdir()?;
    if !command(&options.bulkhead, &home, &url, &["migrate", "up"])?.status()?.success() {
        return Err("the database was not migrated".into());
    }
    cluster.sql(&url, &fill(options.keys))?;
    // Rows whose commit is not on disk yet would be left as they are.
    cluster.sql(&url, "CHECKPOINT")?;
    cluster.sql(&url, "VACUUM ANALYZE keys")?;
    cluster.sql(&url, "VACUUM ANALYZE key_search")?;
    let arguments = ["backend", "--host", "127.0.0.1", "--port", "0", "--data-dir", "data"];
    let backend = Process::start(command(&options.bulkhead, &home, &url, &arguments)?, "backend ")?;
    let rows = measure(backend.address, options)?;
    let table = table(&rows, options);
    let path = crate::results_dir().join("lists.md");
    fs::write(&path, &table)?;
    println!("{table}\nwritten to {}", path.display());
    Ok(())
}

fn measure(backend: SocketAddr, options: &Options) -> Result<Vec<Row>> {
    let last = options.keys / 100;
    let pages = [
        ("first page", String::new()),
        ("a page in the middle", format!("&page={}", last / 2)),
        ("last page", format!("&page={last}")),
        ("first page by spend", "&sort_by=spend".into()),
        ("a page in the middle by spend", format!("&sort_by=spend&page={}", last / 2)),
        ("a page in the middle by alias", format!("&sort_by=key_alias&page={}", last / 2)),
        ("active keys", "&status=active".into()),
        ("blocked keys (none)", "&status=revoked".into()),
        ("keys of a team", "&team_id=team-5".into()),
        ("keys of a user", "&user_id=user-9@example.com".into()),
        ("one alias", "&key_alias=service-account-777".into()),
        ("part of an alias", "&key_alias=account-777&substring_matching=true".into()),
        ("search", "&search=account-777".into()),
    ];
    let mut rows = Vec::new();
    for (name, query) in pages {
        let path = format!("{PAGE}{query}");
        let times = timed(options.rounds, |_| targets::get(backend, &path, MASTER_KEY).map(drop))?;
        rows.push(row(format!("list: {name}"), times, 50));
    }
    let make = |body| targets::call(backend, "/key/generate", MASTER_KEY, &body);
    let times = timed(options.rounds, |n| {
        make(json!({"key_alias": format!("made-{n}"), "max_budget": 1})).map(drop)
    })?;
    rows.push(row("make a key".into(), times, 20));
    let key = make(json!({}))?["key"].clone();
    let times = timed(options.rounds, |n| {
        let change = json!({"key": key, "max_budget": n});
        targets::call(backend, "/key/update", MASTER_KEY, &change).map(drop)
    })?;
    rows.push(row("change a key".into(), times, 20));
    Ok(rows)
}

/// Sorted times of `rounds` runs, after one that does not count.
fn timed(rounds: u32, mut run: impl FnMut(u32) -> Result<()>) -> Result<Vec<Duration>> {
    let clock = SystemClock::new();
    run(0)?;
    let mut times = Vec::new();
    for round in 1..=rounds.max(1) {
        let began = clock.monotonic();
        run(round)?;
        times.push(clock.monotonic().saturating_sub(began));
    }
    times.sort_unstable();
    Ok(times)
}

fn row(name: String, times: Vec<Duration>, bound: u32) -> Row {
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    Row { name, half: at(50), most: at(95), bound }
}

fn table(rows: &[Row], options: &Options) -> String {
    let mut out = format!(
        "# The control plane with {} keys\n\nThe released backend on 2 cores that it shares with PostgreSQL and whoever asks, one request \
         at a time. Pages have 100 whole rows and the exact number of all keys that match.\n\n| | p50, ms | p95, ms | bound of p95, ms |\n| --- | ---: | ---: | ---: |\n",
        options.keys
    );
    for Row { name, half, most, bound } in rows {
        let _ = writeln!(out, "| {name} | {half:.1} | {most:.1} | {bound} |");
    }
    out
}
