//! Calls at other prices: everything is as if they had cost that from the start.

use domain::UsageEvent;
use kit::{KeyHash, Money, Timestamp};
use store::Store;
use store::audit::{Actor, AuditQuery};
use store::keys::KeyPatch;
use store::ledger::{NewCost, Repriced};
use store::usage::{Differing, Pages, Repair};

use crate::rebuild::{DAY, DAYS, FIRST, FIRST_DAY, cells, cut_off, rebuild, ship};
use crate::support::{TestDb, actor, backends};
use crate::usage::{assert_sums, events_of};

/// The only column of each: what moves with the cost of calls.
const SPENT: [&str; 4] = [
    "SELECT id || ' ' || cost_nano || ' ' || price_version FROM usage_events ORDER BY id",
    "SELECT hash || ' ' || spend_nano FROM keys ORDER BY hash",
    "SELECT kind || ' ' || within || ' ' || id || ' ' || requests || ' ' || input_tokens || ' ' || output_tokens || ' ' || spend_nano
     FROM running_totals ORDER BY kind, within, id",
    "SELECT kind || ' ' || id || ' ' || duration || ' ' || starts_at || ' ' || base_nano FROM budget_windows ORDER BY kind, id, duration",
];

const TEAM: &str =
    "INSERT INTO teams (id, models, model_aliases, metadata, max_budget_nano, budget_duration, budget_limits,
                                       model_max_budget, blocked, extra, created_at, updated_at)
                    VALUES ('team-0', '[]', '{}', '{}', 100, '1d', '[]', '{}', 0, '{}', 1, 1)";

/// Nobody knows what `model-0` costs.
fn price(event: &UsageEvent) -> Option<NewCost> {
    let cost = Money(i64::try_from(event.outcome.usage.input).unwrap() * 7);
    (&*event.intent.model != "model-0").then(|| NewCost { cost, price_version: "later".into() })
}

/// As they would be if they had cost that from the start.
fn priced(events: &[UsageEvent]) -> Vec<UsageEvent> {
    let mut events = events.to_vec();
    for event in &mut events {
        if let Some(now) = price(event) {
            event.outcome.cost = now.cost;
            event.outcome.price_version = now.price_version;
        }
    }
    events
}

async fn spent(db: &TestDb) -> Vec<String> {
    let mut spent = Vec::new();
    for text in SPENT {
        spent.extend(db.texts(text).await);
    }
    spent
}

fn who() -> Actor {
    Actor { id: "bulkhead usage reprice".into(), ..actor(FIRST + 9 * DAY) }
}

async fn reprice(store: &Store, model: Option<&str>) -> Repriced {
    let mut all = Repriced::default();
    for day in FIRST_DAY..FIRST_DAY + DAYS {
        let mut pages = Pages::of_day(day).of(model.map(str::to_owned), None);
        while let Some(part) = store.repricing().apply(&mut pages, price, "the range", &who()).await.unwrap()
        {
            all += part;
        }
    }
    all
}

async fn look(store: &Store) -> Repriced {
    let mut all = Repriced::default();
    for day in FIRST_DAY..FIRST_DAY + DAYS {
        let mut pages = Pages::of_day(day);
        while let Some(part) = store.repricing().look(&mut pages, price).await.unwrap() {
            all += part;
        }
    }
    all
}

/// What the audit log says was spent before, and after.
async fn told(db: &TestDb) -> (usize, i64, i64) {
    let query = AuditQuery { action: Some("repriced".into()), size: 100, ..AuditQuery::default() };
    let entries = db.store.audit().list(&query).await.unwrap().rows;
    let sum = |value: fn(&store::audit::AuditEntry) -> &Option<String>| {
        let nano = entries.iter().map(|entry| {
            assert_eq!(
                (entry.actor.as_str(), entry.object_id.as_str()),
                ("bulkhead usage reprice", "the range")
            );
            let value: serde_json::Value = serde_json::from_str(value(entry).as_deref().unwrap()).unwrap();
            value["nano_dollars"].as_i64().unwrap()
        });
        nano.sum::<i64>()
    };
    (entries.len(), sum(|entry| &entry.before_value), sum(|entry| &entry.after_value))
}

/// Some of a team whose budget has days, of which one has ended.
async fn shipped(db: &TestDb, events: &[UsageEvent]) {
    db.execute(TEAM).await;
    db.store.windows().make_missing(&actor(FIRST + 2 * DAY)).await.unwrap();
    ship(db, events).await;
    assert_eq!(db.store.windows().end_due(&actor(FIRST + 4 * DAY)).await.unwrap(), 1);
}

