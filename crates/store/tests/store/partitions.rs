//! Calls go by the time in their ids: on both databases what is too old, on PostgreSQL as whole partitions.

use std::time::Duration;

use domain::UsageEvent;
use kit::{SeededRng, Timestamp, new_id};
use sqlx::{AssertSqlSafe, Connection, Either, Executor, PgConnection, SqlSafeStr, Statement, TypeInfo};
use store::Store;

use crate::support::{TestDb, backends, event};

const DAY: i64 = 86_400;
/// Midnight of 2026-11-23.
const TODAY: i64 = 1_795_392_000;
const PARTITIONS: &str = "SELECT CAST(inhrelid::regclass AS TEXT) FROM pg_inherits
                          WHERE inhparent = 'usage_events'::regclass ORDER BY 1";
const INDEXES: &str =
    "SELECT CAST(indexdef AS TEXT) FROM pg_indexes WHERE tablename = 'usage_events' ORDER BY 1";
const PROMISES: &str =
    "SELECT CAST(conname AS TEXT) FROM pg_constraint WHERE conname = 'usage_events_promise'";

const fn days(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count * DAY as u64))
}

/// Calls with ids of their time.
fn calls(started_secs: impl IntoIterator<Item = i64>) -> Vec<UsageEvent> {
    let at = started_secs.into_iter().enumerate();
    let calls = at.map(|(number, secs)| {
        let mut call = event(0, None, secs, 3);
        let id = new_id(Timestamp::from_secs(secs), &mut SeededRng::new(number as u64 + secs as u64));
        (call.intent.id, call.outcome.id) = (id, id);
        call.intent.call_id = format!("call-{number}-{secs}").into();
        call
    });
    calls.collect()
}

async fn ship(store: &Store, calls: &[UsageEvent]) -> usize {
    store.ledger().ship(calls, Timestamp::from_secs(TODAY)).await.unwrap().inserted
}

async fn keep(store: &Store, secs: i64, keep: Option<Duration>) {
    while store.ledger().keep(Timestamp::from_secs(secs), keep).await.unwrap() {}
}

/// When the calls that are there began, in days before today.
async fn there(db: &TestDb) -> Vec<i64> {
    let started = db.texts("SELECT CAST(started_at AS TEXT) FROM usage_events ORDER BY started_at").await;
    started.iter().map(|at| (TODAY - at.parse::<i64>().unwrap() / 1_000_000) / DAY).collect()
}

async fn partitions(db: &TestDb) -> Vec<String> {
    db.texts(PARTITIONS).await
}

/// Of how many calls a partition consists.
async fn count(db: &TestDb, partition: &str) -> String {
    db.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {partition}")).await.remove(0)
}

/// With the schema of before there were partitions.
async fn in_one_table() -> TestDb {
    TestDb::brought_to(testkit::postgres::database().unwrap(), None, i64::MAX).await
}

backends! {
    async fn calls_go_when_they_are_older_than_is_kept(db: TestDb) {
        let store = &db.store;
        let old = (0..2500).map(|number| TODAY - 31 * DAY + number);
        assert_eq!(ship(store, &calls(old.chain([TODAY - 29 * DAY, TODAY]))).await, 2502);
        keep(store, TODAY, None).await;
        assert_eq!(there(&db).await.len(), 2502);
        assert!(store.ledger().keep(Timestamp::from_secs(TODAY), days(30)).await.unwrap(), "a part at a time");
        keep(store, TODAY, days(30)).await;
        assert_eq!(there(&db).await, [29, 0]);
        let counted = db.texts("SELECT CAST(SUM(requests) AS TEXT) FROM usage_quarters WHERE level = 0").await;
        assert_eq!(counted, ["2502"], "what was counted stays counted");
    }
}

