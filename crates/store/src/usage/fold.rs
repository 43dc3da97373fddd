//! Folds quarter-hours that are over into days and months.

use kit::Timestamp;

use super::cells::{Grain, added, columns};
use super::{QUARTERS_PER_DAY, Usage, quarter_of};
use crate::StoreError;
use crate::db::{Db, Tx, on};
use crate::sql::statements;

/// Quarter-hours that one transaction folds: it holds the shippers' lock meanwhile.
const QUARTERS_AT_ONCE_MAX: i64 = 4;
/// How long a quarter-hour is left alone when it is over, in quarter-hours: calls are shipped when they end.
const GRACE_QUARTERS: i64 = 1;

// By level, since that is how the cells are ordered.
macro_rules! levels {
    () => {
        " WHERE level IN (0, 1, 2, 3, 4, 5) AND at >= $1 AND at < $2 "
    };
}
macro_rules! fold {
    ($table:literal) => {
        concat!(
            "INSERT INTO ", $table, " AS u ", columns!(),
            "SELECT level, CAST($3 AS BIGINT), who, what, CAST(SUM(requests) AS BIGINT), CAST(SUM(attempts) AS BIGINT),
               CAST(SUM(failures) AS BIGINT), CAST(SUM(refusals) AS BIGINT), CAST(SUM(cancellations) AS BIGINT),
               CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT),
               CAST(SUM(cache_read_tokens) AS BIGINT), CAST(SUM(cache_write_tokens) AS BIGINT),
               CAST(SUM(reasoning_tokens) AS BIGINT), CAST(SUM(cost_nano) AS BIGINT),
               CAST(SUM(duration_micros) AS BIGINT)
             FROM usage_quarters ", levels!(), " GROUP BY level, who, what ", added!()
        )
    };
}
macro_rules! fold_latency {
    ($table:literal) => {
        concat!(
            "INSERT INTO ", $table, " AS l (level, kind, at, who, what, bucket, requests)
             SELECT level, kind, CAST($3 AS BIGINT), who, what, bucket, CAST(SUM(requests) AS BIGINT)
             FROM latency_quarters WHERE level IN (0, 2) AND kind IN (0, 1) AND at >= $1 AND at < $2
             GROUP BY level, kind, who, what, bucket
             ON CONFLICT (level, kind, at, who, what, bucket) DO UPDATE SET requests = l.requests + excluded.requests"
        )
    };
}

statements! {
    // Shippers wait for whoever holds the clock, and the other way round.
    LOCK = "UPDATE ledger_clock SET folded_until = folded_until WHERE id = 1 RETURNING folded_until";
    NEXT = "SELECT MIN(at) FROM usage_quarters WHERE level = 0 AND at >= $1";
    MOVE = "UPDATE ledger_clock SET folded_until = $1 WHERE id = 1";
    // What is not kept was no longer asked for when it goes: the bound moves a round before.
    NOT_KEPT = "SELECT MIN(u.at) FROM ledger_clock c JOIN usage_quarters u ON u.level = 0 AND u.at < c.kept_since WHERE c.id = 1";
    KEEP = "UPDATE ledger_clock SET kept_since = $1 WHERE id = 1 AND kept_since < $1 AND folded_until >= $1";
    DROP_USAGE = concat!("DELETE FROM usage_quarters ", levels!());
    DROP_LATENCY = "DELETE FROM latency_quarters WHERE level IN (0, 2) AND kind IN (0, 1) AND at >= $1 AND at < $2";
    DAYS = fold!("usage_days");
    MONTHS = fold!("usage_months");
    LATENCY_DAYS = fold_latency!("latency_days");
    LATENCY_MONTHS = fold_latency!("latency_months");
}

impl Usage<'_> {
    /// Folds some of what is over by `now`, in one short transaction; false when nothing is left to do. Any number of
    /// processes may do so at once.
    ///
    /// # Errors
    /// When the database fails; then nothing of it is folded.
    pub async fn fold(&self, now: Timestamp) -> Result<bool, StoreError> {
        fold(self.db, quarter_of(now.micros()) - GRACE_QUARTERS).await
    }

    /// Takes away some quarter-hours of days that are over before `before` and folded, in one short transaction; false when
    /// nothing is left to do. The first call only says that they are not kept, so that nobody asks for them any more: go on
    /// no sooner than the longest report takes.
    ///
    /// # Errors
    /// When the database fails; then nothing of it is taken away.
    pub async fn forget_quarters(&self, before: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let gone: Option<i64> = on!(&mut tx, |tx| sqlx::query_scalar(NOT_KEPT).fetch_one(&mut **tx).await)?;
        if let Some(quarter) = gone {
            for text in [DROP_USAGE, DROP_LATENCY] {
                tx.execute_bound(text, &[quarter, quarter + 1]).await?;
            }
        } else {
            let day = Grain::Days.of_quarter(quarter_of(before.micros()));
            tx.execute_bound(KEEP, &[day * QUARTERS_PER_DAY]).await?;
        }
        tx.commit().await?;
        Ok(gone.is_some())
    }
}

async fn fold(db: &Db, until: i64) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let folded: i64 = on!(&mut tx, |tx| sqlx::query_scalar(LOCK).fetch_one(&mut **tx).await)?;
    if folded >= until {
        return Ok(false);
    }
    let next: Option<i64> =
        on!(&mut tx, |tx| sqlx::query_scalar(NEXT).bind(folded).fetch_one(&mut **tx).await)?;
    let end = match next.filter(|next| *next < until) {
        Some(next) => {
            let day = Grain::Days.of_quarter(next);
            let end = (next + QUARTERS_AT_ONCE_MAX).min(until).min((day + 1) * QUARTERS_PER_DAY);
            tx.fold_range(next, end).await?;
            end
        }
        None => until,
    };
    tx.execute_bound(MOVE, &[end]).await?;
    tx.commit().await?;
    Ok(end < until)
}

impl Tx {
    /// Of one day.
    async fn fold_range(&mut self, since: i64, until: i64) -> Result<(), StoreError> {
        let (day, month) = (Grain::Days.of_quarter(since), Grain::Months.of_quarter(since));
        for (text, at) in [(DAYS, day), (MONTHS, month), (LATENCY_DAYS, day), (LATENCY_MONTHS, month)] {
            self.execute_bound(text, &[since, until, at]).await?;
        }
        Ok(())
    }

    async fn execute_bound(&mut self, text: &'static str, values: &[i64]) -> Result<(), StoreError> {
        on!(self, |tx| {
            let query = values.iter().fold(sqlx::query(text), |query, value| query.bind(*value));
            query.execute(&mut **tx).await?;
        });
        Ok(())
    }
}
