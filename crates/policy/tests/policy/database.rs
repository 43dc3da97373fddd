//! The replica on the real databases.

use std::sync::Arc;
use std::time::Duration;

use crate::common::copy_at;
use bulkhead_policy::{CatchUp, KeyEntry, LoadedFrom, Replica, Settings};
use domain::{KeyPolicy, VirtualKey};
use kit::{Clock, KeyHash, ManualClock, Money, Timestamp};
use serde_json::Map;
use store::Store;
use store::keys::{Actor, KeyPatch};
use tempfile::tempdir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Time enough for any of these on a busy machine; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

fn actor() -> Actor {
    Actor { id: "admin".into(), at: Timestamp::from_secs(1), ..Actor::default() }
}

fn key(raw: &str) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(raw),
        name: "sk-...".into(),
        alias: Some(raw.into()),
        user_id: None,
        team_id: None,
        organization_id: None,
        models: vec!["gpt-4o".into()],
        aliases: Default::default(),
        metadata: Map::new(),
        max_budget: Some(Money(100)),
        spend: Money::ZERO,
        blocked: false,
        expires: None,
        created_at: Timestamp::from_secs(1),
        created_by: None,
        updated_at: Timestamp::from_secs(1),
        updated_by: None,
        extra: Map::new(),
    }
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn run(replica: &Replica, store: &Store) -> Running {
    let stop = CancellationToken::new();
    let (replica, store, stopped) = (replica.clone(), store.clone(), stop.clone().cancelled_owned());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let task = tokio::spawn(async move { replica.run(store, clock, stopped).await });
    Running { stop, task }
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Waits for the replica's view of a key to become as asked for.
async fn until(replica: &Replica, hash: KeyHash, is_so: impl Fn(Option<&KeyEntry>) -> bool) {
    let waiting = async {
        while !is_so(replica.lookup(&hash).as_deref()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

async fn store_at(url: &str) -> Store {
    let store = Store::connect(&store::Settings::new(url)).await.unwrap();
    store.migrate_up().await.unwrap();
    store
}

async fn each_write_is_seen(store: Store) {
    store.keys().create(&key("sk-old"), &actor()).await.unwrap();
    let replica = Replica::empty(Settings::default());
    let running = run(&replica, &store);
    let (old, new) = (KeyHash::of("sk-old"), KeyHash::of("sk-new"));
    until(&replica, old, |entry| entry.is_some()).await;
    assert_eq!(replica.lookup(&old).unwrap().policy, KeyPolicy::from(&key("sk-old")));

    assert!(matches!(replica.catch_up(&new).await, CatchUp::Unknown));
    store.keys().create(&key("sk-new"), &actor()).await.unwrap();
    assert!(matches!(replica.catch_up(&new).await, CatchUp::Known(_)), "it works as soon as it is made");

    store.keys().set_blocked(old, true, &actor()).await.unwrap();
    until(&replica, old, |entry| entry.is_some_and(|entry| entry.policy.blocked)).await;
    let patch =
        KeyPatch { spend: Some(Money(100)), max_budget: Some(Some(Money(90))), ..KeyPatch::default() };
    store.keys().update(new, patch, &actor()).await.unwrap();
    until(&replica, new, |entry| entry.is_some_and(|entry| entry.reserve(Money(1)).is_err())).await;
    let patch = KeyPatch { spend: Some(Money(0)), ..KeyPatch::default() };
    store.keys().update(new, patch, &actor()).await.unwrap();
    until(&replica, new, |entry| entry.is_some_and(|entry| entry.reserve(Money(1)).is_ok())).await;
    store.keys().delete(&[old], &actor()).await.unwrap();
    until(&replica, old, |entry| entry.is_none()).await;
    running.stop().await;
}

#[tokio::test]
async fn each_write_is_seen_sqlite() {
    let folder = tempdir().unwrap();
    each_write_is_seen(store_at(&format!("sqlite:{}", folder.path().join("test.db").display())).await).await;
}

#[tokio::test]
async fn each_write_is_seen_postgres() {
    let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
    each_write_is_seen(store_at(&url).await).await;
}

#[tokio::test]
async fn postgres_goes_and_comes_back_and_a_gateway_starts_meanwhile() {
    let folder = tempdir().unwrap();
    let copy = folder.path().join("policy.copy");
    let cluster = testkit::postgres::Cluster::private().unwrap();
    // The test server does not wait for its log; here what was committed must outlive a crash.
    let url = format!("{}?options[synchronous_commit]=on", cluster.create_database().unwrap());
    let store = store_at(&url).await;
    store.keys().create(&key("sk-known"), &actor()).await.unwrap();
    let known = KeyHash::of("sk-known");
    let replica = Replica::load_or_empty(copy_at(&copy), Settings::default());
    let running = run(&replica, &store);
    until(&replica, known, |entry| entry.is_some()).await;
    assert_eq!(replica.status(Timestamp(0)).loaded_from, LoadedFrom::Database);

    cluster.stop().unwrap();
    let unknown = KeyHash::of("sk-unknown");
    let answer = replica.catch_up(&unknown).await;
    assert!(matches!(answer, CatchUp::Unavailable { .. }), "{answer:?}");
    assert!(replica.lookup(&known).is_some());
    running.stop().await;

    let next = Replica::load_or_empty(copy_at(&copy), Settings::default());
    assert_eq!(next.status(Timestamp(0)).loaded_from, LoadedFrom::Disk);
    let running = run(&next, &store);
    assert!(next.lookup(&known).is_some());
    assert!(matches!(next.catch_up(&unknown).await, CatchUp::Unavailable { .. }));
    cluster.start().unwrap();
    let back = answering(&store).await;
    back.keys().create(&key("sk-unknown"), &actor()).await.unwrap();
    until(&next, unknown, |entry| entry.is_some()).await;
    assert_eq!(next.status(Timestamp(0)).loaded_from, LoadedFrom::Database);
    running.stop().await;
}

/// The same store, once its database answers again.
async fn answering(store: &Store) -> &Store {
    let waiting = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    store
}
