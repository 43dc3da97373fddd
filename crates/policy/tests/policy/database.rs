//! The replica on the real databases.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Reserve, copy_at};
use bulkhead_policy::{CatchUp, KeyEntry, LoadedFrom, Replica, Settings};
use domain::{KeyPolicy, VirtualKey};
use kit::{Clock, KeyHash, ManualClock, Money, Timestamp};
use serde_json::Map;
use store::Store;
use store::keys::{Actor, KeyPatch};
use tempfile::tempdir;
use testkit::control::Order;
use testkit::fault::FaultProxy;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Time enough for any of these on a busy machine; reached only when something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(30);

fn actor() -> Actor {
    Actor { id: "admin".into(), at: Timestamp::from_secs(1), ..Actor::default() }
}

pub fn key(raw: &str) -> VirtualKey {
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
        window: None,
        blocked: false,
        expires: None,
        created_at: Timestamp::from_secs(1),
        created_by: None,
        updated_at: Timestamp::from_secs(1),
        updated_by: None,
        extra: Map::new(),
    }
}

pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

pub fn run(replica: &Replica, store: &Store) -> Running {
    let stop = CancellationToken::new();
    let (replica, store, stopped) = (replica.clone(), store.clone(), stop.clone().cancelled_owned());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let task = tokio::spawn(async move { replica.run(store, clock, stopped).await });
    Running { stop, task }
}

impl Running {
    pub async fn stop(self) {
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

pub async fn store_at(url: &str) -> Store {
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

/// The bound for noticing that a connection is open and dead, and for following again once new ones work.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test]
async fn connections_that_are_open_and_dead_are_noticed_and_replaced() {
    let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
    let (direct, proxy) = (store_at(&url).await, Proxy::before(&url).await);
    let mut settings = store::Settings::new(proxy.url.clone());
    // As long as in production: waiting for it is no way out.
    settings.acquire_timeout = Duration::from_secs(60);
    let through = Store::connect(&settings).await.unwrap();
    // Many idle connections, each of them dead soon.
    let pings = (0..2 * settings.connections_max).map(|_| {
        let store = through.clone();
        async move { store.ping().await.unwrap() }
    });
    pings.collect::<JoinSet<_>>().join_all().await;
    direct.keys().create(&key("sk-known"), &actor()).await.unwrap();
    let replica = Replica::empty(Settings::default());
    let running = run(&replica, &through);
    until(&replica, KeyHash::of("sk-known"), |entry| entry.is_some()).await;

    proxy.set("half_open").await;
    let began = Instant::now();
    while replica.status(Timestamp(0)).last_error.is_none() {
        assert!(began.elapsed() < NOTICED_WITHIN);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(replica.catch_up(&KeyHash::of("sk-new")).await, CatchUp::Unavailable { .. }));

    // Those that are dead stay so; new ones work.
    direct.keys().create(&key("sk-new"), &actor()).await.unwrap();
    proxy.set("pass").await;
    let began = Instant::now();
    until(&replica, KeyHash::of("sk-new"), |entry| entry.is_some()).await;
    assert!(began.elapsed() < NOTICED_WITHIN, "{:?}", began.elapsed());
    running.stop().await;
}

#[tokio::test]
async fn a_subscription_on_a_dead_connection_ends() {
    let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
    let proxy = Proxy::before(&url).await;
    let store = store_at(&proxy.url).await;
    let mut wakeups = store.policy().wakeups().await.unwrap().unwrap();
    proxy.set("half_open").await;
    let ended = tokio::time::timeout(NOTICED_WITHIN, wakeups.next()).await.unwrap();
    assert!(ended.unwrap_err().is_transient());
}

/// Every statement takes two seconds, and policy is followed all the same.
#[tokio::test]
async fn a_slow_database_is_followed() {
    let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
    let (direct, proxy) = (store_at(&url).await, Proxy::before(&url).await);
    let mut settings = store::Settings::new(proxy.url.clone());
    settings.acquire_timeout = PATIENCE;
    let through = Store::connect(&settings).await.unwrap();
    let replica = Replica::empty(Settings::default());
    let running = run(&replica, &through);
    while replica.status(Timestamp(0)).loaded_from != LoadedFrom::Database {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.order("/mode", serde_json::json!({"mode": "delay", "ms": 2_000})).await;
    direct.keys().create(&key("sk-new"), &actor()).await.unwrap();
    until(&replica, KeyHash::of("sk-new"), |entry| entry.is_some()).await;
    running.stop().await;
}

/// Between a store and its database.
struct Proxy {
    url: String,
    faults: FaultProxy,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn before(url: &str) -> Self {
        let (head, database) = url.rsplit_once('/').unwrap();
        let (head, port) = head.rsplit_once(':').unwrap();
        let faults = FaultProxy::new(([127, 0, 0, 1], port.parse().unwrap()).into());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{head}:{}/{database}", listener.local_addr().unwrap().port());
        let running = faults.clone().run(listener);
        let task = tokio::spawn(async move { running.await.unwrap() });
        Self { url, faults, task }
    }

    async fn set(&self, mode: &str) {
        self.order("/mode", serde_json::json!({ "mode": mode })).await;
    }

    async fn order(&self, path: &str, body: serde_json::Value) {
        let order = Order { method: http::Method::POST, path: path.into(), body };
        self.faults.clone().obey(order).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
