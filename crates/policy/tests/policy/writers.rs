//! Many who write policy at once, and replicas that follow: in the end each is what the database is.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkhead_policy::{Replica, Settings};
use domain::KeyPolicy;
use kit::{KeyHash, Money, Rng, SeededRng, Timestamp};
use store::keys::{Actor, KeyPatch};
use store::policy::{PageStart, Stored};
use store::{Store, StoreError};
use tempfile::tempdir;
use tokio::task::JoinSet;

use crate::database::{PATIENCE, key, run, store_at};

const WRITERS: u64 = 6;
const WRITES_EACH: u64 = 60;
/// Few enough that writers meet on each.
const KEYS: u64 = 24;

/// One write of any kind to any key. Those that meet nothing to write to are part of it.
async fn write(store: &Store, rng: &mut SeededRng, at: i64) {
    let actor = Actor { id: "admin".into(), at: Timestamp::from_secs(at), ..Actor::default() };
    let raw = format!("sk-{}", rng.below(KEYS));
    let hash = KeyHash::of(&raw);
    let done = match rng.below(6) {
        0 | 1 => store.keys().create(&key(&raw), &actor).await.map(drop),
        2 => store.keys().set_blocked(hash, rng.below(2) == 0, &actor).await.map(drop),
        3 => store.keys().delete(&[hash], &actor).await.map(drop),
        4 => {
            let replacement = (KeyHash::of(&format!("sk-{}", rng.below(KEYS))), "sk-...".to_owned());
            store.keys().regenerate(hash, replacement, KeyPatch::default(), &actor).await.map(drop)
        }
        _ => {
            let max_budget = Some(Some(Money(i64::try_from(rng.below(1_000)).unwrap())));
            let models = Some(vec![format!("model-{}", rng.below(5))]);
            let patch = KeyPatch { max_budget, models, ..KeyPatch::default() };
            store.keys().update(hash, patch, &actor).await.map(drop)
        }
    };
    match done {
        Ok(()) | Err(StoreError::Duplicate(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn in_database(store: &Store) -> BTreeMap<KeyHash, KeyPolicy> {
    let (mut keys, mut start) = (BTreeMap::new(), Some(PageStart::default()));
    while let Some(from) = start {
        let page = store.policy().page(&from, 7).await.unwrap();
        for (hash, stored) in page.keys {
            let Stored::Policy(policy) = stored else { panic!("{stored:?}") };
            keys.insert(hash, KeyPolicy { spend: Money::ZERO, ..policy });
        }
        start = page.next;
    }
    keys
}

fn in_replica(replica: &Replica) -> BTreeMap<KeyHash, KeyPolicy> {
    let policy = |entry: &KeyPolicy| KeyPolicy { spend: Money::ZERO, ..entry.clone() };
    replica.entries().map(|entry| (entry.policy.hash, policy(&entry.policy))).collect()
}

async fn replicas_end_as_the_database(url: &str) {
    let store = store_at(url).await;
    let early = [Replica::empty(Settings::default()), Replica::empty(Settings::default())];
    let mut running = early.iter().map(|replica| run(replica, &store)).collect::<Vec<_>>();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let url = url.to_owned();
        writers.spawn(async move {
            let store = Store::connect(&store::Settings::new(url)).await.unwrap();
            let mut rng = SeededRng::new(writer);
            for at in 0..WRITES_EACH {
                write(&store, &mut rng, i64::try_from(at).unwrap()).await;
            }
        });
    }
    // One that begins while all write.
    let late = Replica::empty(Settings::default());
    running.push(run(&late, &store));
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }

    let head = store.policy().head().await.unwrap();
    assert!(head > 0);
    let expected = in_database(&store).await;
    let replicas = early.into_iter().chain([late]).collect::<Vec<_>>();
    for replica in &replicas {
        let following = async {
            while replica.status(Timestamp(0)).seq < head {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, following).await.unwrap();
        assert_eq!(replica.status(Timestamp(0)).seq, head);
        assert_eq!(in_replica(replica), expected);
        assert_eq!(replica.status(Timestamp(0)).digest, replicas[0].status(Timestamp(0)).digest);
    }
    for one in running {
        one.stop().await;
    }
}

#[tokio::test]
async fn replicas_end_as_the_database_sqlite() {
    let folder = tempdir().unwrap();
    replicas_end_as_the_database(&format!("sqlite:{}", folder.path().join("test.db").display())).await;
}

#[tokio::test]
async fn replicas_end_as_the_database_postgres() {
    let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
    replicas_end_as_the_database(&url).await;
}
