//! Makes cells right again from the rows of single calls, while shippers go on adding to both.
//!
//! What a cell lacks of its rows is the same at any moment, since rows and cells move in one transaction. So it is found
//! in a snapshot, which holds up nobody, and added later, some cells at a time, under the lock that shippers take. Who
//! else repairs cells in between is told by a count that each repair raises.

mod apply;
mod difference;
mod months;
mod rows;

use kit::Timestamp;

use super::cells::Grain;
use super::names::Names;
use super::plan::first_day_of;
use super::{MICROS_PER_QUARTER, QUARTERS_PER_DAY, quarter_of};
use crate::StoreError;
use crate::db::{Db, Tx, on};
use crate::sql::statements;
use apply::Applied;
use difference::Difference;

/// How often one cell's time is looked at anew when others repair it too.
const ATTEMPTS_MAX: u32 = 8;
const MICROS_PER_DAY: i64 = 86_400_000_000;

statements! {
    STATE = "SELECT folded_until, kept_since, repairs, calls_since FROM ledger_clock WHERE id = 1";
}

pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, difference::ALL, apply::ALL, months::ALL].concat()
}

/// What decides how cells and rows belong together, in one snapshot.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
struct State {
    /// See [`Whole`](super::cells::Whole).
    folded_until: i64,
    kept_since: i64,
    repairs: i64,
    /// Microseconds; calls of before may be gone.
    calls_since: i64,
}

impl State {
    /// Whether a month holds more than the rows that are kept tell.
    fn outlives_rows(&self, month: i64) -> bool {
        first_day_of(month).saturating_mul(MICROS_PER_DAY) < self.calls_since
    }
}

/// Cells of one time.
#[derive(Clone, Copy, Debug)]
struct Unit {
    grain: Grain,
    at: i64,
}

impl Unit {
    /// Its quarter-hours: the first, and the one after the last.
    fn quarters(self) -> [i64; 2] {
        match self.grain {
            Grain::Quarters => [self.at, self.at + 1],
            Grain::Days => [self.at * QUARTERS_PER_DAY, (self.at + 1) * QUARTERS_PER_DAY],
            Grain::Months => [self.at, self.at + 1].map(|month| first_day_of(month) * QUARTERS_PER_DAY),
        }
    }

    fn check_kept(self, state: State) -> Result<(), StoreError> {
        if self.quarters()[0].saturating_mul(MICROS_PER_QUARTER) < state.calls_since {
            return Err(StoreError::Gone("some of the calls of this time are not kept any more"));
        }
        Ok(())
    }
}

/// Whether cells are made right or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    Look,
    Apply,
}

/// How cells of one time were different from their rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// Of usage and of durations.
    pub cells: u64,
    /// What all calls of the time together have more than was counted; less where negative.
    pub requests: i64,
    pub tokens: i64,
    pub cost_nano: i64,
}

impl std::ops::AddAssign for Differing {
    fn add_assign(&mut self, more: Self) {
        self.cells += more.cells;
        self.requests += more.requests;
        self.tokens += more.tokens;
        self.cost_nano += more.cost_nano;
    }
}

/// What became of a UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayRebuilt {
    /// Its quarter-hours; nothing where they are not kept any more.
    pub quarters: Differing,
    pub day: Differing,
}

pub struct Rebuilding<'a> {
    pub(crate) db: &'a Db,
    pub(crate) names: &'a Names,
}

impl Rebuilding<'_> {
    /// The first UTC day since 1970 of which all calls are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_day(&self) -> Result<i64, StoreError> {
        let since = self.db.snapshot().await?.state().await?.calls_since;
        Ok(-(-since).div_euclid(MICROS_PER_DAY))
    }

    /// Makes the cells of a UTC day right, and of its quarter-hours where they are kept. Its month stays as it is, unless some
    /// of the month's calls are gone: then what the day lacked is added to the month too.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when not all calls of the day are kept, or when its month would have to follow and is not the sum of its days;
    /// when the database fails. What was made right stays so.
    pub async fn day(&self, day: i64, repair: Repair, now: Timestamp) -> Result<DayRebuilt, StoreError> {
        let mut rebuilt = DayRebuilt::default();
        let unit = Unit { grain: Grain::Days, at: day };
        let state = self.db.snapshot().await?.state().await?;
        self.check(unit, state).await?;
        let [first, end] = unit.quarters();
        if first >= state.kept_since {
            for at in first..end.min(quarter_of(now.micros()) + 1) {
                rebuilt.quarters += self.repair(Unit { grain: Grain::Quarters, at }, repair, now).await?;
            }
        }
        rebuilt.day = self.repair(unit, repair, now).await?;
        Ok(rebuilt)
    }

    /// Whether a day can be made right.
    async fn check(&self, unit: Unit, state: State) -> Result<(), StoreError> {
        unit.check_kept(state)?;
        let month = Grain::Months.of_quarter(unit.quarters()[0]);
        if state.outlives_rows(month) && self.month(month, Repair::Look, Timestamp(0)).await?.cells > 0 {
            return Err(StoreError::Gone(
                "some of the calls of this month are not kept any more, and it is not the sum of its days",
            ));
        }
        Ok(())
    }

    /// Looks, and adds what is lacking, until nobody else repaired cells in between.
    async fn repair(&self, unit: Unit, repair: Repair, now: Timestamp) -> Result<Differing, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let (state, difference) = self.look(unit, now).await?;
            let differing = difference.differing();
            if repair == Repair::Look || differing.cells == 0 {
                return Ok(differing);
            }
            if self.apply(unit, state, &difference, now).await? == Applied::Whole {
                return Ok(differing);
            }
        }
        Err(others())
    }

    /// How the cells of a quarter-hour or day differ from its rows.
    async fn look(&self, unit: Unit, now: Timestamp) -> Result<(State, Difference), StoreError> {
        let mut snapshot = self.db.snapshot().await?;
        let state = snapshot.state().await?;
        unit.check_kept(state)?;
        let counted = self.counted(&mut snapshot, unit, state, now).await?;
        let there = snapshot.cells(unit.grain, unit.at).await?;
        Ok((state, Difference::of(unit, counted, there)))
    }
}

impl Tx {
    async fn state(&mut self) -> Result<State, StoreError> {
        Ok(on!(self, |tx| sqlx::query_as(STATE).fetch_one(&mut **tx).await)?)
    }
}

fn others() -> StoreError {
    StoreError::Timeout("others rebuild usage at the same time; try again later".into())
}
