//! The replica follows the database, and stands when it falls.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{Database, key};
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
    for (database, at_most_ms) in [(Database::default(), 550), (Database::ringing(), 60)] {
        let (replica, running) = following(&database).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
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

#[tokio::test(start_paused = true)]
async fn a_flood_of_wrong_keys_is_a_trickle_of_reads() {
    let database = Database::default();
    let (replica, running) = following(&database).await;
    let before = database.reads();
    let began = Instant::now();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..4_000 {
        let replica = replica.clone();
        asked.spawn(async move { replica.catch_up(&hash(&format!("sk-{number}"))).await });
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    while let Some(answer) = asked.join_next().await {
        assert!(matches!(answer.unwrap(), CatchUp::Unknown));
    }
    let reads = database.reads().tails - before.tails;
    let bound = began.elapsed().as_millis() / 50 + began.elapsed().as_millis() / 500 + 2;
    assert!(u128::from(reads) <= bound, "{reads} reads in {:?}", began.elapsed());
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
    database.put(key("sk-b"));
    database.delete(hash("sk-a"));
    database.trim();
    database.until(|before, now| now.snapshots > before.snapshots).await;
    assert!(replica.lookup(&hash("sk-a")).is_none() && replica.lookup(&hash("sk-b")).is_some());
    database.set_seq(1);
    database.until(|before, now| now.snapshots > before.snapshots).await;
    assert_eq!(replica.status(START).seq, 1);
    running.stop().await;
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
    let replica = Replica::load_or_empty(path, Settings::default());
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
    let replica = Replica::load_or_empty(&path, Settings::default());
    let running = run(&replica, &database);
    database.until(|before, now| now.failures > before.failures).await;
    assert_eq!(replica.lookup(&hash("sk-a")).unwrap().policy, full);
    let status = replica.status(START.plus(Duration::from_secs(60)));
    assert_eq!((status.loaded_from, status.keys, status.seq), (LoadedFrom::Disk, 2, 2));
    assert_eq!(status.stale_for, Duration::from_secs(60));

    database.delete(hash("sk-b"));
    database.set_away(false);
    database.until(|before, now| now.snapshots > before.snapshots).await;
    assert!(replica.lookup(&hash("sk-b")).is_none());
    assert_eq!(replica.status(START).loaded_from, LoadedFrom::Database);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_policy_reaches_the_disk_soon() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    let replica = Replica::load_or_empty(&path, Settings::default());
    let running = run(&replica, &database);
    database.put(key("sk-a"));
    tokio::time::sleep(Settings::default().save_policy_after * 2).await;
    running.task.abort();
    assert_eq!(Replica::load_or_empty(&path, Settings::default()).status(START).keys, 1);
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
        assert_eq!(Replica::load_or_empty(&path, Settings::default()).status(START).keys, 0, "byte {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert_eq!(Replica::load_or_empty(&path, Settings::default()).status(START).keys, 0, "cut at {at}");
    }
}