#[tokio::test]
async fn a_table_becomes_partitions_while_it_is_written_to() {
    let db = in_one_table().await;
    let store = &db.store;
    let now = db.texts("SELECT CAST(CAST(EXTRACT(EPOCH FROM NOW()) AS BIGINT) AS TEXT)").await[0]
        .parse::<i64>()
        .unwrap();
    let old = calls((0..500).map(|number| TODAY - number * DAY));
    ship(store, &old).await;
    let before = db.texts(INDEXES).await;
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            let mut written = 0;
            for second in 0..200 {
                written += ship(&store, &calls([now + second])).await;
            }
            written
        }
    });
    store.migrate_up().await.unwrap();
    assert_eq!(writing.await.unwrap(), 200);
    assert_eq!(there(&db).await.len(), 700);
    assert_eq!(
        db.texts(INDEXES).await,
        before.iter().map(|text| text.replace(" ON public", " ON ONLY public")).collect::<Vec<_>>()
    );
    assert_eq!(db.texts(PROMISES).await, [""; 0]);
    let parts = partitions(&db).await;
    assert_eq!((parts.len(), &*parts[1]), (2, "usage_events_rest"), "{parts:?}");
    assert_eq!(ship(store, &old).await, 0, "what is there is there once");
    store.migrate_up().await.unwrap();
    assert_eq!(partitions(&db).await, parts);
}

#[tokio::test]
async fn a_conversion_that_was_ended_in_the_middle_refuses_no_call_and_is_done_again() {
    let db = in_one_table().await;
    let promise = "ALTER TABLE usage_events ADD CONSTRAINT usage_events_promise CHECK (id < '0') NOT VALID";
    db.execute(promise).await;
    keep(&db.store, TODAY, None).await;
    assert_eq!(db.texts(PROMISES).await, [""; 0], "the backend takes it back");
    ship(&db.store, &calls([TODAY])).await;
    db.execute(promise).await;
    db.store.migrate_up().await.unwrap();
    assert_eq!(partitions(&db).await.len(), 2);
}

#[tokio::test]
async fn a_conversion_waits_for_its_lock_briefly_and_leaves_all_as_it_was() {
    let db = in_one_table().await;
    let mut other = PgConnection::connect(&db.settings.url).await.unwrap();
    let mut tx = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE usage_events IN ACCESS SHARE MODE").execute(&mut *tx).await.unwrap();
    let refused = db.store.migrate_up().await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    tx.commit().await.unwrap();
    assert_eq!(db.texts(PROMISES).await, [""; 0]);
    db.store.migrate_up().await.unwrap();
    assert_eq!(partitions(&db).await.len(), 2);
}

#[tokio::test]
async fn there_is_a_partition_for_each_day_and_old_ones_go_as_a_whole() {
    let db = TestDb::postgres().await;
    let store = &db.store;
    // The first partition holds all until a week after the test runs, whenever that is.
    let first_ends = partitions(&db).await.remove(0);
    let start = jiff::civil::Date::strptime("%Y%m%d", first_ends.rsplit('_').next().unwrap()).unwrap();
    let start = start.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
    keep(store, start, days(10)).await;
    let parts = partitions(&db).await;
    assert_eq!(parts.len(), 2 + 7, "{parts:?}");
    ship(store, &calls([start - 1, start, start + DAY - 1, start + DAY])).await;
    let daily =
        parts.iter().filter(|name| !name.contains("before") && !name.contains("rest")).collect::<Vec<_>>();
    assert_eq!((count(&db, daily[0]).await, count(&db, daily[1]).await), ("2".into(), "1".into()));
    assert_eq!(count(&db, &first_ends).await, "1");
    keep(store, start + 6 * DAY, days(10)).await;
    keep(store, start + 11 * DAY - 1, days(10)).await;
    assert!(!partitions(&db).await.contains(&first_ends), "it is over");
    assert_eq!(there(&db).await.len(), 3, "the others go with their days");
    keep(store, start + 11 * DAY, days(10)).await;
    assert_eq!(there(&db).await.len(), 1);
    assert!(!partitions(&db).await.contains(daily[0]));
    assert!(partitions(&db).await.contains(daily[1]));
}

