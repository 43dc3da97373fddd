//! Histograms of how long calls took and until their first byte. Those of many cells add up to that of all.

use std::sync::LazyLock;

use domain::Status;

use super::Level;
use super::cells::{NOW_WHOLE, Whole};
use super::counted::TimesCell;
use super::plan::{Timeline, listed, plan};
use crate::StoreError;
use crate::db::{Db, Tx, on};
use crate::ledger::EventRow;
use crate::reads::read;
use crate::values::{Batch, Listed};

macro_rules! add {
    ($name:literal, $table:literal) => {
        LazyLock::new(|| {
            Batch::new(
                $name,
                concat!("INSERT INTO ", $table, " AS l (level, kind, at, who, what, bucket, requests)"),
                &["BIGINT"; 7],
                "ON CONFLICT (level, kind, at, who, what, bucket) DO UPDATE SET
                   requests = l.requests + excluded.requests",
            )
        })
    };
}

static ADD_QUARTERS: LazyLock<Batch> = add!("ADD_LATENCY_QUARTERS", "latency_quarters");
static ADD_DAYS: LazyLock<Batch> = add!("ADD_LATENCY_DAYS", "latency_days");
static ADD_MONTHS: LazyLock<Batch> = add!("ADD_LATENCY_MONTHS", "latency_months");

pub(super) fn batches() -> [&'static Batch; 3] {
    [&ADD_QUARTERS, &ADD_DAYS, &ADD_MONTHS]
}

macro_rules! cells {
    ($table:literal, $grain:literal) => {
        concat!(
            "SELECT s.step + (l.at - s.since) / s.width AS step, l.bucket, l.requests FROM s JOIN ",
            $table,
            " l
               ON l.level = 0 AND l.kind = CAST($1 AS BIGINT) AND l.at >= s.since AND l.at < s.until
             WHERE s.grain = ",
            $grain
        )
    };
}

static HISTOGRAMS: LazyLock<Listed> = LazyLock::new(|| {
    Listed::new(
        "LATENCY",
        1,
        "WITH s (grain, since, until, step, width) AS (",
        &["BIGINT"; 5],
        concat!(
            "), c AS (", cells!("latency_quarters", "0"), " UNION ALL ", cells!("latency_days", "1"), " UNION ALL ",
            cells!("latency_months", "2"), ")
             SELECT step, bucket, CAST(SUM(requests) AS BIGINT) AS requests FROM c GROUP BY 1, 2 ORDER BY 1, 2"
        ),
    )
});

pub(super) fn lists() -> [&'static Listed; 1] {
    [&HISTOGRAMS]
}

/// Step, bucket, requests; in this order.
pub(crate) async fn histograms(
    db: &Db,
    timeline: &Timeline,
    timed: Timed,
) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    read!(db, Report, |connection| {
        let whole: Whole = sqlx::query_as(NOW_WHOLE).fetch_one(&mut **connection).await?;
        let (text, values) = listed(&HISTOGRAMS, &plan(timeline, whole))?;
        let query = sqlx::query_as(text).bind(timed as i64);
        values.into_iter().fold(query, |query, value| query.bind(value)).fetch_all(&mut **connection).await?
    })
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    Whole = 0,
    FirstByte = 1,
}

impl Tx {
    pub(super) async fn upsert_times(
        &mut self,
        batch: &'static Batch,
        cells: &[(TimesCell, i64)],
    ) -> Result<(), StoreError> {
        for (text, part) in batch.parts(cells, self.placeholders()) {
            on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for ((level, kind, at, who, what, bucket), requests) in part {
                    query = query.bind(*level).bind(*kind).bind(*at).bind(*who).bind(*what).bind(*bucket);
                    query = query.bind(*requests);
                }
                query.execute(&mut **tx).await.map(|_| ())
            })?;
        }
        Ok(())
    }
}

/// Of everyone by what was used, and of keys.
pub(super) const fn is_timed(level: Level) -> bool {
    matches!(level, Level::All | Level::Key)
}

/// The buckets that a call counts in. A refusal takes no time at all and would make calls look fast; the time of a
/// superseded attempt is part of its successor's.
pub(super) fn times(row: &EventRow) -> impl Iterator<Item = (Timed, i64)> {
    let counts = *row.status != *Status::Refused.as_str() && row.superseded == 0;
    let first = row.first_byte_at.map(|at| (Timed::FirstByte, at.saturating_sub(row.started_at).max(0)));
    let times = [Some((Timed::Whole, duration(row))), first].into_iter().flatten();
    times.filter(move |_| counts).map(|(timed, micros)| (timed, bucket(micros)))
}

/// Microseconds.
pub(super) fn duration(row: &EventRow) -> i64 {
    row.ended_at.saturating_sub(row.started_at).max(0)
}

/// Eight buckets per doubling, so that a percentile read from them is at most 9 % off; below 8 µs each
/// microsecond has its own.
fn bucket(micros: i64) -> i64 {
    if micros < 8 {
        return micros.max(0);
    }
    let octave = i64::from(micros.ilog2());
    octave * 8 + ((micros >> (octave - 3)) - 8) - 16
}

/// The time in the middle of a bucket, in microseconds.
pub(crate) fn bucket_micros(bucket: i64) -> i64 {
    if bucket < 8 {
        return bucket.max(0);
    }
    let octave = ((bucket + 16) / 8).min(60);
    let width = 1_i64 << (octave - 3);
    (8 + (bucket + 16) % 8) * width + width / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_time_back_within_nine_percent() {
        let mut last = -1;
        for micros in (0..2_000).chain((2..400).map(|n| n * n * n * 977)) {
            let bucket = bucket(micros);
            assert!(bucket >= last, "{micros}");
            last = bucket;
            let middle = bucket_micros(bucket);
            assert!((middle - micros).abs() * 100 <= micros.max(1) * 9, "{micros} became {middle}");
        }
    }
}
