//! Adds to cells what they lack.

use kit::Timestamp;

use super::difference::Difference;
use super::{Rebuilding, State, Unit};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::sql::statements;
use crate::usage::cells::Grain;

/// Cells that one transaction writes: shippers wait for it.
const CELLS_AT_ONCE_MAX: usize = 1_000;

macro_rules! empty {
    ($table:literal) => {
        concat!(
            "DELETE FROM ", $table, " WHERE level IN (0, 1, 2, 3, 4, 5) AND at = $1 AND requests = 0 AND attempts = 0
               AND failures = 0 AND refusals = 0 AND cancellations = 0 AND input_tokens = 0 AND output_tokens = 0
               AND cache_read_tokens = 0 AND cache_write_tokens = 0 AND reasoning_tokens = 0 AND cost_nano = 0
               AND duration_micros = 0"
        )
    };
}
macro_rules! empty_times {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE level IN (0, 2) AND kind IN (0, 1) AND at = $1 AND requests = 0"
        )
    };
}

statements! {
    // Nobody else has repaired anything, nor taken quarter-hours away, since it was looked.
    CLAIM = "UPDATE ledger_clock SET repairs = repairs + 1 WHERE id = 1 AND repairs = $1 AND kept_since = $2";
    EMPTY_QUARTERS = empty!("usage_quarters");
    EMPTY_DAYS = empty!("usage_days");
    EMPTY_MONTHS = empty!("usage_months");
    EMPTY_TIMES_OF_QUARTERS = empty_times!("latency_quarters");
    EMPTY_TIMES_OF_DAYS = empty_times!("latency_days");
    EMPTY_TIMES_OF_MONTHS = empty_times!("latency_months");
}

const EMPTY: [[&str; 2]; 3] = [
    [EMPTY_QUARTERS, EMPTY_TIMES_OF_QUARTERS],
    [EMPTY_DAYS, EMPTY_TIMES_OF_DAYS],
    [EMPTY_MONTHS, EMPTY_TIMES_OF_MONTHS],
];

/// What became of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    Whole,
    /// Somebody else repaired cells too: what is left has to be looked for anew.
    Outrun,
}

impl Rebuilding<'_> {
    /// In transactions of a bounded size. Ended in between, it leaves a smaller difference.
    pub(super) async fn apply(
        &self,
        unit: Unit,
        state: State,
        difference: &Difference,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let month = Grain::Months.of_quarter(unit.quarters()[0]);
        let month = Some(month).filter(|month| unit.grain == Grain::Days && state.outlives_rows(*month));
        for (repairs, part) in (state.repairs..).zip(difference.parts(CELLS_AT_ONCE_MAX)) {
            let mut tx = self.db.begin().await?;
            tx.tick_ledger(now).await?;
            if !tx.claim(repairs, state.kept_since).await? {
                return Ok(Applied::Outrun);
            }
            tx.add_counted(part.counted(unit.grain, month)).await?;
            tx.drop_empty(unit).await?;
            tx.commit().await?;
        }
        Ok(Applied::Whole)
    }
}

impl Tx {
    /// A cell that counts nothing would still be a name in answers; and no later rebuild would find anything to do there.
    pub(super) async fn drop_empty(&mut self, unit: Unit) -> Result<(), StoreError> {
        for text in EMPTY[unit.grain as usize] {
            on!(&mut *self, |tx| sqlx::query(text).bind(unit.at).execute(&mut **tx).await.map(|_| ()))?;
        }
        Ok(())
    }

    async fn claim(&mut self, repairs: i64, kept_since: i64) -> Result<bool, StoreError> {
        Ok(on!(self, |tx| {
            sqlx::query(CLAIM).bind(repairs).bind(kept_since).execute(&mut **tx).await?.rows_affected() > 0
        }))
    }
}
