//! What rows come to, by cell.

use std::collections::BTreeMap;

use domain::Status;

use super::cells::Grain;
use super::latency;
use super::place::Places;
use super::quarter_of;
use crate::ledger::EventRow;

/// What a cell counts, in the order of its columns.
pub(super) type Sums = [i64; 12];
/// Level, at, who, what.
pub(super) type Cell = (i64, i64, i64, i64);
/// Level, kind, at, who, what, bucket.
pub(super) type TimesCell = (i64, i64, i64, i64, i64, i64);

/// Where money is in [`Sums`].
const COST: usize = 10;

/// Cells of each grain, by number of the grain.
#[derive(Default)]
pub(super) struct Counted {
    pub cells: [BTreeMap<Cell, Sums>; 3],
    /// Histograms of durations.
    pub times: [BTreeMap<TimesCell, i64>; 3],
}

impl Counted {
    /// Rows that are in the cells `grains` names for their quarter-hour.
    pub fn add(
        &mut self,
        rows: &[&EventRow],
        places: &Places,
        grains: impl Fn(i64) -> &'static [Grain],
        sums: impl Fn(&EventRow) -> Sums,
    ) {
        let mut by_place = BTreeMap::<(usize, i64), Sums>::new();
        for (row, place) in rows.iter().zip(&places.of_rows) {
            add(by_place.entry((*place, quarter_of(row.started_at))).or_default(), &sums(row));
        }
        for ((place, quarter), sums) in by_place {
            for grain in grains(quarter) {
                let at = grain.of_quarter(quarter);
                for (level, who, what) in &places.places[place] {
                    let cell = (*level as i64, at, *who, *what);
                    add(self.cells[*grain as usize].entry(cell).or_default(), &sums);
                }
            }
        }
    }

    /// How long the calls took.
    pub fn add_times(
        &mut self,
        rows: &[&EventRow],
        places: &Places,
        grains: impl Fn(i64) -> &'static [Grain],
    ) {
        let mut counts = BTreeMap::<(usize, i64, i64, i64), i64>::new();
        for (row, place) in rows.iter().zip(&places.of_rows) {
            for (timed, bucket) in latency::times(row) {
                *counts.entry((*place, quarter_of(row.started_at), timed as i64, bucket)).or_default() += 1;
            }
        }
        for ((place, quarter, timed, bucket), requests) in counts {
            for grain in grains(quarter) {
                let (at, times) = (grain.of_quarter(quarter), &mut self.times[*grain as usize]);
                let timed_places =
                    places.places[place].iter().filter(|(level, ..)| latency::is_timed(*level));
                for (level, who, what) in timed_places {
                    *times.entry((*level as i64, timed, at, *who, *what, bucket)).or_default() += requests;
                }
            }
        }
    }
}

/// A request is counted with its last attempt, whatever went before it; tokens and money with each.
pub(super) fn sums(row: &EventRow) -> Sums {
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

/// Nothing but what a row costs.
pub(super) fn cost(row: &EventRow) -> Sums {
    let mut sums = Sums::default();
    sums[COST] = row.cost_nano;
    sums
}

pub(super) fn add(sums: &mut Sums, more: &Sums) {
    for (sum, part) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*part);
    }
}
