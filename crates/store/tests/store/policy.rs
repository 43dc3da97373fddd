use std::collections::BTreeSet;
use std::time::Duration;

use domain::{KeyPolicy, Raise};
use kit::{KeyHash, Money, Timestamp};
use serde_json::json;
use store::keys::{KeyPatch, OLD_SECRETS_MAX, Replacement};
use store::policy::{PageStart, Stored};
use store::{Store, StoreError};

use crate::support::{TestDb, actor, backends, event, key, rows_of_a_key_made_wrong};

/// Every key, two to a page.
async fn all(store: &Store) -> Vec<(KeyHash, Stored)> {
    let (mut keys, mut start) = (Vec::new(), Some(PageStart::default()));
    while let Some(from) = start {
        let page = store.policy().page(&from, 2).await.unwrap();
        assert!(page.keys.len() <= 2);
        keys.extend(page.keys);
        start = page.next;
    }
    keys
}

backends! {
    async fn pages_tell_each_key_once(db: TestDb) {
        let mut made = BTreeSet::new();
        for at in 0..7 {
            let told = all(&db.store).await.into_iter().map(|(hash, _)| hash).collect::<Vec<_>>();
            assert!(told.into_iter().eq(made.iter().copied()), "in their order, after {at}");
            made.insert(db.add_key(&format!("sk-{at}")).await.hash);
        }
    }

    async fn a_keys_terms_are_those_that_clients_wrote(db: TestDb) {
        let (store, mut key) = (&db.store, key("sk-one"));
        key.extra = json!({"allowed_routes": ["/v1/chat"], "soft_budget": "0.5", "tpm_limit": 3}).as_object().unwrap().clone();
        let metadata = json!({"temp_budget_increase": 2, "temp_budget_expiry": "1970-01-01T00:00:09"});
        key.metadata = metadata.as_object().unwrap().clone();
        store.keys().create(&key, &actor(1)).await.unwrap();
        let terms = store.policy().key(key.hash).await.unwrap().unwrap().terms.unwrap();
        assert_eq!((&*terms.routes[0], terms.limits.soft), ("/v1/chat", Some(Money(500_000_000))));
        assert_eq!(terms.limits.raise, Some(Raise { by: Money(2_000_000_000), until: Timestamp::from_secs(9) }));
        // Its spend is told as that of keys with a budget that refuses.
        store.ledger().ship(&[event(1, Some(&key), 1, 7)], Timestamp(1)).await.unwrap();
        assert_eq!(store.policy().spend_since(Timestamp(0)).await.unwrap().len(), 1);
        key.metadata.insert("temp_budget_expiry".into(), json!("some day"));
        let patch = KeyPatch { metadata: Some(key.metadata), ..KeyPatch::default() };
        store.keys().update(key.hash, patch, &actor(2)).await.unwrap();
        store.policy().key(key.hash).await.unwrap_err();
    }

    async fn old_secrets_are_told_and_go_with_their_grace(db: TestDb) {
        let (store, one) = (&db.store, key("sk-one"));
        store.keys().create(&one, &actor(1)).await.unwrap();
        let to = |raw: &str, grace| Replacement { hash: KeyHash::of(raw), name: "sk-...".into(), grace };
        let mut hash = one.hash;
        let head = store.policy().head().await.unwrap();
        for (number, grace) in [(2, Some(50)), (3, None), (4, Some(90))] {
            let new = to(&format!("sk-{number}"), grace.map(Timestamp::from_secs));
            hash = store.keys().regenerate(hash, new, KeyPatch::default(), &actor(5)).await.unwrap().unwrap().hash;
        }
        let secrets = async || {
            let accounts = store.policy().changes_since(head, 100).await.unwrap().accounts;
            let told = accounts.into_iter().filter_map(|(id, stored)| {
                let Stored::Policy(account) = stored else { return None };
                assert_eq!(account.parent, Some(hash.to_hex().into()));
                Some((id.id.parse::<KeyHash>().unwrap(), account.ends.unwrap()))
            });
            told.collect::<BTreeSet<_>>()
        };
        let (first, third) = ((one.hash, Timestamp::from_secs(50)), (KeyHash::of("sk-3"), Timestamp::from_secs(90)));
        assert_eq!(secrets().await, [first, third].into());
        assert_eq!(store.keys().opened_by(one.hash, Timestamp::from_secs(49)).await.unwrap().unwrap().hash, hash);
        assert_eq!(store.keys().opened_by(one.hash, Timestamp::from_secs(50)).await.unwrap(), None);
        assert_eq!(store.keys().drop_old_secrets(&actor(50)).await.unwrap(), 1);
        assert_eq!(store.keys().drop_old_secrets(&actor(50)).await.unwrap(), 0);
        assert_eq!(secrets().await, [third].into());
        store.keys().delete(&[hash], &actor(60)).await.unwrap();
        assert_eq!(secrets().await, [].into());
    }

    async fn a_key_opens_to_so_many_old_secrets_and_no_more(db: TestDb) {
        let (store, one) = (&db.store, key("sk-one"));
        store.keys().create(&one, &actor(1)).await.unwrap();
        let mut hash = one.hash;
        let again = async |hash, number: usize| {
            let new = Replacement { hash: KeyHash::of(&format!("sk-{number}")), name: "sk-...".into(), grace: Some(Timestamp::from_secs(99)) };
            store.keys().regenerate(hash, new, KeyPatch::default(), &actor(5)).await
        };
        for number in 0..OLD_SECRETS_MAX {
            hash = again(hash, number).await.unwrap().unwrap().hash;
        }
        assert!(matches!(again(hash, OLD_SECRETS_MAX).await, Err(StoreError::TooMany(_))));
        assert!(store.keys().get(hash).await.unwrap().is_some());
    }

    async fn a_row_that_cannot_be_read_stops_no_other(db: TestDb) {
        let (good, bad) = (db.add_key("sk-good").await, db.add_key("sk-bad").await);
        for (column, value) in rows_of_a_key_made_wrong(&db).iter().copied() {
            db.set(bad.hash, column, value).await;
            let tail = db.store.policy().changes_since(0, 10).await.unwrap();
            for told in [all(&db.store).await, tail.keys] {
                assert_eq!(told.len(), 2);
                for (hash, stored) in told {
                    match stored {
                        Stored::Unreadable(_) => assert_eq!(hash, bad.hash, "{column}"),
                        other => assert_eq!((hash, other), (good.hash, Stored::Policy(KeyPolicy::from(&good)))),
                    }
                }
            }
            db.store.keys().delete(&[bad.hash], &actor(1)).await.unwrap();
            db.add_key("sk-bad").await;
        }
    }

    async fn old_changes_and_too_many_are_pruned(db: TestDb) {
        let policy = db.store.policy();
        for at in 0..10 {
            let (key, at) = (key(&format!("sk-{at}")), actor(at));
            db.store.keys().create(&key, &at).await.unwrap();
        }
        // Changes 1 to 10 were noted in the seconds 0 to 9.
        assert!(!policy.prune(Timestamp::from_secs(0), 10).await.unwrap());
        assert_eq!(policy.changes_since(0, 100).await.unwrap().pruned, 0);
        assert!(policy.prune(Timestamp::from_secs(3), 10).await.unwrap());
        let tail = policy.changes_since(0, 100).await.unwrap();
        assert_eq!((tail.head, tail.pruned, tail.keys.len()), (10, 3, 7));
        assert!(policy.prune(Timestamp::from_secs(0), 2).await.unwrap());
        assert!(!policy.prune(Timestamp::from_secs(0), 2).await.unwrap());
        let tail = policy.changes_since(8, 100).await.unwrap();
        assert_eq!((tail.head, tail.pruned, tail.next, tail.keys.len()), (10, 8, 10, 2));
        assert!(policy.prune(Timestamp::from_secs(100), 10).await.unwrap());
        let tail = policy.changes_since(10, 100).await.unwrap();
        assert_eq!((tail.head, tail.pruned, tail.next, tail.keys.len()), (10, 10, 10, 0));
        assert_eq!(all(&db.store).await.len(), 10, "keys stay");
        db.add_key("sk-later").await;
        assert_eq!(policy.changes_since(10, 100).await.unwrap().next, 11);
    }

    async fn one_pruning_takes_a_bounded_part(db: TestDb) {
        let hash = db.add_key("sk-one").await.hash;
        for _ in 0..1_100 {
            db.store.keys().set_blocked(hash, true, &actor(1)).await.unwrap();
        }
        assert!(db.store.policy().prune(Timestamp::from_secs(0), 1).await.unwrap());
        assert_eq!(db.store.policy().changes_since(0, 1).await.unwrap().pruned, 1_000);
        assert!(db.store.policy().prune(Timestamp::from_secs(0), 1).await.unwrap());
        assert_eq!(db.store.policy().changes_since(0, 1).await.unwrap().pruned, 1_100);
    }

    async fn a_snapshot_and_its_tail_tell_all(db: TestDb) {
        let policy = db.store.policy();
        assert_eq!((policy.head().await.unwrap(), all(&db.store).await), (0, vec![]));
        let one = db.add_key("sk-one").await;
        let stored = Stored::Policy(KeyPolicy::from(&one));
        assert_eq!((policy.head().await.unwrap(), all(&db.store).await), (1, vec![(one.hash, stored)]));
        assert_eq!(policy.key(one.hash).await.unwrap(), Some(KeyPolicy::from(&one)));

        let two = db.add_key("sk-two").await;
        db.store.keys().set_blocked(one.hash, true, &actor(2)).await.unwrap();
        db.store.keys().delete(&[two.hash], &actor(3)).await.unwrap();
        let changes = policy.changes_since(1, 100).await.unwrap();
        assert_eq!((changes.head, changes.next, changes.keys.len()), (4, 4, 2));
        for (hash, state) in changes.keys {
            match state {
                Stored::Policy(state) => assert!(hash == one.hash && state.blocked),
                Stored::Gone => assert_eq!(hash, two.hash),
                Stored::Unreadable(why) => panic!("{why}"),
            }
        }
        let none = policy.changes_since(4, 100).await.unwrap();
        assert_eq!((none.head, none.next, none.keys.len()), (4, 4, 0));
        assert_eq!(policy.head().await.unwrap(), 4);
        assert_eq!(policy.key(two.hash).await.unwrap(), None);
    }

    async fn a_long_tail_comes_in_parts(db: TestDb) {
        for at in 0..5 {
            db.add_key(&format!("sk-{at}")).await;
        }
        let (mut seq, mut seen) = (0, 0);
        loop {
            let part = db.store.policy().changes_since(seq, 2).await.unwrap();
            assert!(part.keys.len() <= 2 && part.head == 5);
            seen += part.keys.len();
            seq = part.next;
            if seq == part.head {
                break;
            }
        }
        assert_eq!(seen, 5);
    }

    async fn a_write_that_fails_leaves_no_change(db: TestDb) {
        db.add_key("sk-one").await;
        assert!(db.store.keys().create(&key("sk-one"), &actor(2)).await.is_err());
        let missing = db.store.keys().update(KeyHash::of("sk-none"), KeyPatch::default(), &actor(2)).await;
        assert_eq!(missing.unwrap(), None);
        assert_eq!(db.store.policy().head().await.unwrap(), 1);
    }

    async fn spend_of_budgeted_keys_is_told_once(db: TestDb) {
        let budgeted = db.add_key("sk-one").await;
        let mut free = key("sk-two");
        free.max_budget = None;
        db.store.keys().create(&free, &actor(1)).await.unwrap();
        let start = db.store.policy().spend_since(Timestamp(0)).await.unwrap();
        let since = start.iter().map(|told| told.changed_at).max().unwrap();

        // Two gateways whose clocks disagree: the second is an hour behind.
        let (early, late) = (Timestamp::from_secs(7_200), Timestamp::from_secs(3_600));
        db.store.ledger().ship(&[event(1, Some(&budgeted), 5, 40)], early).await.unwrap();
        let first = db.store.policy().spend_since(since).await.unwrap();
        assert_eq!((first.len(), first[0].id, first[0].spend), (1, budgeted.hash, Money(40)));
        db.store.ledger().ship(&[event(2, Some(&budgeted), 5, 2), event(3, Some(&free), 5, 2)], late).await.unwrap();
        let second = db.store.policy().spend_since(first[0].changed_at).await.unwrap();
        assert_eq!((second.len(), second[0].spend), (1, Money(42)));
        assert!(db.store.policy().spend_since(second[0].changed_at).await.unwrap().is_empty());
    }

    /// The hazard: a number drawn early but committed late would never be read again by a tail that has
    /// passed it. Many writers race while a tail reads as fast as it can; it must see each key.
    async fn a_tail_misses_no_writer(db: TestDb) {
        const WRITERS: usize = 4;
        const KEYS_EACH: usize = 25;
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let store = db.another().await;
            writers.spawn(async move {
                for at in 0..KEYS_EACH {
                    let key = key(&format!("sk-{writer}-{at}"));
                    store.keys().create(&key, &actor(1)).await.unwrap();
                }
            });
        }
        let (mut seq, mut seen) = (0, BTreeSet::new());
        while seen.len() < WRITERS * KEYS_EACH {
            let part = db.store.policy().changes_since(seq, 7).await.unwrap();
            assert!(part.next >= seq);
            seq = part.next;
            seen.extend(part.keys.into_iter().map(|(hash, state)| {
                assert!(matches!(state, Stored::Policy(_)), "a change was seen before its key");
                hash
            }));
            if seq == i64::try_from(WRITERS * KEYS_EACH).unwrap() {
                break;
            }
        }
        assert_eq!(seen.len(), WRITERS * KEYS_EACH);
        writers.join_all().await;
    }
}

