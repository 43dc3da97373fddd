use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

use crate::support::TestDb;

#[tokio::test]
async fn every_statement_prepares_on_sqlite() {
    let db = TestDb::sqlite().await;
    let mut connection = SqliteConnection::connect(&db.settings.url).await.unwrap();
    for (name, text) in store::every_statement() {
        let prepared = (&mut connection).prepare(AssertSqlSafe(text).into_sql_str()).await;
        prepared.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    }
}

#[tokio::test]
async fn every_statement_prepares_on_postgres() {
    let db = TestDb::postgres().await;
    let mut connection = PgConnection::connect(&db.settings.url).await.unwrap();
    for (name, text) in store::every_statement() {
        let prepared = (&mut connection).prepare(AssertSqlSafe(text).into_sql_str()).await;
        prepared.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    }
}

/// A statement that is not in the list would escape the two tests above.
#[test]
fn the_list_has_the_statements_of_every_noun() {
    let names = store::every_statement().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    for name in [
        "GET",
        "LIST",
        "INSERT",
        "CHANGES",
        "FIND_WHO",
        "ASK_OF_ALL",
        "RECENT",
        "APPLIED",
        "TOTAL",
        "INSERT_EVENTS",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}
