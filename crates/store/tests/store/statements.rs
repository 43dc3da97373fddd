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

/// A newer version adds columns while this one serves. PostgreSQL refuses a prepared statement whose result would have other
/// columns than before, until its connection is closed; so none may say `*` of a table in its result.
#[tokio::test]
async fn no_prepared_statement_minds_another_column() {
    const ANOTHER_COLUMN: &str = "DO $$ DECLARE name TEXT; BEGIN
        FOR name IN SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER TABLE %I ADD COLUMN another TEXT', name);
        END LOOP; END $$";
    const PARAMETERS: &str =
        "SELECT CAST(CARDINALITY(parameter_types) AS BIGINT) FROM pg_prepared_statements WHERE name = $1";
    let db = TestDb::postgres().await;
    let mut connection = PgConnection::connect(&db.settings.url).await.unwrap();
    let mut executions = Vec::new();
    for (number, (name, text)) in store::every_statement().into_iter().enumerate() {
        let prepared = format!("PREPARE s{number} AS {text}");
        sqlx::raw_sql(AssertSqlSafe(prepared)).execute(&mut connection).await.unwrap();
        let parameters = sqlx::query_scalar::<_, i64>(PARAMETERS).bind(format!("s{number}"));
        let nulls = vec!["NULL"; parameters.fetch_one(&mut connection).await.unwrap() as usize].join(", ");
        let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
        executions.push((name, text, format!("EXPLAIN EXECUTE s{number}{arguments}")));
    }
    sqlx::raw_sql(ANOTHER_COLUMN).execute(&mut connection).await.unwrap();
    let mut refused = Vec::new();
    for (name, text, execution) in executions {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(execution)).execute(&mut connection).await {
            refused.push(format!(
                "{name}: {error}: {}",
                text.split_whitespace().take(12).collect::<Vec<_>>().join(" ")
            ));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
