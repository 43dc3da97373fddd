//! Adds rows to cells.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::Status;

use super::names::{Learned, Names};
use super::{QUARTERS_PER_DAY, latency, plan, quarter_of};
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

/// What a cell counts, in the order of its columns.
type Sums = [i64; 12];
/// Level, at, who, what.
type Cell = (i64, i64, i64, i64);

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
        let places = self.places(rows, names, &mut learned).await?;
        let mut by_place = BTreeMap::<(usize, i64), Sums>::new();
        for (row, place) in rows.iter().zip(&places.of_rows) {
            add(by_place.entry((*place, quarter_of(row.started_at))).or_default(), &sums(row));
        }
        let mut cells = [const { BTreeMap::<Cell, Sums>::new() }; 3];
        for ((place, quarter), sums) in by_place {
            for grain in late.grains(quarter) {
                let at = grain.of_quarter(quarter);
                for (level, who, what) in &places.places[place] {
                    add(cells[*grain as usize].entry((*level as i64, at, *who, *what)).or_default(), &sums);
                }
            }
        }
        for (batch, cells) in batches().into_iter().zip(cells) {
            self.upsert_cells(batch, &cells.into_iter().collect::<Vec<_>>()).await?;
        }
        self.add_latency(rows, &places, &late).await?;
        Ok(learned)
    }

    async fn whole(&mut self) -> Result<Whole, StoreError> {
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
        if is_last { latency::duration(row) } else { 0 },
    ]
}

fn add(sums: &mut Sums, more: &Sums) {
    for (sum, part) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*part);
    }
}
