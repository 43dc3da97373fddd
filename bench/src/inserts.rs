//! What a batch of the ledger costs on PostgreSQL when there are no calls yet, and when there are tens of millions.
//!
//! The batches are shipped by the crate that gateways ship with, into databases that the released binary migrated.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use domain::{Dialect, Intent, Outcome, Status, Usage, UsageEvent};
use kit::{Clock as _, KeyHash, Money, SeededRng, Timestamp, new_id};
use store::{Settings, Store};
use testkit::clock::SystemClock;
use testkit::postgres::Cluster;

use crate::Result;
use crate::policy::{command, fill};

/// Over which calls that are there already are spread, today excluded; each has a partition.
const DAYS: u64 = 90;
const KEYS: u64 = 10_000;
const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Args)]
pub struct Options {
    /// The released binary
    #[arg(long)]
    bulkhead: PathBuf,
    /// How many calls there are already, one database each
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1_000_000, 10_000_000])]
    rows: Vec<u64>,
    /// Calls in a batch
    #[arg(long, default_value_t = 500)]
    batch: u32,
    /// Batches for each database
    #[arg(long, default_value_t = 300)]
    rounds: u32,
}

/// A database with calls in it, and the times of the batches that came on top.
struct Place {
    rows: u64,
    store: Store,
    times: Vec<Duration>,
}

/// Measures and writes the table.
///
/// # Errors
/// When something does not start or does not answer.
pub fn run(options: &Options) -> Result<()> {
    let cluster = Cluster::private()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut places = Vec::new();
    for rows in &options.rows {
        println!("{rows} calls are being made");
        places.push(runtime.block_on(place(&cluster, options, *rows))?);
    }
    runtime.block_on(measure(&mut places, options))?;
    let table = table(&mut places, options);
    let path = crate::results_dir().join("inserts.md");
    fs::write(&path, &table)?;
    println!("{table}\nwritten to {}", path.display());
    Ok(())
}

async fn place(cluster: &Cluster, options: &Options, rows: u64) -> Result<Place> {
    let clock = SystemClock::new();
    let url = cluster.create_database()?;
    let home = tempfile::tempdir()?;
    if !command(&options.bulkhead, &home, &url, &["migrate", "up"])?.status()?.success() {
        return Err("the database was not migrated".into());
    }
    cluster.sql(&url, &fill(KEYS))?;
    let today = clock.now().micros().unsigned_abs() / 1_000_000 / SECONDS_PER_DAY;
    let began = clock.monotonic();
    cluster.sql(&url, DROP_FIRST)?;
    for day in today - DAYS..=today + 1 {
        let calls = if day < today { rows / DAYS } else { 0 };
        cluster.sql(&url, &a_day(day, calls))?;
    }
    // Rows whose commit is not on disk yet would be left as they are.
    cluster.sql(&url, "CHECKPOINT")?;
    cluster.sql(&url, "VACUUM ANALYZE usage_events")?;
    println!("{rows} calls are there, after {:?}", clock.monotonic().saturating_sub(began));
    let store = Store::connect(&Settings::new(url)).await?;
    Ok(Place { rows, store, times: Vec::new() })
}

/// The partition that a fresh schema begins with: it would hold all the days before.
const DROP_FIRST: &str = "DO $$ DECLARE part TEXT; BEGIN
    FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent = 'usage_events'::regclass AND inhrelid::regclass::text LIKE 'usage_events_before%'
    LOOP EXECUTE 'DROP TABLE ' || part; END LOOP; END $$";

/// The partition of a day with its calls. Indexes are made once they are there.
fn a_day(day: u64, calls: u64) -> String {
    let name = format!("usage_events_bench_{day}");
    let (first, after) = (first_id(day), first_id(day + 1));
    let (since, step) = (day * SECONDS_PER_DAY * 1_000, SECONDS_PER_DAY * 1_000 / calls.max(1));
    format!(
        "CREATE TABLE {name} (LIKE usage_events INCLUDING DEFAULTS);
         INSERT INTO {name} (id, call_id, started_at, ended_at, api_key, user_id, team_id, organization_id, tags, dialect, stream,
           model_group, model, provider, deployment_id, api_base, estimate_nano, status, http_status, input_tokens, output_tokens,
           usage_estimated, cost_nano, price_version)
         SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0'), gen_random_uuid()::text,
           ms * 1000, ms * 1000 + 800000, encode(sha256(convert_to('sk-bench-' || 1 + n * 7919 % {KEYS}, 'UTF8')), 'hex'),
           'user-' || n * 7919 % 1000, 'team-' || n % 200, 'organization-' || n % 20, '[\"blue\"]', 'openai_chat', 0,
           'model-' || n % 50, 'maker-model-' || n % 50, 'openai', 'deployment-' || n % 50, '', 0, 'success', 200, 500, 120, 0, 10000, 'seed'
         FROM (SELECT n, {since} + n * {step} AS ms, lpad(to_hex({since} + n * {step}), 12, '0') AS h
               FROM generate_series(0::BIGINT, {calls}::BIGINT - 1) n) a;
         ALTER TABLE usage_events ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{after}')"
    )
}

