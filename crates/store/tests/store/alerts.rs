//! Alerts of budgets: one for each crossing of each window, whoever looks, and however often.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::alert::{Alert, BudgetEvent};
use domain::owner::{Budget, Limits, Project, Tag};
use domain::{Intent, VirtualKey};
use kit::{Money, Timestamp};
use serde_json::json;
use store::Store;
use store::alerts::{AlertState, Seen};

use crate::support::{TestDb, actor, backends, event, key};

const DAY: i64 = 86_400;
const SLACK: &[&str] = &["slack"];
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Looks as a backend that begins now, in as many parts as it takes.
async fn look(store: &Store, seen: &mut Seen, channels: &[&str], secs: i64) {
    let mut new_id = || NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    while store.alerts().look(seen, channels, Timestamp::from_secs(secs), &mut new_id).await.unwrap() {}
}

/// Kind, event and spend of each alert there is, sorted.
async fn told(store: &Store) -> Vec<(String, BudgetEvent, i64)> {
    let told = store.alerts().list(None, 0, 100).await.unwrap().rows;
    let mut told = told
        .into_iter()
        .map(|told| (told.alert.kind, told.alert.event, told.alert.spend.0))
        .collect::<Vec<_>>();
    told.sort_by_key(|(kind, event, spend)| (kind.clone(), *spend, format!("{event:?}")));
    told
}

async fn spend(store: &Store, id: u128, key: &VirtualKey, started: i64, cost: i64, of: impl Fn(&mut Intent)) {
    let mut event = event(id, Some(key), started, cost);
    event.intent.tags.clear();
    of(&mut event.intent);
    store.ledger().ship(&[event], Timestamp::from_secs(started)).await.unwrap();
}

async fn with_key(store: &Store, extra: serde_json::Value) -> VirtualKey {
    let mut key = key("sk-one");
    key.max_budget = Some(Money(100));
    key.user_id = None;
    key.extra = extra.as_object().unwrap().clone();
    store.keys().create(&key, &actor(1)).await.unwrap();
    key
}

