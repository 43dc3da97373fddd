//! One table of calls becomes the first of many partitions, while gateways go on writing.

use jiff::ToSpan as _;
use kit::Timestamp;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::{DAYS_AHEAD, FIRST, IS_PARTITIONED, LOCK, NAME_IT, PATIENCE, day, midnight};
use crate::ledger::first_id;

const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock($1)";
const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM NOW()) * 1000000 AS BIGINT)";

/// What is there, and what comes until there are partitions, is from before. A promise about new rows is brief, whatever the
/// table's size; whether old ones keep it is looked up beside writers.
const PROMISE: &str = "DO $$ BEGIN
    ALTER TABLE usage_events DROP CONSTRAINT IF EXISTS usage_events_promise;
    EXECUTE format('ALTER TABLE usage_events ADD CONSTRAINT usage_events_promise CHECK (id < %L) NOT VALID',
                   current_setting('bulkhead.last_id'));
END $$";
const VALIDATE: &str = "ALTER TABLE usage_events VALIDATE CONSTRAINT usage_events_promise";
/// Also for whoever finds one that was left behind.
pub(super) const UNPROMISE: &str = "ALTER TABLE usage_events DROP CONSTRAINT IF EXISTS usage_events_promise";

/// Changes the catalogue alone: nothing is copied, and the promise spares reading. Every index keeps its name for the whole table.
const SWAP: &str = "DO $$
DECLARE old RECORD; part TEXT := current_setting('bulkhead.partition');
BEGIN
    LOCK TABLE usage_events IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('ALTER TABLE usage_events RENAME TO %I', part);
    EXECUTE format('CREATE TABLE usage_events (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (id)', part);
    FOR old IN SELECT c.relname AS name, i.indisprimary AS is_key, pg_get_indexdef(i.indexrelid) AS text
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(part) AND i.indisvalid LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', old.name, old.name || '_before');
        IF old.is_key THEN
            EXECUTE format('ALTER TABLE usage_events ADD CONSTRAINT %I PRIMARY KEY (id)', old.name);
        ELSE
            EXECUTE replace(old.text, part || ' USING', 'usage_events USING');
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
                   part, current_setting('bulkhead.last_id'));
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT usage_events_promise', part);
    CREATE TABLE usage_events_rest PARTITION OF usage_events DEFAULT;
END $$";

/// Changes nothing when it was done before. Ended in the middle it may be done again; should nobody do so, [`super::tend`]
/// takes the promise back before it can refuse a call.
pub(crate) async fn convert(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if sqlx::query_scalar::<_, bool>(IS_PARTITIONED).fetch_one(&mut *connection).await? {
        return Ok(());
    }
    let now = sqlx::query_scalar::<_, i64>(NOW).fetch_one(&mut *connection).await?;
    let after = day(Timestamp(now)).saturating_add(DAYS_AHEAD.days());
    let name = format!("{FIRST}_{}", after.strftime("%Y%m%d"));
    let last_id = first_id(midnight(after));
    for step in [PROMISE, VALIDATE, SWAP] {
        let mut tx = connection.begin().await?;
        sqlx::raw_sql(PATIENCE).execute(&mut *tx).await?;
        sqlx::query(TAKE_TURN).bind(LOCK).execute(&mut *tx).await?;
        if sqlx::query_scalar::<_, bool>(IS_PARTITIONED).fetch_one(&mut *tx).await? {
            return Ok(());
        }
        sqlx::query(NAME_IT).bind(&name).bind("").bind(&last_id).execute(&mut *tx).await?;
        let done = sqlx::raw_sql(step).execute(&mut *tx).await;
        if let Err(error) = done {
            tx.rollback().await?;
            take_back(connection).await;
            return Err(error);
        }
        tx.commit().await?;
    }
    Ok(())
}

/// If that cannot be, [`super::tend`] does it later.
async fn take_back(connection: &mut PgConnection) {
    let taken_back = async {
        let mut tx = connection.begin().await?;
        sqlx::raw_sql(PATIENCE).execute(&mut *tx).await?;
        sqlx::raw_sql(UNPROMISE).execute(&mut *tx).await?;
        tx.commit().await
    };
    if let Err(error) = taken_back.await {
        tracing::debug!(%error, "the promise about new calls stays for now");
    }
}