/// Before every id of a day.
fn first_id(day: u64) -> String {
    let millis = day * SECONDS_PER_DAY * 1_000;
    format!("{:08x}-{:04x}-0000-0000-000000000000", millis >> 16, millis & 0xffff)
}

/// A batch for each database in turn, so that whatever else happens falls on all; the first of each does not count.
async fn measure(places: &mut [Place], options: &Options) -> Result<()> {
    let clock = SystemClock::new();
    let mut rng = SeededRng::new(7);
    for round in 0..=options.rounds {
        for place in &mut *places {
            let now = clock.now();
            let batch = (0..options.batch)
                .map(|n| event(now, round * options.batch + n, &mut rng))
                .collect::<Vec<_>>();
            let began = clock.monotonic();
            let shipped = place.store.ledger().ship(&batch, now).await?;
            let took = clock.monotonic().saturating_sub(began);
            if shipped.inserted != batch.len() {
                return Err(format!("{} of {} calls were new", shipped.inserted, batch.len()).into());
            }
            if round > 0 {
                place.times.push(took);
            }
        }
    }
    Ok(())
}

fn event(now: Timestamp, number: u32, rng: &mut SeededRng) -> UsageEvent {
    let id = new_id(now, rng);
    let text = |text: String| Some(Box::<str>::from(text));
    let key = u64::from(number).wrapping_mul(7919) % KEYS;
    let model = number % 50;
    UsageEvent {
        intent: Intent {
            id,
            call_id: id.to_string().into(),
            started_at: now,
            key: Some(KeyHash::of(&format!("sk-bench-{}", key + 1))),
            key_alias: text(format!("service-account-{key}")),
            user_id: text(format!("user-{}", key % 1_000)),
            team_id: text(format!("team-{}", key % 200)),
            organization_id: text(format!("organization-{}", key % 20)),
            project_id: None,
            customer: None,
            tags: vec!["blue".into()],
            dialect: Dialect::OpenAiChat,
            stream: false,
            model_group: format!("model-{model}").into(),
            model: format!("maker-model-{model}").into(),
            provider: "openai".into(),
            deployment_id: format!("deployment-{model}").into(),
            api_base: "".into(),
            estimate: Money(0),
            session_id: None,
            requester_ip: text("127.0.0.1".into()),
            user_agent: None,
        },
        outcome: Outcome {
            id,
            ended_at: Timestamp(now.micros() + 800_000),
            first_byte_at: None,
            status: Status::Success,
            http_status: 200,
            usage: Usage { input: 500, output: 120, ..Usage::default() },
            usage_estimated: false,
            cost: Money(10_000),
            price_version: "bench".into(),
            response_id: None,
            error: None,
            superseded: false,
        },
    }
}

fn table(places: &mut [Place], options: &Options) -> String {
    let mut out = format!(
        "# The ledger's batches on many calls\n\nPostgreSQL with a partition for each of {DAYS} days, {KEYS} keys, on 2 cores that it shares with \
         whoever ships. A batch has {} calls of keys all over; rows, roll-ups and totals are one transaction. {} batches a database, in turn.\n\n\
         | calls that were there | p50, ms | p95, ms | calls a second | p50 ÷ that of the first |\n| ---: | ---: | ---: | ---: | ---: |\n",
        options.batch, options.rounds
    );
    let mut first = None;
    for place in places {
        place.times.sort_unstable();
        let times = &place.times;
        let at = |percent: usize| {
            times.get(times.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        let whole: f64 = times.iter().map(Duration::as_secs_f64).sum();
        let each = f64::from(options.batch) * times.len() as f64 / whole.max(f64::EPSILON);
        let base = *first.get_or_insert(at(50));
        let _ = writeln!(
            out,
            "| {} | {:.1} | {:.1} | {each:.0} | {:.2} |",
            place.rows,
            at(50),
            at(95),
            at(50) / base
        );
    }
    out
}