backends! {
    async fn each_crossing_of_a_key_is_told_once_in_each_of_its_windows(db: TestDb) {
        let store = &db.store;
        let key = with_key(store, json!({"soft_budget": 5e-8, "budget_duration": "1d"})).await;
        let (mut one, mut other) = (Seen::default(), Seen::default());
        let crossings = [(49, vec![]), (1, vec![BudgetEvent::SoftBudgetCrossed]), (44, vec![]),
                         (1, vec![BudgetEvent::ThresholdCrossed]), (5, vec![BudgetEvent::BudgetCrossed]), (9, vec![])];
        let (mut spent, mut expected) = (0, Vec::new());
        for (number, (cost, events)) in crossings.into_iter().enumerate() {
            spend(store, number as u128, &key, 10, cost, |_| {}).await;
            spent += cost;
            expected.extend(events.into_iter().map(|event| ("key".to_owned(), event, spent)));
            look(store, &mut one, SLACK, 20).await;
            look(store, &mut other, SLACK, 21).await;
            // And one that has just begun.
            look(store, &mut Seen::default(), SLACK, 22).await;
            assert_eq!(told(store).await, expected, "at {spent}");
        }
        store.windows().end_due(&actor(DAY + 1)).await.unwrap();
        look(store, &mut Seen::default(), SLACK, DAY + 1).await;
        assert_eq!(told(store).await, expected, "nothing is spent in the next window");
        spend(store, 50, &key, DAY + 2, 60, |_| {}).await;
        look(store, &mut one, SLACK, DAY + 3).await;
        look(store, &mut other, SLACK, DAY + 3).await;
        expected.insert(1, ("key".into(), BudgetEvent::SoftBudgetCrossed, 60));
        assert_eq!(told(store).await, expected);
        let alerts = store.alerts().list(None, 0, 100).await.unwrap().rows;
        let newest = alerts.iter().find(|told| told.alert.spend == Money(60)).unwrap();
        let Alert { id, alias, max_budget, soft_budget, resets_at, .. } = newest.alert.clone();
        assert_eq!((id, alias), (key.hash.to_hex(), key.alias.clone()));
        assert_eq!((max_budget, soft_budget), (Some(Money(100)), Some(Money(50))));
        assert_eq!(resets_at, Some(Timestamp::from_secs(2 * DAY)));
    }

    async fn a_crossing_before_the_next_window_has_begun_is_told_when_it_has(db: TestDb) {
        let store = &db.store;
        let key = with_key(store, json!({"soft_budget": 5e-8, "budget_duration": "1d"})).await;
        let mut seen = Seen::default();
        spend(store, 1, &key, 10, 60, |_| {}).await;
        look(store, &mut seen, SLACK, 11).await;
        let soft = |spend| ("key".to_owned(), BudgetEvent::SoftBudgetCrossed, spend);
        assert_eq!(told(store).await, [soft(60)]);
        spend(store, 2, &key, DAY + 1, 70, |_| {}).await;
        look(store, &mut seen, SLACK, DAY + 1).await;
        assert_eq!(told(store).await, [soft(60)], "the row tells of the window that is over");
        store.windows().end_due(&actor(DAY + 2)).await.unwrap();
        look(store, &mut seen, SLACK, DAY + 2).await;
        assert_eq!(told(store).await, [soft(60), soft(70)]);
    }

    async fn a_crossing_that_was_undone_is_told_again_and_a_new_secret_changes_nothing(db: TestDb) {
        let store = &db.store;
        let key = with_key(store, json!({"soft_budget": 5e-8})).await;
        let mut seen = Seen::default();
        spend(store, 1, &key, 10, 60, |_| {}).await;
        look(store, &mut seen, SLACK, 11).await;
        let expected = vec![("key".to_owned(), BudgetEvent::SoftBudgetCrossed, 60)];
        assert_eq!(told(store).await, expected);
        let raised = json!({"soft_budget": 7e-8}).as_object().unwrap().clone();
        let patch = store::keys::KeyPatch { extra: raised, ..Default::default() };
        store.keys().update(key.hash, patch, &actor(12)).await.unwrap();
        spend(store, 2, &key, 13, 1, |_| {}).await;
        look(store, &mut seen, SLACK, 13).await;
        assert_eq!(told(store).await, expected, "it is not crossed any more");
        spend(store, 3, &key, 14, 10, |_| {}).await;
        look(store, &mut seen, SLACK, 14).await;
        assert_eq!(told(store).await.len(), 2, "and now it is again");
    }

    async fn everyone_with_a_budget_is_told_of(db: TestDb) {
        let store = &db.store;
        let key = with_key(store, json!({})).await;
        db.execute("INSERT INTO teams (id, models, model_aliases, metadata, soft_budget_nano, budget_limits, model_max_budget,
                                       blocked, extra, created_at, updated_at)
                    VALUES ('red', '[]', '{}', '{}', 5, '[]', '{}', 0, '{}', 1, 1)").await;
        let limits = |id: &str| Budget {
            id: id.into(), limits: Limits { soft_budget: Some(Money(5)), ..Limits::default() }, ..Budget::default()
        };
        let project = Project { id: "p".into(), team_id: "red".into(), budget_id: Some("b".into()), ..Project::default() };
        store.projects().create_with(&project, Some(&limits("b")), &actor(1)).await.unwrap();
        let tag = Tag { name: "blue".into(), budget_id: Some("c".into()), ..Tag::default() };
        store.tags().create_with(&tag, Some(&limits("c")), &actor(1)).await.unwrap();
        spend(store, 1, &key, 10, 9, |intent| {
            (intent.team_id, intent.project_id) = (Some("red".into()), Some("p".into()));
            intent.tags = vec!["blue".into()];
        }).await;
        let mut seen = Seen::default();
        look(store, &mut seen, &["slack", "webhook"], 11).await;
        let soft = |kind: &str| (kind.to_owned(), BudgetEvent::SoftBudgetCrossed, 9);
        let both = ["project", "project", "tag", "tag", "team", "team"].map(soft);
        assert_eq!(told(store).await, both, "each by both channels");
        store.tags().delete_each(&["blue".into()], &actor(12)).await.unwrap();
        look(store, &mut Seen::default(), SLACK, 13).await;
        assert_eq!(told(store).await, both);
    }

    async fn an_alert_is_tried_by_one_at_a_time_and_kept_for_a_while(db: TestDb) {
        let (store, at) = (&db.store, Timestamp::from_secs);
        let key = with_key(store, json!({"soft_budget": 5e-8})).await;
        spend(store, 1, &key, 10, 60, |_| {}).await;
        let mut seen = Seen::default();
        look(store, &mut seen, &["slack", "webhook"], 11).await;
        assert_eq!((store.alerts().waiting(1).await.unwrap(), store.alerts().waiting(9).await.unwrap()), (1, 2));
        let alerts = store.alerts();
        let first = alerts.claim(at(12), at(72)).await.unwrap().unwrap();
        let second = alerts.claim(at(12), at(72)).await.unwrap().unwrap();
        assert_ne!(first.channel, second.channel);
        assert_eq!(alerts.claim(at(71), at(99)).await.unwrap(), None, "both are taken");
        alerts.sent(&first).await.unwrap();
        alerts.failed(&second, "no route", Some(at(14))).await.unwrap();
        assert_eq!(alerts.claim(at(13), at(72)).await.unwrap(), None);
        let again = alerts.claim(at(14), at(72)).await.unwrap().unwrap();
        assert_eq!((&again.channel, again.attempts), (&second.channel, 2));
        // Whoever had it is dead.
        let third = alerts.claim(at(72), at(99)).await.unwrap().unwrap();
        assert_eq!(third.attempts, 3);
        alerts.failed(&third, "no route", None).await.unwrap();
        assert_eq!(alerts.claim(at(1_000), at(2_000)).await.unwrap(), None);
        let failed = alerts.list(Some(AlertState::Failed), 0, 10).await.unwrap();
        assert_eq!((failed.total, failed.rows[0].error.as_deref()), (1, Some("no route")));
        assert_eq!(alerts.prune(at(11), 10).await.unwrap(), 0);
        assert_eq!(alerts.prune(at(12), 10).await.unwrap(), 2);
    }

    async fn two_who_look_at_once_leave_one_alert(db: TestDb) {
        let store = &db.store;
        let key = with_key(store, json!({"soft_budget": 5e-8})).await;
        spend(store, 1, &key, 10, 60, |_| {}).await;
        let mut looks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            looks.spawn(async move { look(&store, &mut Seen::default(), SLACK, 11).await });
        }
        looks.join_all().await;
        assert_eq!(told(store).await.len(), 1);
    }
}
