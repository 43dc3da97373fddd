use kit::{Money, Timestamp};
use store::spend::{LogQuery, Range, Scope, Split, Steps};

use crate::support::{TestDb, backends, event};

const DAY: i64 = 86_400;

fn days(from: i64, until: i64) -> Range {
    Range::new(Timestamp::from_secs(from * DAY), Timestamp::from_secs(until * DAY))
}

async fn seed(db: &TestDb) {
    let (one, two) = (db.add_key("sk-one").await, db.add_key("sk-two").await);
    let mut other_model = event(4, Some(&two), 12 * DAY, 8);
    other_model.intent.model = "gpt-4o".into();
    other_model.intent.provider = "openai".into();
    other_model.intent.user_id = Some("bob".into());
    other_model.outcome.ended_at = Timestamp(other_model.intent.started_at.micros() + 4_000_000);
    let events = [
        event(1, Some(&one), 10 * DAY, 1),
        event(2, Some(&one), 11 * DAY - 1, 2),
        event(3, None, 11 * DAY, 4),
        other_model,
    ];
    db.store.ledger().ship(&events, Timestamp(1)).await.unwrap();
}

backends! {
    async fn a_series_has_the_days_of_its_time_zone(db: TestDb) {
        seed(&db).await;
        let spend = db.store.spend();
        let of = |points: Vec<store::spend::Point>| {
            points.into_iter().map(|point| (point.at.secs(), point.totals.cost_nano)).collect::<Vec<_>>()
        };
        let utc = spend.series(days(0, 99), Steps::DAYS, Split::Nothing, &Scope::default()).await.unwrap();
        assert_eq!(of(utc), [(10 * DAY, 3), (11 * DAY, 4), (12 * DAY, 8)]);
        // +05:45: the call one second before midnight UTC belongs to the next day there.
        let kathmandu = Steps { offset_quarters: 23, ..Steps::DAYS };
        let offset = 23 * 900;
        let shifted = spend.series(days(0, 99), kathmandu, Split::Nothing, &Scope::default()).await.unwrap();
        assert_eq!(of(shifted), [(10 * DAY - offset, 1), (11 * DAY - offset, 6), (12 * DAY - offset, 8)]);
        let hours = Steps { width_quarters: 4, offset_quarters: 0 };
        let hourly = spend.series(days(10, 11), hours, Split::Nothing, &Scope::default()).await.unwrap();
        assert_eq!(of(hourly), [(10 * DAY, 1), (11 * DAY - 3600, 2)]);
    }

    async fn a_series_splits_by_model_and_user(db: TestDb) {
        seed(&db).await;
        let spend = db.store.spend();
        let models = spend.series(days(12, 13), Steps::DAYS, Split::Model, &Scope::default()).await.unwrap();
        assert_eq!((models.len(), models[0].name.as_str(), models[0].totals.spend()), (1, "gpt-4o", Money(8)));
        let users = spend.series(days(10, 13), Steps::DAYS, Split::User, &Scope::default()).await.unwrap();
        let users = users.into_iter().map(|point| (point.name, point.totals.cost_nano)).collect::<Vec<_>>();
        assert_eq!(users, [("bob".into(), 8), (String::new(), 4), ("ada".into(), 3)]);
    }

    async fn shares_come_dearest_first(db: TestDb) {
        seed(&db).await;
        let spend = db.store.spend();
        let range = days(10, 13);
        let models = spend.by_model(range, &Scope::default(), 10).await.unwrap();
        let models = models.into_iter().map(|share| (share.name, share.totals.cost_nano)).collect::<Vec<_>>();
        assert_eq!(models, [("gpt-4o".into(), 8), ("claude-opus".into(), 7)]);
        let providers = spend.by_provider(range, &Scope::default(), 1).await.unwrap();
        assert_eq!((providers.len(), providers[0].name.as_str()), (1, "openai"));
        let keys = spend.by_key(range, &Scope::default(), 10).await.unwrap();
        let names = keys.iter().map(|key| key.key_alias.as_deref()).collect::<Vec<_>>();
        assert_eq!(names, [Some("alias of sk-two"), None, Some("alias of sk-one")]);
        let scope = Scope { user_id: Some("bob".into()), ..Scope::default() };
        assert_eq!(spend.totals(range, &scope).await.unwrap().requests, 1);
    }

    async fn percentiles_come_from_the_histogram(db: TestDb) {
        seed(&db).await;
        let latency = db.store.spend().latency(days(10, 13)).await.unwrap();
        let near = |micros: Option<i64>, expected: i64| (micros.unwrap() - expected).abs() * 10 < expected;
        assert!(near(latency.percentile(50), 250_000), "{latency:?}");
        assert!(near(latency.percentile(95), 4_000_000), "{latency:?}");
        assert_eq!(db.store.spend().latency(days(50, 51)).await.unwrap().percentile(50), None);
    }

    async fn logs_are_found_by_any_id_newest_first(db: TestDb) {
        seed(&db).await;
        let logs = async |query: LogQuery| {
            let query = LogQuery { size: query.size.max(10), ..query };
            let rows = db.store.spend().logs(&query).await.unwrap();
            rows.into_iter().map(|event| event.intent.id.as_u128() & 0xffff).collect::<Vec<_>>()
        };
        let all = LogQuery::default();
        assert_eq!(logs(all.clone()).await, [4, 3, 2, 1]);
        let one = kit::KeyHash::of("sk-one").to_hex();
        assert_eq!(logs(LogQuery { api_key: Some(one.clone()), ..all.clone() }).await, [2, 1]);
        assert_eq!(logs(LogQuery { user_id: Some("bob".into()), ..all.clone() }).await, [4]);
        let both = LogQuery { user_id: Some("bob".into()), api_key: Some(one), ..all.clone() };
        assert!(logs(both).await.is_empty());
        let rows = db.store.spend().logs(&LogQuery { size: 10, ..all.clone() }).await.unwrap();
        let id = rows[1].intent.id;
        for text in [id.to_string(), format!("call-{id}"), format!("resp-{id}")] {
            assert_eq!(logs(LogQuery { request_id: Some(text.clone()), ..all.clone() }).await, [3], "{text}");
        }
        let eleventh = LogQuery {
            from: Some(Timestamp::from_secs(11 * DAY)),
            until: Some(Timestamp::from_secs(12 * DAY)),
            ..all.clone()
        };
        assert_eq!(logs(eleventh).await, [3]);
        let page = LogQuery { page: 1, size: 3, ..all };
        assert_eq!(db.store.spend().logs(&page).await.unwrap().len(), 1);
    }
}

/// A report that cannot go on is stopped in its time and says so.
#[tokio::test]
async fn a_report_that_waits_too_long_ends_on_postgres() {
    use sqlx::{Connection, PgConnection};

    let mut db = TestDb::postgres().await;
    db.settings.analytics_timeout = std::time::Duration::from_millis(50);
    let impatient = db.another().await;
    let mut other = PgConnection::connect(&db.settings.url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("LOCK TABLE usage_quarters IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let ended = impatient.spend().totals(days(0, 9), &Scope::default()).await;
    assert!(matches!(ended, Err(store::StoreError::Timeout(_))), "{ended:?}");
}
