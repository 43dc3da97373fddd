use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use domain::Status;

use super::dimension::{self, Dimension, Dimensions};
use super::event::EventRow;
use crate::StoreError;
use crate::db::{Tx, on};
use crate::values::Batch;

pub const MICROS_PER_QUARTER: i64 = 15 * 60 * 1_000_000;
pub const QUARTERS_PER_DAY: i64 = 96;

/// The quarter-hour of a moment, counted from 1970.
pub const fn quarter_of(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_QUARTER)
}

pub(super) static ADD_USAGE: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "ADD_USAGE",
        "INSERT INTO usage_quarter_hours AS u
           (quarter, dimension, requests, attempts, failures, refusals, cancellations, input_tokens, output_tokens,
            cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano, duration_micros)",
        &["BIGINT"; 14],
        "ON CONFLICT (quarter, dimension) DO UPDATE SET
           requests = u.requests + excluded.requests,
           attempts = u.attempts + excluded.attempts,
           failures = u.failures + excluded.failures,
           refusals = u.refusals + excluded.refusals,
           cancellations = u.cancellations + excluded.cancellations,
           input_tokens = u.input_tokens + excluded.input_tokens,
           output_tokens = u.output_tokens + excluded.output_tokens,
           cache_read_tokens = u.cache_read_tokens + excluded.cache_read_tokens,
           cache_write_tokens = u.cache_write_tokens + excluded.cache_write_tokens,
           reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
           cost_nano = u.cost_nano + excluded.cost_nano,
           duration_micros = u.duration_micros + excluded.duration_micros",
    )
});

pub(super) static ADD_LATENCY: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "ADD_LATENCY",
        "INSERT INTO latency_quarter_hours AS l (quarter, bucket, requests)",
        &["BIGINT"; 3],
        "ON CONFLICT (quarter, bucket) DO UPDATE SET requests = l.requests + excluded.requests",
    )
});

/// Counts of one quarter-hour and dimension, in the order of the columns of `ADD_USAGE`.
type Sums = [i64; 12];

impl Tx {
    /// Adds events to the roll-ups; returns the dimensions whose numbers were looked up.
    pub(super) async fn add_rollups(
        &mut self,
        rows: &[&EventRow],
        known: &Dimensions,
    ) -> Result<HashMap<Dimension, i64>, StoreError> {
        let mut learned = HashMap::new();
        let mut usage = BTreeMap::<(i64, i64), Sums>::new();
        let mut latency = BTreeMap::<(i64, i64), i64>::new();
        let mut last = None::<(Dimension, i64)>;
        for row in rows {
            let dimension = dimension::of(row);
            let id = match &last {
                Some((same, id)) if *same == dimension => *id,
                _ => match known.get(&dimension).or_else(|| learned.get(&dimension).copied()) {
                    Some(id) => id,
                    None => {
                        let id = self.dimension(&dimension).await?;
                        learned.insert(dimension.clone(), id);
                        id
                    }
                },
            };
            last = Some((dimension, id));
            let quarter = quarter_of(row.started_at);
            add(usage.entry((quarter, id)).or_default(), &sums(row));
            // A refusal takes no time at all and would make calls look fast; the time of a superseded attempt
            // is part of its successor's.
            if *row.status != *Status::Refused.as_str() && row.superseded == 0 {
                *latency.entry((quarter, bucket(duration(row)))).or_default() += 1;
            }
        }
        self.upsert_usage(&usage.into_iter().collect::<Vec<_>>()).await?;
        self.upsert_latency(&latency.into_iter().collect::<Vec<_>>()).await?;
        Ok(learned)
    }

    async fn upsert_usage(&mut self, rows: &[((i64, i64), Sums)]) -> Result<(), StoreError> {
        for (text, part) in ADD_USAGE.parts(rows, self.placeholders()) {
            on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for ((quarter, dimension), sums) in part {
                    query = query.bind(*quarter).bind(*dimension);
                    query = sums.iter().fold(query, |query, sum| query.bind(*sum));
                }
                query.execute(&mut **tx).await.map(|_| ())
            })?;
        }
        Ok(())
    }

    async fn upsert_latency(&mut self, rows: &[((i64, i64), i64)]) -> Result<(), StoreError> {
        for (text, part) in ADD_LATENCY.parts(rows, self.placeholders()) {
            on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for ((quarter, bucket), requests) in part {
                    query = query.bind(*quarter).bind(*bucket).bind(*requests);
                }
                query.execute(&mut **tx).await.map(|_| ())
            })?;
        }
        Ok(())
    }
}

/// A request is counted with its last attempt, whatever went before it; tokens and money with each.
fn sums(row: &EventRow) -> Sums {
    let is_last = row.superseded == 0;
    let ended = |statuses: &[Status]| statuses.iter().any(|status| status.as_str() == &*row.status);
    let is = |statuses: &[Status]| i64::from(is_last && ended(statuses));
    [
        i64::from(is_last),
        i64::from(!row.deployment_id.is_empty()),
        is(&[Status::UpstreamError, Status::TimedOut, Status::Interrupted]),
        is(&[Status::Refused]),
        is(&[Status::Cancelled]),
        row.input_tokens,
        row.output_tokens,
        row.cache_read_tokens.unwrap_or(0),
        row.cache_write_tokens.unwrap_or(0),
        row.reasoning_tokens.unwrap_or(0),
        row.cost_nano,
        if is_last { duration(row) } else { 0 },
    ]
}

fn add(sums: &mut Sums, more: &Sums) {
    for (sum, part) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*part);
    }
}

fn duration(row: &EventRow) -> i64 {
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

    #[test]
    fn quarters_before_1970_are_negative_not_zero() {
        assert_eq!((quarter_of(-1), quarter_of(0), quarter_of(MICROS_PER_QUARTER)), (-1, 0, 1));
    }
}
