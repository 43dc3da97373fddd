//! Adds rows to cells.

use std::sync::LazyLock;

use super::counted::{Cell, Counted, Sums, cost, sums};
use super::names::{Learned, Names, Unmet};
use super::{QUARTERS_PER_DAY, latency, plan};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::ledger::EventRow;
use crate::sql::statements;
use crate::values::Batch;

statements! {
    WHOLE = "SELECT folded_until, kept_since FROM ledger_clock WHERE id = 1";
}

/// Asks for the [`Whole`] of now.
pub(super) const NOW_WHOLE: &str = WHOLE;

/// Which cells are whole, in quarter-hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Whole {
    /// Before it, days and months are.
    pub folded_until: i64,
    /// From it on, quarter-hours are: the start of a day, not after `folded_until`.
    pub kept_since: i64,
}

macro_rules! columns {
    () => {
        " (level, at, who, what, requests, attempts, failures, refusals, cancellations, input_tokens, output_tokens,
           cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano, duration_micros) "
    };
}
macro_rules! added {
    () => {
        " ON CONFLICT (level, at, who, what) DO UPDATE SET
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
            duration_micros = u.duration_micros + excluded.duration_micros "
    };
}
pub(super) use {added, columns};

macro_rules! add {
    ($name:literal, $table:literal) => {
        LazyLock::new(|| {
            Batch::new(
                $name,
                concat!("INSERT INTO ", $table, " AS u ", columns!()),
                &["BIGINT"; 16],
                added!(),
            )
        })
    };
}

static ADD_QUARTERS: LazyLock<Batch> = add!("ADD_QUARTERS", "usage_quarters");
static ADD_DAYS: LazyLock<Batch> = add!("ADD_DAYS", "usage_days");
static ADD_MONTHS: LazyLock<Batch> = add!("ADD_MONTHS", "usage_months");

pub(super) fn batches() -> [&'static Batch; 3] {
    [&ADD_QUARTERS, &ADD_DAYS, &ADD_MONTHS]
}

/// The length of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Grain {
    Quarters = 0,
    Days = 1,
    Months = 2,
}

impl Grain {
    /// The cell that a quarter-hour is part of.
    pub fn of_quarter(self, quarter: i64) -> i64 {
        match self {
            Self::Quarters => quarter,
            Self::Days => quarter.div_euclid(QUARTERS_PER_DAY),
            Self::Months => plan::month_of_day(quarter.div_euclid(QUARTERS_PER_DAY)),
        }
    }
}

/// The grains that a row of a quarter-hour adds to by itself: what comes late is not folded any more.
pub(crate) struct Late {
    folded_until: i64,
}

impl Late {
    pub fn grains(&self, quarter: i64) -> &'static [Grain] {
        if quarter < self.folded_until {
            &[Grain::Quarters, Grain::Days, Grain::Months]
        } else {
            &[Grain::Quarters]
        }
    }
}

impl Tx {
    /// Adds rows to their cells; returns the numbers of names that were looked up.
    pub(crate) async fn add_usage(
        &mut self,
        rows: &[&EventRow],
        names: &Names,
    ) -> Result<Learned, StoreError> {
        let mut learned = Learned::default();
        let late = Late { folded_until: self.whole().await?.folded_until };
        let places = self.places(rows, names, &mut learned, Unmet::Number).await?;
        let mut counted = Counted::default();
        counted.add(rows, &places, |quarter| late.grains(quarter), sums);
        counted.add_times(rows, &places, |quarter| late.grains(quarter));
        self.add_counted(counted).await?;
        Ok(learned)
    }

    /// Adds what rows cost, and nothing else of them, to their cells.
    pub(crate) async fn add_costs(
        &mut self,
        rows: &[&EventRow],
        names: &Names,
    ) -> Result<Learned, StoreError> {
        let mut learned = Learned::default();
        let late = Late { folded_until: self.whole().await?.folded_until };
        let places = self.places(rows, names, &mut learned, Unmet::Number).await?;
        let mut counted = Counted::default();
        counted.add(rows, &places, |quarter| late.grains(quarter), cost);
        self.add_counted(counted).await?;
        Ok(learned)
    }

    /// Adds to cells what they count.
    pub(super) async fn add_counted(&mut self, counted: Counted) -> Result<(), StoreError> {
        for (batch, cells) in batches().into_iter().zip(counted.cells) {
            self.upsert_cells(batch, &cells.into_iter().collect::<Vec<_>>()).await?;
        }
        for (batch, cells) in latency::batches().into_iter().zip(counted.times) {
            self.upsert_times(batch, &cells.into_iter().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    pub(super) async fn whole(&mut self) -> Result<Whole, StoreError> {
        Ok(on!(self, |tx| sqlx::query_as(WHOLE).fetch_one(&mut **tx).await)?)
    }

    async fn upsert_cells(
        &mut self,
        batch: &'static Batch,
        cells: &[(Cell, Sums)],
    ) -> Result<(), StoreError> {
        for (text, part) in batch.parts(cells, self.placeholders()) {
            on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for ((level, at, who, what), sums) in part {
                    query = query.bind(*level).bind(*at).bind(*who).bind(*what);
                    query = sums.iter().fold(query, |query, sum| query.bind(*sum));
                }
                query.execute(&mut **tx).await.map(|_| ())
            })?;
        }
        Ok(())
    }
}