async fn another_like(db: &TestDb) -> TestDb {
    if db.settings.url.starts_with("sqlite") { TestDb::sqlite().await } else { TestDb::postgres().await }
}

backends! {
    async fn all_is_as_if_calls_had_cost_that_from_the_start(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 700).await;
        shipped(&db, &events).await;
        let (before, wrong) = (spent(&db).await, look(&db.store).await);
        assert_eq!(spent(&db).await, before, "looking changes nothing");
        let done = reprice(&db.store, None).await;
        assert_eq!(done, wrong);
        assert!(done.calls == 700 && done.left > 100 && done.changed > 400 && done.before != done.after, "{done:?}");

        let (expected, other) = (priced(&events), another_like(&db).await);
        events_of(&other, FIRST, DAYS, 1).await;
        shipped(&other, &expected).await;
        // A call that costs the same keeps the word of how it was priced.
        let kept = |rows: Vec<String>| rows.into_iter().map(|row| row.replace(" 2026-01", " later")).collect::<Vec<_>>();
        assert_eq!(kept(spent(&db).await), kept(spent(&other).await));
        assert_eq!(cells(&db).await, cells(&other).await);
        assert_sums(&db, &expected, &["Asia/Kathmandu"]).await;
        assert_eq!(rebuild(&db.store, Repair::Look).await.unwrap(), Differing::default());

        let (entries, before, after) = told(&db).await;
        assert_eq!((before, after), (done.before.nano(), done.after.nano()));
        let spent_now = spent(&db).await;
        assert_eq!(reprice(&db.store, None).await.changed, 0);
        assert_eq!((spent(&db).await, told(&db).await.0), (spent_now, entries), "again, it changes nothing");
    }

    async fn one_model_alone_is_repriced(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 100).await;
        ship(&db, &events).await;
        let of_model = events.iter().filter(|event| &*event.intent.model == "model-1").count() as u64;
        assert_eq!(reprice(&db.store, Some("model-1")).await.calls, of_model);
        let versions = db.texts("SELECT DISTINCT model FROM usage_events WHERE price_version = 'later'").await;
        assert_eq!(versions, ["model-1"]);
    }

    async fn shippers_go_on_and_a_death_in_the_middle_loses_nothing(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 300).await;
        let (first, rest) = events.split_at(200);
        ship(&db, first).await;
        let shipper = db.another().await;
        let shipping = async {
            for batch in rest.chunks(5) {
                shipper.ledger().ship(batch, Timestamp(3)).await.unwrap();
            }
        };
        let repricing = async {
            let mut polls = 5;
            while !cut_off(reprice(&db.store, None), polls).await {
                polls = polls * 3 / 2;
            }
        };
        tokio::join!(shipping, repricing);
        reprice(&db.store, None).await;
        assert_eq!(look(&db.store).await.changed, 0);
        assert_eq!(rebuild(&db.store, Repair::Look).await.unwrap(), Differing::default());
        let expected = priced(&events);
        assert_sums(&db, &expected, &["UTC"]).await;
        let other = another_like(&db).await;
        events_of(&other, FIRST, DAYS, 1).await;
        other.store.ledger().ship(&expected, Timestamp(1)).await.unwrap();
        let kept = |rows: Vec<String>| rows.into_iter().map(|row| row.replace(" 2026-01", " later")).collect::<Vec<_>>();
        assert_eq!(kept(spent(&db).await), kept(spent(&other).await));
    }

    async fn what_a_key_spent_is_its_heirs(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 60).await;
        ship(&db, &events).await;
        let spent = async || {
            let sum = db.texts("SELECT CAST(SUM(spend_nano) AS TEXT) FROM keys").await;
            sum[0].parse::<i64>().unwrap()
        };
        let of_keys = |events: &[UsageEvent]| {
            let costs = events.iter().filter(|event| event.intent.key.is_some()).map(|event| event.outcome.cost.nano());
            costs.sum::<i64>()
        };
        assert_eq!(spent().await, of_keys(&events));
        let heir = (KeyHash::of("sk-heir"), "sk-...heir".to_owned());
        let moved = db.store.keys().regenerate(KeyHash::of("sk-one"), heir, KeyPatch::default(), &actor(5)).await;
        assert!(moved.unwrap().is_some());
        reprice(&db.store, None).await;
        assert_eq!(spent().await, of_keys(&priced(&events)));
    }
}
