//! Where reads go when there is a reader. A real one, that lags and dies, is in `e2e/test_reader.py`.

use kit::Timestamp;
use store::keys::KeyQuery;
use store::{ReaderStatus, Settings, Store};

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