#[tokio::test]
async fn calls_of_days_for_which_nobody_made_a_partition_are_kept_and_go_too() {
    let db = TestDb::postgres().await;
    let (store, late) = (&db.store, TODAY + 4000 * DAY);
    ship(store, &calls([late, late + DAY + 5])).await;
    assert_eq!(count(&db, "usage_events_rest").await, "2");
    keep(store, late, days(3)).await;
    let parts = partitions(&db).await;
    assert_eq!(parts.len(), 1 + 5, "not for the two days that have calls already: {parts:?}");
    ship(store, &calls([late + 2 * DAY])).await;
    assert_eq!(count(&db, "usage_events_rest").await, "2");
    keep(store, late + 4 * DAY, days(3)).await;
    assert_eq!(count(&db, "usage_events_rest").await, "1");
    assert_eq!(there(&db).await.len(), 2);
}

#[tokio::test]
async fn what_is_kept_for_ever_goes_by_month() {
    let db = TestDb::postgres().await;
    keep(&db.store, TODAY + 4000 * DAY, None).await;
    let parts = partitions(&db).await;
    // 2037-11-05.
    assert!(parts.contains(&"usage_events_20371105_20371201".to_owned()), "{parts:?}");
    assert_eq!(parts.len(), 3);
    keep(&db.store, TODAY + 4020 * DAY, None).await;
    assert!(partitions(&db).await.contains(&"usage_events_20371201_20380101".to_owned()));
}

/// The number of the placeholder that a column is compared with.
fn compared(text: &str, comparison: &str) -> Option<usize> {
    let (_, number) = text.split_once(comparison)?;
    number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The plan of a statement for calls whose ids begin with `id`; `None` when it does not ask for ids.
async fn plan(connection: &mut PgConnection, text: &'static str, id: &str) -> Option<String> {
    let first = compared(text, "id >= $")?;
    let last = compared(text, "id < $");
    let statement = connection.prepare(AssertSqlSafe(text).into_sql_str()).await.unwrap();
    let Some(Either::Left(types)) = statement.parameters() else { panic!("{text}") };
    let mut query = sqlx::query_scalar::<_, String>(AssertSqlSafe(format!("EXPLAIN {text}")));
    let mut times = 0..2_i64;
    for (number, kind) in (1..).zip(types) {
        query = match kind.name() {
            "TEXT" if number == first => query.bind(id.to_owned()),
            "TEXT" if Some(number) == last => query.bind("g"),
            // Where a kind of owner is asked for, it has to be one.
            "TEXT" => query.bind("team"),
            // The bounds of the time come first; other numbers are not asked for.
            _ => query.bind(times.next()),
        };
    }
    Some(query.fetch_all(connection).await.unwrap().join("\n"))
}

#[tokio::test]
async fn what_reads_calls_of_a_time_looks_into_no_older_partition() {
    let db = TestDb::postgres().await;
    let first = partitions(&db).await.remove(0);
    let start = jiff::civil::Date::strptime("%Y%m%d", first.rsplit('_').next().unwrap()).unwrap();
    let start = start.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
    keep(&db.store, start, days(10)).await;
    let of_start = event(0, None, start, 0).intent.id.to_string();
    let mut connection = PgConnection::connect(&db.settings.url).await.unwrap();
    let reads_calls = |text: &str| text.contains("FROM usage_events") || text.contains("JOIN usage_events");
    let mut seen = 0;
    for (name, text) in store::every_statement() {
        if !reads_calls(text) || !text.contains("started_at >=") {
            continue;
        }
        let plan = plan(&mut connection, text, &of_start).await;
        let plan = plan.unwrap_or_else(|| panic!("{name} looks into every partition:\n{text}"));
        assert!(plan.contains("usage_events_rest"), "{name}:\n{plan}");
        assert!(!plan.contains(&first), "{name}:\n{plan}");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}
