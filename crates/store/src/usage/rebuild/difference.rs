//! What cells lack of their rows.

use super::{Differing, Unit};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::sql::statements;
use crate::usage::Level;
use crate::usage::cells::Grain;
use crate::usage::counted::{Cell, Counted, Sums, TimesCell, add};

macro_rules! cells {
    ($table:literal) => {
        concat!(
            "SELECT level, at, who, what, requests, attempts, failures, refusals, cancellations, input_tokens,
               output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano, duration_micros
             FROM ", $table, " WHERE level IN (0, 1, 2, 3, 4, 5) AND at = $1"
        )
    };
}
macro_rules! times {
    ($table:literal) => {
        concat!(
            "SELECT level, kind, at, who, what, bucket, requests FROM ",
            $table,
            " WHERE level IN (0, 2) AND kind IN (0, 1) AND at = $1"
        )
    };
}

statements! {
    QUARTER = cells!("usage_quarters");
    DAY = cells!("usage_days");
    MONTH = cells!("usage_months");
    TIMES_OF_QUARTER = times!("latency_quarters");
    TIMES_OF_DAY = times!("latency_days");
    TIMES_OF_MONTH = times!("latency_months");
}

const BY_GRAIN: [(&str, &str); 3] =
    [(QUARTER, TIMES_OF_QUARTER), (DAY, TIMES_OF_DAY), (MONTH, TIMES_OF_MONTH)];

/// A row of usage cells; the columns are those of [`Cell`] and [`Sums`].
pub(super) type UsageRow = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

pub(super) fn cell(row: UsageRow) -> (Cell, Sums) {
    let (level, at, who, what, a, b, c, d, e, f, g, h, i, j, k, l) = row;
    ((level, at, who, what), [a, b, c, d, e, f, g, h, i, j, k, l])
}

/// A row of histograms.
pub(super) type TimesRow = (i64, i64, i64, i64, i64, i64, i64);

pub(super) const fn times_cell(row: TimesRow) -> (TimesCell, i64) {
    let (level, kind, at, who, what, bucket, requests) = row;
    ((level, kind, at, who, what, bucket), requests)
}

/// Cells as they are.
pub(super) struct There {
    cells: Vec<UsageRow>,
    times: Vec<TimesRow>,
}

impl Tx {
    pub(super) async fn cells(&mut self, grain: Grain, at: i64) -> Result<There, StoreError> {
        let (cells, times) = BY_GRAIN[grain as usize];
        Ok(on!(self, |tx| There {
            cells: sqlx::query_as(cells).bind(at).fetch_all(&mut **tx).await?,
            times: sqlx::query_as(times).bind(at).fetch_all(&mut **tx).await?,
        }))
    }
}

/// What is to be added to cells of one grain; none of it is nothing.
#[derive(Clone, Default)]
pub(super) struct Difference {
    pub cells: Vec<(Cell, Sums)>,
    pub times: Vec<(TimesCell, i64)>,
}

impl Difference {
    pub fn of(unit: Unit, counted: Counted, there: There) -> Self {
        let grain = unit.grain as usize;
        let Counted { mut cells, mut times } = counted;
        let (mut cells, mut times) = (std::mem::take(&mut cells[grain]), std::mem::take(&mut times[grain]));
        for (cell, sums) in there.cells.into_iter().map(cell) {
            add(cells.entry(cell).or_default(), &sums.map(i64::wrapping_neg));
        }
        for (cell, requests) in there.times.into_iter().map(times_cell) {
            *times.entry(cell).or_default() -= requests;
        }
        cells.retain(|_, sums| *sums != Sums::default());
        times.retain(|_, requests| *requests != 0);
        Self { cells: cells.into_iter().collect(), times: times.into_iter().collect() }
    }

    pub fn differing(&self) -> Differing {
        let mut differing =
            Differing { cells: (self.cells.len() + self.times.len()) as u64, ..Differing::default() };
        for (_, sums) in self.cells.iter().filter(|((level, ..), _)| *level == Level::All as i64) {
            differing.requests += sums[0];
            differing.tokens += sums[5] + sums[6];
            differing.cost_nano += sums[10];
        }
        differing
    }

    /// In parts of so many cells at most.
    pub fn parts(&self, most: usize) -> impl Iterator<Item = Self> + '_ {
        let cells = self.cells.chunks(most).map(|part| Self { cells: part.to_vec(), times: Vec::new() });
        let times = self.times.chunks(most).map(|part| Self { cells: Vec::new(), times: part.to_vec() });
        cells.chain(times)
    }

    /// As cells of a grain, and of the month `at` too if it follows.
    pub fn counted(self, grain: Grain, month: Option<i64>) -> Counted {
        let mut counted = Counted::default();
        if let Some(at) = month {
            let (cells, times) = (&mut counted.cells, &mut counted.times);
            let (cells, times) = (&mut cells[Grain::Months as usize], &mut times[Grain::Months as usize]);
            cells.extend(
                self.cells.iter().map(|((level, _, who, what), sums)| ((*level, at, *who, *what), *sums)),
            );
            let of_month =
                |(level, kind, _, who, what, bucket): TimesCell| (level, kind, at, who, what, bucket);
            times.extend(self.times.iter().map(|(cell, requests)| (of_month(*cell), *requests)));
        }
        counted.cells[grain as usize].extend(self.cells);
        counted.times[grain as usize].extend(self.times);
        counted
    }
}
