//! The replica follows the database, and stands when it falls.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{Database, Reserve, copy_at, key};
use bulkhead_policy::{CatchUp, LoadedFrom, Replica, Settings};
use domain::KeyPolicy;
use kit::{Clock, KeyHash, ManualClock, Money, Timestamp};
use tempfile::tempdir;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    clock: Arc<ManualClock>,
}

fn run(replica: &Replica, database: &Database) -> Running {
    let (stop, clock) = (CancellationToken::new(), Arc::new(ManualClock::at(START)));
    let (replica, database, stopped) = (replica.clone(), database.clone(), stop.clone().cancelled_owned());
    let given: Arc<dyn Clock> = clock.clone();
    let task = tokio::spawn(async move { replica.run(database, given, stopped).await });
    Running { stop, task, clock }
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A replica that has read `database` once.
async fn following(database: &Database) -> (Replica, Running) {
    let replica = Replica::empty(Settings::default());
    let running = run(&replica, database);
    database.until(|before, now| now.tails > before.tails).await;
    (replica, running)
}

fn hash(name: &str) -> KeyHash {
    KeyHash::of(name)
}

fn budgeted(name: &str, max: i64) -> KeyPolicy {
    KeyPolicy { max_budget: Some(Money(max)), ..key(name) }
}

fn is_unavailable(answer: &CatchUp) -> bool {
    matches!(answer, CatchUp::Unavailable { retry_after } if !retry_after.is_zero())
}

#[tokio::test(start_paused = true)]
async fn made_changed_blocked_and_deleted_keys_are_seen() {
    let database = Database::default();
    database.put(key("sk-old"));
    let (replica, running) = following(&database).await;
    assert_eq!(replica.lookup(&hash("sk-old")).unwrap().policy, key("sk-old"));

    database.put(key("sk-new"));
    database.put(KeyPolicy { blocked: true, ..key("sk-old") });
    database.until_followed().await;
    assert!(replica.lookup(&hash("sk-new")).is_some());
    assert!(replica.lookup(&hash("sk-old")).unwrap().policy.blocked);

    database.delete(hash("sk-new"));
    database.until_followed().await;
    assert!(replica.lookup(&hash("sk-new")).is_none());
    assert_eq!(replica.status(START).keys, 1);
    assert_eq!(database.reads().snapshots, 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_wake_ups_a_change_is_seen_within_a_poll_and_with_them_at_once() {
    for (database, at_most_ms) in [(Database::default(), 550), (Database::ringing(), 110)] {
        let (replica, running) = following(&database).await;
        database.until_followed().await;
        let began = Instant::now();
        database.put(key("sk-new"));
        database.until(|before, now| now.tails > before.tails).await;
        assert!(replica.lookup(&hash("sk-new")).is_some());
        assert!(began.elapsed() <= Duration::from_millis(at_most_ms), "{:?}", began.elapsed());
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_works_as_soon_as_it_is_made_and_a_wrong_one_is_unknown() {
    let database = Database::default();
    let (replica, running) = following(&database).await;
    assert!(matches!(replica.catch_up(&hash("sk-soon")).await, CatchUp::Unknown));
    database.put(key("sk-soon"));
    assert!(matches!(replica.catch_up(&hash("sk-soon")).await, CatchUp::Known(_)));
    running.stop().await;
}

/// 2,000 wrong keys a second for ten seconds of the runtime's own clock, which moves when all wait.
#[tokio::test(start_paused = true)]
async fn a_flood_of_wrong_keys_is_at_most_twenty_reads_a_second_for_three_gateways() {
    const SECONDS: u64 = 10;
    let database = Database::default();
    database.put(key("sk-known"));
    let (replica, running) = following(&database).await;
    let before = database.reads();
    let mut asked = tokio::task::JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for number in 0..SECONDS * 2_000 {
        if number % 20 == 0 {
            ticks.tick().await;
        }
        let replica = replica.clone();
        // Half of them ask again and again for one key.
        let name = if number % 2 == 0 { "sk-wrong".into() } else { format!("sk-{number}") };
        asked.spawn(async move { replica.catch_up(&hash(&name)).await });
    }
    while let Some(answer) = asked.join_next().await {
        assert!(matches!(answer.unwrap(), CatchUp::Unknown));
    }
    let reads = database.reads().all() - before.all();
    let burst = u64::from(Settings::default().catch_up_burst);
    assert!(3 * (reads - burst.min(reads)) <= (SECONDS + 1) * 20, "{reads} reads in {SECONDS} s");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_than_may_wait_are_told_to_come_back() {
    let database = Database::default();
    let replica = Replica::empty(Settings { catch_up_waiting_max: 1, ..Settings::default() });
    let first = tokio::spawn({
        let replica = replica.clone();
        async move { replica.catch_up(&hash("sk-a")).await }
    });
    tokio::task::yield_now().await;
    assert!(is_unavailable(&replica.catch_up(&hash("sk-b")).await));
    let running = run(&replica, &database);
    assert!(matches!(first.await.unwrap(), CatchUp::Unknown));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn with_the_database_away_known_keys_stay_and_unknown_ones_wait_for_it() {
    let database = Database::default();
    database.put(key("sk-known"));
    let (replica, running) = following(&database).await;
    database.set_away(true);
    database.until(|before, now| now.failures > before.failures).await;
    assert!(replica.lookup(&hash("sk-known")).is_some());
    assert!(is_unavailable(&replica.catch_up(&hash("sk-unknown")).await));
    let status = replica.status(running.clock.now().plus(Duration::from_secs(7)));
    assert_eq!(status.last_error.as_deref(), Some("connection refused"));
    assert_eq!(status.stale_for, Duration::from_secs(7));

    let before = database.reads().failures;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let tries = database.reads().failures - before;
    assert!((100..2_000).contains(&tries), "{tries} tries in ten minutes");

    database.put(key("sk-unknown"));
    database.set_away(false);
    database.until(|before, now| now.tails > before.tails).await;
    assert!(replica.lookup(&hash("sk-unknown")).is_some());
    assert!(matches!(replica.catch_up(&hash("sk-other")).await, CatchUp::Unknown));
    assert_eq!(replica.status(START).last_error, None);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_when_nothing_runs() {
    let replica = Replica::empty(Settings::default());
    assert!(is_unavailable(&replica.catch_up(&hash("sk-a")).await));
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_tail_or_another_database_is_read_anew() {
    let database = Database::default();
    database.put(key("sk-a"));
    let (replica, running) = following(&database).await;
    for kept in [0, 1] {
        database.set_away(true);
        database.until(|before, now| now.failures > before.failures).await;
        database.put(key("sk-b"));
        database.delete(hash("sk-a"));
        database.put(key("sk-c"));
        database.prune(kept);
        database.set_away(false);
        database.until(|before, now| now.snapshots > before.snapshots && now.tails > before.tails).await;
        let has = |name| replica.lookup(&hash(name)).is_some();
        assert!(!has("sk-a") && has("sk-b") && has("sk-c"), "{kept} kept");
        database.delete(hash("sk-b"));
        database.put(key("sk-a"));
        database.until_followed().await;
        assert!(has("sk-a") && !has("sk-b"));
    }
    database.set_seq(1);
    database.until(|before, now| now.snapshots > before.snapshots && now.tails > before.tails).await;
    assert_eq!(replica.status(START).seq, 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_pruned_after_it_was_seen_is_no_gap() {
    let database = Database::default();
    database.put(key("sk-a"));
    let (replica, running) = following(&database).await;
    database.prune(0);
    database.until_followed().await;
    database.put(key("sk-b"));
    database.until_followed().await;
    assert!(replica.lookup(&hash("sk-b")).is_some());
    assert_eq!(database.reads().snapshots, 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_in_pages_and_no_change_is_lost_between_them() {
    let database = Database::default();
    (0..12_000).for_each(|number| database.put(key(&format!("sk-{number}"))));
    let replica = Replica::empty(Settings::default());
    let running = run(&replica, &database);
    database.at(|now| now.pages == 1).await;
    assert_eq!(replica.status(START).loaded_from, LoadedFrom::Nothing);
    // Behind what was read, and before it.
    let mut hashes = (0..12_000).map(|number| hash(&format!("sk-{number}"))).collect::<Vec<_>>();
    hashes.sort();
    database.delete(hashes[0]);
    database.delete(hashes[11_999]);
    database.put(key("sk-new"));
    database.until(|before, now| now.tails > before.tails).await;
    let status = replica.status(START);
    assert_eq!((status.keys, status.loaded_from), (11_999, LoadedFrom::Database));
    assert!(replica.lookup(&hashes[0]).is_none() && replica.lookup(&hashes[11_999]).is_none());
    assert!(replica.lookup(&hash("sk-new")).is_some());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_read_is_refused_and_stops_no_other() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    database.put(key("sk-a"));
    database.put(key("sk-b"));
    database.set_unreadable(hash("sk-a"), true);
    let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
    let running = run(&replica, &database);
    database.until(|before, now| now.tails > before.tails).await;
    let entry = |name| replica.lookup(&hash(name)).unwrap();
    assert!(entry("sk-a").is_unreadable && entry("sk-a").policy.blocked);
    assert!(!entry("sk-b").policy.blocked);

    database.set_unreadable(hash("sk-b"), true);
    database.set_unreadable(hash("sk-a"), false);
    database.put(key("sk-c"));
    database.until_followed().await;
    assert!(!entry("sk-a").is_unreadable && !entry("sk-a").policy.blocked);
    assert!(entry("sk-b").is_unreadable && !entry("sk-c").policy.blocked);
    let status = replica.status(START);
    assert_eq!((status.keys, status.unreadable_keys), (3, 1));
    running.stop().await;

    // From disk it is unknown, which is refused as well.
    let next = Replica::load_or_empty(copy_at(&path), Settings::default());
    assert!(next.lookup(&hash("sk-b")).is_none());
    assert_eq!(next.status(START).digest, status.digest);
}

#[tokio::test(start_paused = true)]
async fn staleness_is_told() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    database.put(key("sk-a"));
    let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
    assert_eq!(replica.staleness(START), Some(None));
    let running = run(&replica, &database);
    database.until(|before, now| now.tails > before.tails).await;
    assert_eq!(replica.staleness(START), None);
    let later = START.plus(Duration::from_secs(3));
    assert_eq!(replica.staleness(later), Some(Some(Duration::from_secs(3))));
    database.set_away(true);
    database.until(|before, now| now.failures > before.failures).await;
    assert_eq!(replica.staleness(START), Some(Some(Duration::ZERO)));
    assert!(replica.status(START).is_stale);
    running.stop().await;
    let next = Replica::load_or_empty(copy_at(&path), Settings::default());
    assert_eq!(next.staleness(later), Some(Some(Duration::from_secs(3))));
}

#[tokio::test(start_paused = true)]
async fn many_changes_are_read_in_parts() {
    let database = Database::default();
    let (replica, running) = following(&database).await;
    (0..2_500).for_each(|number| database.put(key(&format!("sk-{number}"))));
    database.until(|before, now| now.tails >= before.tails + 4).await;
    assert_eq!(replica.status(START).keys, 2_500);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn spend_of_other_gateways_counts() {
    let database = Database::default();
    database.put(budgeted("sk-a", 100));
    let (replica, running) = following(&database).await;
    let entry = replica.lookup(&hash("sk-a")).unwrap();
    drop(entry.reserve(Money(5)).unwrap());
    database.charge(hash("sk-a"), Money(100));
    database.until(|before, now| now.spends >= before.spends + 2).await;
    let refused = entry.reserve(Money(5)).unwrap_err();
    assert_eq!((refused.spend, refused.reserved, refused.max), (Money(100), Money::ZERO, Money(100)));
    running.stop().await;
}

async fn saved(path: &Path, database: &Database) {
    let replica = Replica::load_or_empty(copy_at(path), Settings::default());
    let running = run(&replica, database);
    database.until(|before, now| now.tails > before.tails).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_starts_from_its_disk_copy() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("cache/policy.copy");
    let full = KeyPolicy {
        team_id: Some("team".into()),
        models: ["gpt-4o".into(), "claude-*".into()].into(),
        aliases: [("a".into(), "b".into())].into(),
        tags: ["tag".into()].into(),
        expires: Some(START),
        blocked: true,
        ..budgeted("sk-a", 7)
    };
    database.put(full.clone());
    database.put(key("sk-b"));
    saved(&path, &database).await;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    database.set_away(true);
    let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
    let running = run(&replica, &database);
    database.until(|before, now| now.failures > before.failures).await;
    assert_eq!(replica.lookup(&hash("sk-a")).unwrap().policy, full);
    let status = replica.status(START.plus(Duration::from_secs(60)));
    assert_eq!((status.loaded_from, status.keys, status.seq), (LoadedFrom::Disk, 2, 2));
    let digest = status.digest;
    assert_eq!(status.stale_for, Duration::from_secs(60));

    database.put(key("sk-c"));
    database.set_away(false);
    database.until(|before, now| now.tails > before.tails).await;
    database.delete(hash("sk-c"));
    database.until_followed().await;
    assert_eq!(replica.status(START).digest, digest);
    database.delete(hash("sk-b"));
    database.until_followed().await;
    assert!(replica.lookup(&hash("sk-b")).is_none());
    assert_ne!(replica.status(START).digest, digest);
    assert_eq!(replica.status(START).loaded_from, LoadedFrom::Database);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_policy_reaches_the_disk_soon() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
    let running = run(&replica, &database);
    database.put(key("sk-a"));
    tokio::time::sleep(Settings::default().save_policy_after * 2).await;
    running.task.abort();
    assert_eq!(Replica::load_or_empty(copy_at(&path), Settings::default()).status(START).keys, 1);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_copy_is_no_copy() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    (0..20).for_each(|number| database.put(key(&format!("sk-{number}"))));
    saved(&path, &database).await;
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(37) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        std::fs::write(&path, &bad).unwrap();
        assert_eq!(
            Replica::load_or_empty(copy_at(&path), Settings::default()).status(START).keys,
            0,
            "byte {at}"
        );
        std::fs::write(&path, &good[..at]).unwrap();
        assert_eq!(
            Replica::load_or_empty(copy_at(&path), Settings::default()).status(START).keys,
            0,
            "cut at {at}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_another_version_or_secret_is_replaced() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    database.put(key("sk-a"));
    saved(&path, &database).await;
    let mut older = std::fs::read(&path).unwrap();
    older[7] = b'1';
    let sealed_otherwise = || {
        let secret = kit::Secret::new("another");
        bulkhead_policy::DiskCopy::new(&path, secret, Box::new(kit::SeededRng::new(1)))
    };
    assert_eq!(Replica::load_or_empty(sealed_otherwise(), Settings::default()).status(START).keys, 0);
    std::fs::write(&path, &older).unwrap();
    let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
    assert_eq!((replica.status(START).keys, replica.status(START).loaded_from), (0, LoadedFrom::Nothing));
    saved(&path, &database).await;
    assert_eq!(Replica::load_or_empty(copy_at(&path), Settings::default()).status(START).keys, 1);
}
