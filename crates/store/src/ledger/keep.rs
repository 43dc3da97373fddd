//! How long calls are kept.

use std::time::Duration;

use kit::Timestamp;

use super::Ledger;
use crate::StoreError;
use crate::db::{Either, on};
use crate::partitions::{self, Loose};
use crate::sql::statements;

/// Calls that one statement takes away.
const AT_ONCE_MAX: u32 = 1000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// PostgreSQL alone has it: calls of times for which there was no partition.
const FORGET_REST: &str = "DELETE FROM usage_events_rest WHERE id IN
    (SELECT id FROM usage_events_rest WHERE id < $1 ORDER BY id LIMIT CAST($2 AS BIGINT))";

statements! {
    // Said before any of it goes, so that whoever counts rows knows that some may lack.
    GOING = "UPDATE ledger_clock SET calls_since = $1 WHERE id = 1 AND calls_since < $1";
    FORGET = "DELETE FROM usage_events WHERE id < $1 AND id IN
                (SELECT id FROM usage_events WHERE id < $1 ORDER BY id LIMIT CAST($2 AS BIGINT))";
}

/// Below the ids of all calls that began at `at` or later: ids are of version 7 (RFC 9562), whose first 48 bits are the
/// milliseconds since 1970.
pub(crate) fn first_id(at: Timestamp) -> String {
    let millis = at.micros().div_euclid(1000).clamp(0, (1 << 48) - 1);
    format!("{:08x}-{:04x}-0000-0000-000000000000", millis >> 16, millis & 0xffff)
}

/// Where the ids are, from the first up to but without the last, of all calls that began from one moment to another. A day more
/// on each side: an id is made a little before or after the moment that its row tells. PostgreSQL looks into no other partition.
pub(crate) fn ids_of(from: Timestamp, until: Timestamp) -> [String; 2] {
    let last = until.micros().saturating_add(MICROS_PER_DAY);
    // What never ends has ids of every kind.
    let last = if last == i64::MAX { "g".into() } else { first_id(Timestamp(last)) };
    [first_id(Timestamp(from.micros().saturating_sub(MICROS_PER_DAY))), last]
}

impl Ledger<'_> {
    /// Makes room for the calls of the next days, and takes away some that began before `now` less `keep`: one by one, or with
    /// their partition when all of it is older. Returns whether there may be more. What was counted of them stays counted.
    ///
    /// # Errors
    /// When the database fails; what is gone is gone.
    pub async fn keep(&self, now: Timestamp, keep: Option<Duration>) -> Result<bool, StoreError> {
        if let Some(keep) = keep {
            self.going(now.minus(keep)).await?;
        }
        let loose = match self.db.writer() {
            Either::Sqlite(_) => Loose { before: now, has_rest: false },
            Either::Postgres(pool) => partitions::tend(pool, now, keep).await?,
        };
        let Some(keep) = keep else { return Ok(false) };
        let oldest = now.minus(keep);
        let mut gone = self.forget(FORGET, oldest.min(loose.before)).await?;
        if loose.has_rest {
            gone = gone.max(self.forget(FORGET_REST, oldest).await?);
        }
        Ok(gone >= u64::from(AT_ONCE_MAX))
    }

    /// Whole days alone are counted on, so this changes once a day.
    async fn going(&self, oldest: Timestamp) -> Result<(), StoreError> {
        let next_day = (oldest.micros().div_euclid(MICROS_PER_DAY) + 1).saturating_mul(MICROS_PER_DAY);
        on!(self.db.writer(), |pool| sqlx::query(GOING).bind(next_day).execute(pool).await.map(|_| ()))?;
        Ok(())
    }

    async fn forget(&self, statement: &'static str, before: Timestamp) -> Result<u64, StoreError> {
        Ok(on!(self.db.writer(), |pool| {
            let query = sqlx::query(statement).bind(first_id(before)).bind(i64::from(AT_ONCE_MAX));
            query.execute(pool).await?.rows_affected()
        }))
    }
}

#[cfg(test)]
mod tests {
    use kit::{SeededRng, new_id};

    use super::*;

    #[test]
    fn the_first_id_of_a_moment_is_below_all_of_it_and_above_all_before() {
        let mut rng = SeededRng::new(7);
        for millis in [0, 1, 1_000, 1_795_000_000_000, (1 << 48) - 1] {
            let at = Timestamp(millis * 1000);
            let first = first_id(at);
            assert!(*first < *new_id(at, &mut rng).to_string());
            assert_eq!(first.len(), 36);
            if millis > 0 {
                assert!(*first > *new_id(Timestamp(at.micros() - 1), &mut rng).to_string());
            }
        }
        assert_eq!(first_id(Timestamp(i64::MIN)), first_id(Timestamp(0)));
    }
}
