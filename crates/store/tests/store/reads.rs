//! Where reads go when there is a reader. A real one, that lags and dies, is in `e2e/test_reader.py`.

use std::time::Duration;

use kit::Timestamp;
use sqlx::{Connection, PgConnection};
use store::keys::KeyQuery;
use store::usage::{Question, Timeline};
use store::{ReaderStatus, Settings, Store};
use tokio::time::timeout;

use crate::support::{TestDb, actor, key};

/// A writer's store that reads from what `reader_url` names.
async fn with_reader(writer: &TestDb, reader_url: &str) -> Store {
    let settings = Settings { reader_url: Some(reader_url.into()), ..writer.settings.clone() };
    Store::connect(&settings).await.unwrap()
}

async fn listed(store: &Store) -> usize {
    store.keys().list(&KeyQuery::default(), Timestamp::from_secs(500)).await.unwrap().rows.len()
}

fn status(store: &Store) -> ReaderStatus {
    store.reader_status().unwrap()
}

#[tokio::test]
async fn a_reader_that_has_seen_everything_serves() {
    let writer = TestDb::postgres().await;
    let store = with_reader(&writer, &writer.settings.url).await;
    store.keys().create(&key("sk-one"), &actor(1)).await.unwrap();
    assert_eq!(listed(&store).await, 1);
    assert_eq!(status(&store), ReaderStatus { served: 1, behind: 0, away: 0 });
    assert!(writer.store.reader_status().is_none());
}

/// A database in which nothing was ever written stands for a reader to which the writes have not come.
#[tokio::test]
async fn a_reader_that_is_behind_is_passed_by_whoever_wrote() {
    let (writer, reader) = (TestDb::postgres().await, TestDb::postgres().await);
    let store = with_reader(&writer, &reader.settings.url).await;
    assert_eq!((listed(&store).await, status(&store).served), (0, 1));
    // By another process.
    writer.add_key("sk-one").await;
    assert_eq!(listed(&store).await, 1);
    assert_eq!(status(&store), ReaderStatus { served: 1, behind: 1, away: 0 });
}

#[tokio::test]
async fn a_reader_that_is_away_costs_no_read() {
    let writer = TestDb::postgres().await;
    let store = with_reader(&writer, "postgres://bulkhead@127.0.0.1:1/none").await;
    writer.add_key("sk-one").await;
    assert_eq!((listed(&store).await, listed(&store).await), (1, 1));
    assert_eq!(status(&store), ReaderStatus { served: 0, behind: 0, away: 2 });
}

#[tokio::test]
async fn a_reader_that_fails_in_the_middle_is_replaced() {
    let (writer, reader) = (TestDb::postgres().await, TestDb::postgres().await);
    reader.execute("DROP TABLE keys CASCADE").await;
    let store = with_reader(&writer, &reader.settings.url).await;
    assert_eq!(listed(&store).await, 0);
    assert_eq!(status(&store), ReaderStatus { served: 1, behind: 0, away: 1 });
}

#[tokio::test]
async fn reads_in_place_of_the_reader_take_turns() {
    let writer = TestDb::postgres().await;
    let store = with_reader(&writer, "postgres://bulkhead@127.0.0.1:1/none").await;
    let reads = (0..40).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { listed(&store).await })
    });
    for read in reads.collect::<Vec<_>>() {
        assert_eq!(read.await.unwrap(), 0);
    }
}

/// Statements of reports that the server works on.
async fn reports(server: &mut PgConnection) -> i64 {
    let running =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
                   AND application_name = 'bulkhead-reports'";
    sqlx::query_scalar(running).fetch_one(server).await.unwrap()
}

async fn until_reports(server: &mut PgConnection, wanted: i64, limit: Duration) {
    let reached = async {
        while reports(server).await != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(limit, reached).await.unwrap_or_else(|_| panic!("never were {wanted} reports on the server"));
}

/// More than there are connections for reports: a statement that went on would keep the next one out.
#[tokio::test]
async fn a_report_ends_on_the_server_when_its_caller_leaves() {
    let writer = TestDb::postgres().await;
    for store in [writer.another().await, with_reader(&writer, &writer.settings.url).await] {
        let mut server = PgConnection::connect(&writer.settings.url).await.unwrap();
        let mut locker = PgConnection::connect(&writer.settings.url).await.unwrap();
        let mut lock = locker.begin().await.unwrap();
        sqlx::query("LOCK TABLE usage_quarters, usage_days, usage_months").execute(&mut *lock).await.unwrap();
        let question = Question {
            timeline: Timeline::new([0, 96]).unwrap(),
            by: [None; 2],
            filters: vec![],
            among: vec![],
            limit: 1,
        };
        for _ in 0..3 {
            let asked = (0..4).map(|_| {
                let (store, question) = (store.clone(), question.clone());
                tokio::spawn(
                    async move { store.usage().ask(&question).await.map(|answers| answers.rows.len()) },
                )
            });
            let asked = asked.collect::<Vec<_>>();
            until_reports(&mut server, 4, Duration::from_secs(10)).await;
            asked.iter().for_each(|report| report.abort());
            until_reports(&mut server, 0, Duration::from_secs(1)).await;
        }
        lock.rollback().await.unwrap();
        assert_eq!(store.usage().ask(&question).await.unwrap().rows.len(), 0);
    }
}
