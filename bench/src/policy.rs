//! How long a gateway takes to know many keys, from PostgreSQL and from its copy on disk, and what memory
//! they take.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use kit::Clock as _;
use serde_json::Value;
use tempfile::TempDir;
use testkit::clock::SystemClock;
use testkit::postgres::Cluster;

use crate::process::{self, Process};
use crate::{Result, targets};

pub const MASTER_KEY: &str = "sk-bench-policy-0123456789abcdef0123456789";
/// Between two looks at the gateway: the error of every time here.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(180);
const MB: f64 = 1e6;

#[derive(Args)]
pub struct Options {
    /// The released binary
    #[arg(long)]
    bulkhead: PathBuf,
    /// How many keys, one round each
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    keys: Vec<u64>,
}

/// What one number of keys gave. Times are from the start of the process.
struct Round {
    keys: u64,
    idle_bytes: u64,
    /// Of an empty gateway, until its first read of the empty database.
    empty_start: Duration,
    from_postgres: Duration,
    after_postgres_bytes: u64,
    peak_bytes: u64,
    copy_bytes: u64,
    from_disk: Duration,
    after_disk_bytes: u64,
}

/// A key as teams have them. The hash is that of `sk-bench-<n>`.
pub fn fill(keys: u64) -> String {
    format!(
        r#"INSERT INTO keys (hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
             max_budget_nano, spend_nano, spend_changed_at, blocked, expires_at, created_at, created_by,
             updated_at, updated_by, extra)
           SELECT encode(sha256(convert_to('sk-bench-' || n, 'UTF8')), 'hex'), 'sk-...' || right(n::text, 4),
             'service-account-' || n, 'user-' || n % 20000 || '@example.com', 'team-' || n % 500,
             'organization-' || n % 20,
             CASE n % 4 WHEN 0 THEN '["gpt-4o","gpt-4o-mini","claude-sonnet-4-5","text-embedding-3-small"]'
                        WHEN 1 THEN '["all-team-models"]' WHEN 2 THEN '["openai/*","anthropic/*"]' ELSE '[]' END,
             '{{}}', '{{"tags":["env:production","cost-center:' || n % 300 || '"],"owner":"someone","ticket":"OPS-' || n || '"}}',
             50000000000, n % 1000000, n, 0, 1900000000000000, 1700000000000000, 'admin', 1700000000000000, NULL, '{{}}'
           FROM generate_series(1, {keys}) n;
           INSERT INTO key_search (hash, text) SELECT hash, alias || ' ~ ' || user_id || ' ~ ' || team_id FROM keys;
           UPDATE policy_clock SET seq = {keys}, pruned_seq = {keys};
           ANALYZE keys; ANALYZE key_search"#
    )
}

/// Measures each number of keys and writes the table.
///
/// # Errors
/// When something does not start or does not come to its end in time.
pub fn run(options: &Options) -> Result<()> {
    let mut rounds = Vec::new();
    for keys in &options.keys {
        let round = one_round(&options.bulkhead, *keys)?;
        println!("{} keys: {:?} from PostgreSQL, {:?} from disk", keys, round.from_postgres, round.from_disk);
        rounds.push(round);
    }
    let table = table(&rounds);
    let path = crate::results_dir().join("policy.md");
    fs::write(&path, &table)?;
    println!("{table}\nwritten to {}", path.display());
    Ok(())
}

fn one_round(bulkhead: &Path, keys: u64) -> Result<Round> {
    let cluster = Cluster::private()?;
    let url = cluster.create_database()?;
    let home = tempfile::tempdir()?;
    let migrated = command(bulkhead, &home, &url, &["migrate", "up"])?.status()?;
    if !migrated.success() {
        return Err("the database was not migrated".into());
    }
    let (empty_start, idle) = started(bulkhead, &home, &url, "empty", |policy| known(policy, "database", 0))?;
    let idle_bytes = process::memory_bytes(idle.id(), "VmRSS")?;
    drop(idle);

    cluster.sql(&url, &fill(keys))?;
    let (from_postgres, gateway) =
        started(bulkhead, &home, &url, "full", |policy| known(policy, "database", keys))?;
    let copy = home.path().join("full/policy.snapshot");
    until(|| Ok(copy.exists().then_some(())))?;
    let after_postgres_bytes = process::memory_bytes(gateway.id(), "VmRSS")?;
    let peak_bytes = process::memory_bytes(gateway.id(), "VmHWM")?;
    drop(gateway);
    let copy_bytes = fs::metadata(&copy)?.len();

    cluster.stop()?;
    let (from_disk, gateway) = started(bulkhead, &home, &url, "full", |policy| known(policy, "disk", keys))?;
    let after_disk_bytes = process::memory_bytes(gateway.id(), "VmRSS")?;
    Ok(Round {
        keys,
        idle_bytes,
        empty_start,
        from_postgres,
        after_postgres_bytes,
        peak_bytes,
        copy_bytes,
        from_disk,
        after_disk_bytes,
    })
}

