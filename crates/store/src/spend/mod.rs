//! Reports on what was spent, from the roll-ups; only the log of single calls reads raw events.
//!
//! All of it runs in the analytics pool, under its time limit.

mod exceptions;
mod logs;
mod search;
mod totals;

use kit::Timestamp;

pub use exceptions::TooManyCalls;
pub use logs::{LOG_ROWS_MAX, LogQuery};
pub use search::{CALLS_AT_ONCE_MAX, CallOrder, CallPlace, CallQuery, FOUND_MAX, FOUND_SIZE_MAX, FoundCalls};
pub use totals::{KeySpend, Latency, Point, REPORT_ROWS_MAX, Share, Split, Steps, Totals};

use crate::StoreError;
use crate::db::Db;
use crate::usage::{MICROS_PER_QUARTER, Timeline, quarter_of};
use crate::values::Batch;

/// Every statement about spend.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [exceptions::ALL, logs::ALL, search::ALL].concat()
}

pub(crate) fn batches() -> [&'static Batch; 1] {
    [&totals::KEY_NAMES]
}

/// A stretch of time in whole quarter-hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    from_quarter: i64,
    until_quarter: i64,
}

impl Range {
    /// From the quarter-hour that `from` is in, up to and without `until`.
    pub const fn new(from: Timestamp, until: Timestamp) -> Self {
        Self {
            from_quarter: quarter_of(from.micros()),
            until_quarter: quarter_of(until.micros().saturating_add(MICROS_PER_QUARTER - 1)),
        }
    }

    /// As one step.
    fn whole(self) -> Result<Timeline, StoreError> {
        Timeline::new([self.from_quarter, self.until_quarter])
    }
}

/// Whose usage: `None` means everyone's.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Hash of a key, or the master key's label.
    pub api_key: Option<String>,
    pub user_id: Option<String>,
}

pub struct Spend<'a> {
    pub(crate) db: &'a Db,
}
