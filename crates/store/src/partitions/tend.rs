//! Makes partitions for the days to come and drops those that are over.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use kit::Timestamp;
use sqlx::postgres::PgPool;

use super::convert::UNPROMISE;
use super::{DAYS_AHEAD, FIRST, IS_PARTITIONED, LOCK, NAME_IT, PATIENCE, after, day, midnight};
use crate::ledger::first_id;
use crate::{StoreError, partitions};

/// Calls that are kept for longer, or for ever, go by month: PostgreSQL locks every partition that a question may touch.
const DAILY_MAX: Duration = Duration::from_secs(100 * 86_400);
/// What a partition holds already that was to go into a new one.
const CHECK_VIOLATION: &str = "23514";

const TRY_TURN: &str = "SELECT pg_try_advisory_xact_lock($1)";
const IS_PROMISED: &str =
    "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'usage_events_promise')";
const PARTITIONS: &str =
    "SELECT CAST(c.relname AS TEXT) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                          WHERE i.inhparent = to_regclass('usage_events')";
const MAKE: &str = "DO $$
DECLARE part TEXT := current_setting('bulkhead.partition');
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE usage_events INCLUDING DEFAULTS INCLUDING INDEXES)', part);
    EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   part, current_setting('bulkhead.first_id'), current_setting('bulkhead.last_id'));
END $$";
const DROP: &str = "DO $$ BEGIN
    EXECUTE format('DROP TABLE %I', current_setting('bulkhead.partition'));
END $$";

/// Which calls do not go with a partition, but one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loose {
    /// Those that began before: nothing was partitioned then.
    pub before: Timestamp,
    /// Those that came when there was no partition for them.
    pub has_rest: bool,
}

/// Makes what is missing for the next days, and drops what ended before `now` less `keep`. Each change waits 300 ms for a
/// lock at most, and is a transaction of its own; whoever finds somebody else at it leaves it to them.
///
/// # Errors
/// When the database is away or does not allow it, or a lock was not free (transient); what was done stays.
pub(crate) async fn tend(pool: &PgPool, now: Timestamp, keep: Option<Duration>) -> Result<Loose, StoreError> {
    if !sqlx::query_scalar::<_, bool>(IS_PARTITIONED).fetch_one(pool).await? {
        if sqlx::query_scalar::<_, bool>(IS_PROMISED).fetch_one(pool).await? {
            change(pool, UNPROMISE, "", [Date::ZERO; 2]).await?;
        }
        return Ok(Loose { before: Timestamp(i64::MAX), has_rest: false });
    }
    let there = sqlx::query_scalar::<_, String>(PARTITIONS).fetch_all(pool).await?;
    make_ahead(pool, there.iter().filter_map(|name| after(name)).max(), day(now), keep).await?;
    let oldest = keep.map_or(Date::MIN, |keep| day(now.minus(keep)));
    let (over, kept) =
        there.iter().partition::<Vec<_>, _>(|name| after(name).is_some_and(|after| after <= oldest));
    for name in over {
        if change(pool, DROP, name, [oldest; 2]).await? {
            tracing::info!(partition = name, "calls that are older than is kept are gone");
        }
    }
    let first = kept.iter().find(|name| name.starts_with(FIRST)).and_then(|name| after(name));
    Ok(Loose { before: first.map_or(Timestamp(0), midnight), has_rest: true })
}

async fn make_ahead(
    pool: &PgPool,
    ends: Option<Date>,
    today: Date,
    keep: Option<Duration>,
) -> Result<(), StoreError> {
    let is_daily = keep.is_some_and(|keep| keep <= DAILY_MAX);
    let mut first = ends.map_or(today, |ends| ends.max(today));
    while first < today.saturating_add(DAYS_AHEAD.days()) {
        let next = if is_daily { first } else { first.last_of_month() }.saturating_add(1.day());
        first = match change(pool, MAKE, &partitions::name(first, next), [first, next]).await {
            Ok(true) => next,
            Ok(false) => break,
            // Calls of that day were written where those of no partition go, and stay there.
            Err(error) if is_taken(&error) => first.saturating_add(1.day()),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(())
}

/// One change; whether nobody else was at it.
async fn change(
    pool: &PgPool,
    text: &'static str,
    partition: &str,
    days: [Date; 2],
) -> Result<bool, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(PATIENCE).execute(&mut *tx).await?;
    if !sqlx::query_scalar::<_, bool>(TRY_TURN).bind(LOCK).fetch_one(&mut *tx).await? {
        return Ok(false);
    }
    let bounds = days.map(|day| first_id(midnight(day)));
    sqlx::query(NAME_IT).bind(partition).bind(&bounds[0]).bind(&bounds[1]).execute(&mut *tx).await?;
    match sqlx::raw_sql(text).execute(&mut *tx).await {
        Ok(_) => tx.commit().await.map(|()| true),
        Err(error) => {
            // At once: what is dropped goes on holding the turn for a while.
            tx.rollback().await?;
            Err(error)
        }
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(CHECK_VIOLATION))
}