fn known(policy: &Value, from: &str, keys: u64) -> bool {
    policy["loaded_from"] == from && policy["keys"] == keys
}

pub fn command(bulkhead: &Path, home: &TempDir, url: &str, arguments: &[&str]) -> Result<Command> {
    let log = fs::File::create(home.path().join("log"))?;
    let mut command = Command::new(bulkhead);
    command.args(arguments).current_dir(home.path()).stderr(Stdio::from(log));
    command.env("LITELLM_MASTER_KEY", MASTER_KEY).env("DATABASE_URL", url).env_remove("LITELLM_SALT_KEY");
    Ok(command)
}

/// A gateway with its data in `folder`, and how long it took until its policy `is_there`.
fn started(
    bulkhead: &Path,
    home: &TempDir,
    url: &str,
    folder: &str,
    is_there: impl Fn(&Value) -> bool,
) -> Result<(Duration, Process)> {
    let arguments = ["gateway", "--host", "127.0.0.1", "--port", "0", "--data-dir", folder];
    let command = command(bulkhead, home, url, &arguments)?;
    let clock = SystemClock::new();
    let began = clock.monotonic();
    let gateway = Process::start(command, "gateway ")?;
    until(|| Ok(policy(gateway.address).filter(|policy| is_there(policy))))?;
    Ok((clock.monotonic().saturating_sub(began), gateway))
}

/// What readiness tells of policy; `None` while the gateway is not ready.
fn policy(address: SocketAddr) -> Option<Value> {
    targets::get(address, "/health/readiness", MASTER_KEY).ok().map(|body| body["policy"].clone())
}

fn until<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let clock = SystemClock::new();
    let began = clock.monotonic();
    while clock.monotonic().saturating_sub(began) < PATIENCE {
        if let Some(found) = look()? {
            return Ok(found);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Err("it took too long".into())
}

fn table(rounds: &[Round]) -> String {
    let mut out = String::from(
        "# The policy replica\n\nThe released binary on 2 cores that it shares with PostgreSQL. Each key has an alias, a user, a team, an \
         organisation, up to four models, two tags, other metadata, a budget and spend. Times are from the start of the process to the \
         first answer of `/health/readiness` that tells of all keys, so that of an empty gateway is part of them; memory is that of the \
         whole process.\n\n",
    );
    let mut row = |name: &str, bound: &str, cell: &dyn Fn(&Round) -> String| {
        let cells: String = rounds.iter().map(|round| format!(" {} |", cell(round))).collect();
        let _ = writeln!(out, "| {name} |{cells} {bound} |");
    };
    let millis = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1e3);
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / MB);
    row("", "bound", &|round| format!("{} keys", round.keys));
    row("---", "---", &|_| "---:".into());
    row("start of an empty gateway, ms", "", &|round| millis(round.empty_start));
    row("start with all keys from PostgreSQL, ms", "2,000 at 100,000 keys", &|round| {
        millis(round.from_postgres)
    });
    row("start with all keys from disk, PostgreSQL away, ms", "500 at 100,000 keys", &|round| {
        millis(round.from_disk)
    });
    row("resident memory without keys, MB", "", &|round| megabytes(round.idle_bytes));
    row(
        "resident memory with all keys from PostgreSQL, MB",
        "100 at 100,000 keys, 700 at 1,000,000",
        &|round| megabytes(round.after_postgres_bytes),
    );
    row("most memory until then, MB", "", &|round| megabytes(round.peak_bytes));
    row("resident memory with all keys from disk, MB", "the same", &|round| {
        megabytes(round.after_disk_bytes)
    });
    row("copy on disk, MB", "", &|round| megabytes(round.copy_bytes));
    out
}
