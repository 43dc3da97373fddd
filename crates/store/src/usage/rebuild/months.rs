//! A month is the sum of its days, which are kept for ever.

use kit::Timestamp;

use super::apply::Applied;
use super::difference::{Difference, TimesRow, UsageRow, cell, times_cell};
use super::{ATTEMPTS_MAX, Differing, Rebuilding, Repair, State, Unit};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::sql::statements;
use crate::usage::QUARTERS_PER_DAY;
use crate::usage::cells::Grain;

/// Cells of one look.
const LACKING_MAX: i64 = 10_000;

statements! {
    LACKS = "SELECT CAST($1 AS BIGINT) AS level, CAST($4 AS BIGINT) AS at, who, what,
               CAST(SUM(requests) AS BIGINT), CAST(SUM(attempts) AS BIGINT), CAST(SUM(failures) AS BIGINT),
               CAST(SUM(refusals) AS BIGINT), CAST(SUM(cancellations) AS BIGINT), CAST(SUM(input_tokens) AS BIGINT),
               CAST(SUM(output_tokens) AS BIGINT), CAST(SUM(cache_read_tokens) AS BIGINT),
               CAST(SUM(cache_write_tokens) AS BIGINT), CAST(SUM(reasoning_tokens) AS BIGINT),
               CAST(SUM(cost_nano) AS BIGINT), CAST(SUM(duration_micros) AS BIGINT)
             FROM (SELECT who, what, requests, attempts, failures, refusals, cancellations, input_tokens, output_tokens,
                     cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano, duration_micros
                   FROM usage_days WHERE level = CAST($1 AS BIGINT) AND at >= $2 AND at < $3
                   UNION ALL
                   SELECT who, what, -requests, -attempts, -failures, -refusals, -cancellations, -input_tokens, -output_tokens,
                     -cache_read_tokens, -cache_write_tokens, -reasoning_tokens, -cost_nano, -duration_micros
                   FROM usage_months WHERE level = CAST($1 AS BIGINT) AND at = CAST($4 AS BIGINT)) AS d
             GROUP BY who, what
             HAVING SUM(requests) <> 0 OR SUM(attempts) <> 0 OR SUM(failures) <> 0 OR SUM(refusals) <> 0
               OR SUM(cancellations) <> 0 OR SUM(input_tokens) <> 0 OR SUM(output_tokens) <> 0
               OR SUM(cache_read_tokens) <> 0 OR SUM(cache_write_tokens) <> 0 OR SUM(reasoning_tokens) <> 0
               OR SUM(cost_nano) <> 0 OR SUM(duration_micros) <> 0
             LIMIT CAST($5 AS BIGINT)";
    LACKS_TIMES = "SELECT CAST($1 AS BIGINT) AS level, kind, CAST($4 AS BIGINT) AS at, who, what, bucket,
                     CAST(SUM(requests) AS BIGINT)
                   FROM (SELECT kind, who, what, bucket, requests FROM latency_days
                         WHERE level = CAST($1 AS BIGINT) AND kind IN (0, 1) AND at >= $2 AND at < $3
                         UNION ALL
                         SELECT kind, who, what, bucket, -requests FROM latency_months
                         WHERE level = CAST($1 AS BIGINT) AND kind IN (0, 1) AND at = CAST($4 AS BIGINT)) AS d
                   GROUP BY kind, who, what, bucket HAVING SUM(requests) <> 0 LIMIT CAST($5 AS BIGINT)";
}

/// Which cells one look is at.
#[derive(Clone, Copy)]
enum Part {
    Usage(i64),
    Times(i64),
}

const PARTS: [Part; 8] = [
    Part::Usage(0),
    Part::Usage(1),
    Part::Usage(2),
    Part::Usage(3),
    Part::Usage(4),
    Part::Usage(5),
    Part::Times(0),
    Part::Times(2),
];

impl Rebuilding<'_> {
    /// Makes a UTC month, counted from January 1970, the sum of its days. One of which some calls are gone follows its days as
    /// they are made right, and is left alone here. Looking tells 10,000 cells of a kind at most.
    ///
    /// # Errors
    /// When the database fails, or others rebuild at the same time.
    pub async fn month(&self, month: i64, repair: Repair, now: Timestamp) -> Result<Differing, StoreError> {
        let unit = Unit { grain: Grain::Months, at: month };
        let mut all = Differing::default();
        for part in PARTS {
            let mut outrun = 0;
            loop {
                let (state, difference) = self.lacking(unit, part).await?;
                let differing = difference.differing();
                if repair == Repair::Look || differing.cells == 0 || state.outlives_rows(month) {
                    all += differing;
                    break;
                }
                match self.apply(unit, state, &difference, now).await? {
                    Applied::Whole => all += differing,
                    Applied::Outrun if outrun < ATTEMPTS_MAX => outrun += 1,
                    Applied::Outrun => return Err(super::others()),
                }
            }
        }
        Ok(all)
    }

    async fn lacking(&self, unit: Unit, part: Part) -> Result<(State, Difference), StoreError> {
        let mut snapshot = self.db.snapshot().await?;
        let state = snapshot.state().await?;
        Ok((state, snapshot.lacking(unit, part).await?))
    }
}

impl Tx {
    async fn lacking(&mut self, unit: Unit, part: Part) -> Result<Difference, StoreError> {
        let [first, end] = unit.quarters().map(|quarter| quarter / QUARTERS_PER_DAY);
        let mut difference = Difference::default();
        on!(self, |tx| match part {
            Part::Usage(level) => {
                let query = sqlx::query_as::<_, UsageRow>(LACKS).bind(level).bind(first).bind(end);
                let rows = query.bind(unit.at).bind(LACKING_MAX).fetch_all(&mut **tx).await?;
                difference.cells = rows.into_iter().map(cell).collect();
            }
            Part::Times(level) => {
                let query = sqlx::query_as::<_, TimesRow>(LACKS_TIMES).bind(level).bind(first).bind(end);
                let rows = query.bind(unit.at).bind(LACKING_MAX).fetch_all(&mut **tx).await?;
                difference.times = rows.into_iter().map(times_cell).collect();
            }
        });
        Ok(difference)
    }
}
