//! What only older versions needed is taken away when none of them runs.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use store::StoreError;

use crate::support::{TestDb, actor, backends, key};

/// A change as versions before 0110 of `finish` note it.
const OLD_CHANGE: &str =
    "INSERT INTO policy_changes (seq, at, kind, within, key_hash, action, actor, changed_by)
                          VALUES (1000000, 1, 'key', '', 'hash', 'updated', 'admin', 'ada')";

fn pending(db: &[store::Migration]) -> Vec<i64> {
    db.iter().filter(|step| !step.applied).map(|step| step.version).collect()
}

/// Another process, by the name that it tells.
async fn connected_as(db: &TestDb, name: &str) -> PgConnection {
    let options = db.settings.url.parse::<PgConnectOptions>().unwrap().application_name(name);
    PgConnection::connect_with(&options).await.unwrap()
}

/// Whether `finish` was refused because of an older version.
async fn is_refused(db: &TestDb) -> bool {
    match db.store.migrate_finish(false).await {
        Ok(()) => false,
        Err(StoreError::NotYet(sentence)) => {
            assert!(sentence.contains("older version") && sentence.contains("127.0.0.1"), "{sentence}");
            true
        }
        Err(other) => panic!("{other}"),
    }
}

backends! {
    async fn what_nobody_needs_goes_once(db: TestDb) {
        let store = &db.store;
        db.add_key("sk-before").await;
        db.execute(OLD_CHANGE).await;
        assert_eq!(pending(&store.migration_status().await.unwrap().finish), [110, 111]);
        store.migrate_finish(true).await.unwrap();
        let status = store.migration_status().await.unwrap();
        assert!(status.is_current() && status.unfinished() == 0, "{status:?}");
        let after = key("sk-after");
        store.keys().create(&after, &actor(2)).await.unwrap();
        let kept = db.texts("SELECT action FROM policy_changes ORDER BY seq").await;
        assert_eq!(kept, ["created", "created", "updated"]);
        store.migrate_finish(false).await.unwrap();
        store.migrate_up().await.unwrap();
    }

    async fn keys_that_an_older_version_made_can_be_searched_afterwards(db: TestDb) {
        db.add_key("sk-of-old").await;
        db.execute("DELETE FROM key_search").await;
        db.store.migrate_finish(true).await.unwrap();
        assert_eq!(db.texts("SELECT text FROM key_search").await, ["alias of sk-of-old ~ ada ~ "]);
    }
}

#[tokio::test]
async fn it_waits_for_up() {
    let db = TestDb::brought_to(testkit::postgres::database().unwrap(), None, 91).await;
    let refused = db.store.migrate_finish(true).await.unwrap_err();
    assert!(
        refused.is_transient() && refused.to_string().contains("migrations of `up` have not run"),
        "{refused}"
    );
}

#[tokio::test]
async fn it_is_refused_while_an_older_version_is_connected() {
    let db = TestDb::postgres().await;
    for old in ["bulkhead", "bulkhead/0", "bulkhead/109", "bulkhead/what"] {
        let process = connected_as(&db, old).await;
        assert!(is_refused(&db).await, "{old}");
        process.close().await.unwrap();
    }
    // The server notices a moment later that they are gone.
    let allowed = async { while is_refused(&db).await {} };
    tokio::time::timeout(Duration::from_secs(10), allowed).await.unwrap();
}

#[tokio::test]
async fn versions_as_new_or_newer_and_strangers_do_not_hold_it_up() {
    let db = TestDb::postgres().await;
    let another = db.another().await;
    another.policy().head().await.unwrap();
    let _newer = connected_as(&db, "bulkhead/999999").await;
    let _stranger = connected_as(&db, "psql").await;
    assert!(!is_refused(&db).await);
}

#[tokio::test]
async fn it_can_be_known_that_all_are_new() {
    let db = TestDb::postgres().await;
    let _old = connected_as(&db, "bulkhead").await;
    assert!(is_refused(&db).await);
    db.store.migrate_finish(true).await.unwrap();
    assert!(!is_refused(&db).await, "nothing is left to be done");
}

/// Steps of before the first release are as they are; those after add, and hold up no writer.
#[test]
fn steps_of_up_only_add() {
    const LAST_OF_BEFORE: i64 = 92;
    let steps = sqlx::migrate!("./migrations");
    for step in steps.iter().filter(|step| step.version > LAST_OF_BEFORE) {
        let text = step.sql.as_str().to_uppercase();
        let lines = || text.lines().map(|line| line.split("--").next().unwrap_or_default());
        for taken in ["DROP ", "RENAME ", "ALTER COLUMN"] {
            assert!(
                lines().all(|line| !line.contains(taken)),
                "{}: `{taken}` belongs into `finish`",
                step.version
            );
        }
        for line in lines().filter(|line| line.contains(" INDEX ")) {
            let table =
                line.split(" ON ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
            let is_new = lines().any(|line| line.contains(&format!("CREATE TABLE {table} ")));
            assert!(
                is_new,
                "{}: an index of {table} is built beside writers, as `key_search_text` is",
                step.version
            );
        }
    }
}
