use domain::Status;
use kit::{Money, Timestamp};
use store::ledger::{RunningTotal, TotalOf};
use store::spend::{LogQuery, Range, Scope};

use crate::support::{TestDb, backends, event};

fn now() -> Timestamp {
    Timestamp::from_secs(10_000)
}

fn always() -> Range {
    Range::new(Timestamp(0), Timestamp::from_secs(100_000))
}

backends! {
    async fn an_event_reads_back_whole(db: TestDb) {
        let key = db.add_key("sk-one").await;
        let mut event = event(1, Some(&key), 60, 42);
        event.outcome.superseded = true;
        db.store.ledger().ship(std::slice::from_ref(&event), now()).await.unwrap();
        assert_eq!(db.store.spend().logs(&LogQuery::default()).await.unwrap(), [event]);
    }

    async fn a_batch_shipped_again_changes_nothing(db: TestDb) {
        let key = db.add_key("sk-one").await;
        let events = (0..150).map(|id| event(id, Some(&key), 60, 10)).collect::<Vec<_>>();
        let shipped = db.store.ledger().ship(&events[..100], now()).await.unwrap();
        assert_eq!((shipped.inserted, shipped.key_spend), (100, vec![(key.hash, Money(1000))]));
        let again = db.store.ledger().ship(&events[..100], now()).await.unwrap();
        assert_eq!((again.inserted, again.key_spend), (0, vec![]));
        let overlap = db.store.ledger().ship(&events, now()).await.unwrap();
        assert_eq!((overlap.inserted, overlap.key_spend), (50, vec![(key.hash, Money(1500))]));
        let totals = db.store.spend().totals(always(), &Scope::default()).await.unwrap();
        assert_eq!((totals.requests, totals.spend(), totals.input_tokens), (150, Money(1500), 1500));
        assert_eq!(db.store.keys().get(key.hash).await.unwrap().unwrap().spend, Money(1500));
    }

    async fn an_event_twice_in_one_batch_counts_once(db: TestDb) {
        let key = db.add_key("sk-one").await;
        let twice = [event(1, Some(&key), 60, 10), event(1, Some(&key), 60, 10)];
        let shipped = db.store.ledger().ship(&twice, now()).await.unwrap();
        assert_eq!((shipped.inserted, shipped.key_spend), (1, vec![(key.hash, Money(10))]));
    }

    async fn the_master_key_and_deleted_keys_are_charged_to_nobody(db: TestDb) {
        let key = db.add_key("sk-one").await;
        db.store.keys().delete(&[key.hash], &crate::support::actor(2)).await.unwrap();
        let events = [event(1, None, 60, 10), event(2, Some(&key), 60, 5)];
        let shipped = db.store.ledger().ship(&events, now()).await.unwrap();
        assert_eq!((shipped.inserted, shipped.key_spend), (2, vec![]));
        let keys = db.store.spend().by_key(always(), &Scope::default(), 10).await.unwrap();
        let names = keys.iter().map(|key| (key.api_key.as_str(), key.key_alias.as_deref())).collect::<Vec<_>>();
        let hash = key.hash.to_hex();
        let master = (domain::key::MASTER_KEY_LABEL, None);
        assert_eq!(names, [master, (hash.as_str(), Some("alias of sk-one"))]);
    }

    async fn late_spend_follows_a_key_to_its_new_secret(db: TestDb) {
        let old = db.add_key("sk-old").await;
        let hash = kit::KeyHash::of;
        for (from, to) in [("sk-old", "sk-new"), ("sk-new", "sk-newest")] {
            let replacement = (hash(to), to.to_owned());
            let patch = store::keys::KeyPatch::default();
            let moved = db.store.keys().regenerate(hash(from), replacement, patch, &crate::support::actor(2)).await;
            moved.unwrap().unwrap();
        }
        let shipped = db.store.ledger().ship(&[event(1, Some(&old), 60, 7)], now()).await.unwrap();
        assert_eq!(shipped.key_spend, [(hash("sk-newest"), Money(7))]);
    }

    async fn odd_bytes_from_a_client_do_not_hold_up_the_ledger(db: TestDb) {
        let mut odd = event(1, None, 60, 1);
        odd.intent.customer = Some("a\0b".into());
        odd.intent.model_group = "mod\0el".into();
        odd.intent.tags = vec!["t\0".into()];
        odd.outcome.usage.input = u64::MAX;
        assert_eq!(db.store.ledger().ship(&[odd], now()).await.unwrap().inserted, 1);
        let row = db.store.spend().logs(&LogQuery::default()).await.unwrap().remove(0);
        assert_eq!(row.intent.customer.as_deref(), Some("ab"));
        assert_eq!(row.intent.tags, ["t\0".into()]);
    }

    async fn every_ending_has_its_count(db: TestDb) {
        let events = Status::ALL.into_iter().zip(1..).map(|(status, id)| {
            let mut event = event(id, None, 60, 1);
            event.outcome.status = status;
            event
        });
        db.store.ledger().ship(&events.collect::<Vec<_>>(), now()).await.unwrap();
        let totals = db.store.spend().totals(always(), &Scope::default()).await.unwrap();
        assert_eq!(
            (totals.requests, totals.failures, totals.refusals, totals.cancellations),
            (6, 3, 1, 1)
        );
    }

    async fn running_totals_move_for_new_events_alone(db: TestDb) {
        let key = db.add_key("sk-one").await;
        let of = |id: u128, team: Option<&str>, tags: &[&str]| {
            let mut event = event(id, Some(&key), 60, 10);
            event.intent.team_id = team.map(Box::from);
            event.intent.tags = tags.iter().map(|tag| (*tag).into()).collect();
            event
        };
        let mut events = vec![
            of(1, Some("t"), &["blue", "green", "blue"]),
            of(2, Some("t"), &["blue"]),
            of(3, None, &["a\0b", ""]),
        ];
        let mut failed = of(4, None, &[]);
        failed.outcome.superseded = true;
        let mut refused = of(5, None, &[]);
        refused.intent.deployment_id = "".into();
        refused.intent.customer = None;
        events.extend([failed, refused]);
        db.store.ledger().ship(&events[..2], now()).await.unwrap();
        db.store.ledger().ship(&events, now()).await.unwrap();
        db.store.ledger().ship(&events, now()).await.unwrap();

        let totals = |count: i64, requests: i64| {
            Some(RunningTotal {
                requests,
                input_tokens: 10 * count,
                output_tokens: 5 * count,
                spend_nano: 10 * count,
            })
        };
        let expected = [
            (TotalOf::User("ada"), totals(5, 4)),
            (TotalOf::Team("t"), totals(2, 2)),
            (TotalOf::Member { team: "t", user: "ada" }, totals(2, 2)),
            (TotalOf::Organization("org"), totals(5, 4)),
            (TotalOf::Customer("customer-1"), totals(4, 3)),
            (TotalOf::Tag("blue"), totals(2, 2)),
            (TotalOf::Tag("green"), totals(1, 1)),
            (TotalOf::Tag("ab"), totals(1, 1)),
            (TotalOf::Tag(""), None),
            (TotalOf::Model("claude-opus"), totals(4, 3)),
            (TotalOf::Team("ada"), None),
        ];
        for (of, total) in expected {
            assert_eq!(db.store.ledger().running_total(of).await.unwrap(), total, "{of:?}");
        }
        let key = db.store.keys().get(key.hash).await.unwrap().unwrap();
        assert_eq!(key.spend, Money(50), "the key's own");
    }

    /// A database of the version before gets totals of what it knows.
    async fn a_request_counts_once_and_its_attempts_apart(db: TestDb) {
        let key = db.add_key("sk-one").await;
        let attempt = |id: u128, status: Status, superseded: bool, cost: i64| {
            let mut event = event(id, Some(&key), 60, cost);
            event.intent.call_id = "call".into();
            event.outcome.status = status;
            event.outcome.superseded = superseded;
            if superseded {
                event.outcome.ended_at = Timestamp::from_secs(9_000);
            }
            event
        };
        let events = [
            attempt(1, Status::UpstreamError, true, 3),
            attempt(2, Status::TimedOut, true, 4),
            attempt(3, Status::Success, false, 10),
        ];
        let mut refused = attempt(4, Status::Refused, false, 0);
        refused.intent.deployment_id = "".into();
        db.store.ledger().ship(&[&events[..], &[refused]].concat(), now()).await.unwrap();
        let totals = db.store.spend().totals(always(), &Scope::default()).await.unwrap();
        assert_eq!((totals.requests, totals.attempts, totals.spend()), (2, 3, Money(17)));
        assert_eq!((totals.failures, totals.refusals), (0, 1));
        let latency = db.store.spend().latency(always()).await.unwrap();
        assert!(latency.percentile(100).unwrap() < 1_000_000, "the time of superseded attempts is not theirs");
    }

    /// Two gateways and an administrator write to the same keys at once: nothing is lost, nothing locks up.
    async fn shippers_and_writers_get_along(db: TestDb) {
        let mut keys = Vec::new();
        for at in 0..20 {
            keys.push(db.add_key(&format!("sk-{at}")).await);
        }
        let mut tasks = tokio::task::JoinSet::new();
        for shipper in 0..3_u128 {
            let (store, keys) = (db.another().await, keys.clone());
            tasks.spawn(async move {
                for batch in 0..10_u128 {
                    let events = keys.iter().zip(0_u128..).map(|(key, at)| {
                        event(shipper * 1_000_000 + batch * 1_000 + at, Some(key), 60, 1)
                    });
                    let mut events = events.collect::<Vec<_>>();
                    if shipper % 2 == 0 {
                        events.reverse();
                    }
                    store.ledger().ship(&events, now()).await.unwrap();
                }
            });
        }
        let store = db.another().await;
        let doomed = keys.iter().rev().map(|key| key.hash).collect::<Vec<_>>();
        tasks.spawn(async move {
            for hash in &doomed {
                store.keys().set_blocked(*hash, true, &crate::support::actor(3)).await.unwrap();
            }
        });
        tasks.join_all().await;
        for key in keys {
            let key = db.store.keys().get(key.hash).await.unwrap().unwrap();
            assert!(key.blocked && key.spend == Money(30), "{key:?}");
        }
    }
}