#[tokio::test]
async fn postgres_wakes_the_tail_and_sqlite_does_not() {
    assert!(TestDb::sqlite().await.store.policy().wakeups().await.unwrap().is_none());
    let db = TestDb::postgres().await;
    let mut wakeups = db.store.policy().wakeups().await.unwrap().unwrap();
    db.add_key("sk-one").await;
    tokio::time::timeout(Duration::from_secs(10), wakeups.next()).await.unwrap().unwrap();
}

/// The hazard made by hand: a writer that drew its number holds off the next one until it commits.
#[tokio::test]
async fn a_number_cannot_overtake_an_earlier_one_on_postgres() {
    use sqlx::{Connection, PgConnection};

    let db = TestDb::postgres().await;
    let mut slow = PgConnection::connect(&db.settings.url).await.unwrap();
    let mut open = slow.begin().await.unwrap();
    let drawn: i64 = sqlx::query_scalar("UPDATE policy_clock SET seq = seq + 1 WHERE id = 1 RETURNING seq")
        .fetch_one(&mut *open)
        .await
        .unwrap();
    let fast = tokio::spawn({
        let store = db.another().await;
        async move { store.keys().create(&key("sk-fast"), &actor(1)).await }
    });
    // The fast writer is seen waiting for the lock; only then does the slow one go on.
    let mut watcher = PgConnection::connect(&db.settings.url).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(db.store.policy().changes_since(0, 10).await.unwrap().next, 0);
    open.commit().await.unwrap();
    fast.await.unwrap().unwrap();
    let tail = db.store.policy().changes_since(drawn, 10).await.unwrap();
    assert_eq!((drawn, tail.next, tail.keys.len()), (1, 2, 1));
}
