//! Roll-ups of usage: cells of a quarter-hour, a day or a month, each for someone and something.
//!
//! The ledger's shipper adds to quarter-hours in the transaction that inserts the rows. Once a quarter-hour is over, it is
//! folded into its UTC day and month; what comes later for it is added to all three. So before `folded_until` days and
//! months are whole, and after it quarter-hours alone are: together every sum is exact at any time.

mod among;
mod ask;
mod calls;
mod cells;
mod counted;
mod fold;
mod labels;
mod latency;
mod names;
mod pages;
mod place;
mod plan;
mod rebuild;
mod timed;
mod top;

pub use among::Among;
pub use ask::{Answer, Answers, Dimension, Filter, Question};
pub use labels::KeyLabel;
pub(crate) use names::{Learned, Names};
pub use pages::Pages;
pub use plan::{STEPS_MAX, Timeline};
pub use rebuild::{DayRebuilt, Differing, Rebuilding, Repair};

pub(crate) use ask::ask;
pub use latency::Timed;
pub(crate) use latency::{bucket_micros, histograms};

use crate::db::Db;
use crate::values::{Batch, Listed};

pub const MICROS_PER_QUARTER: i64 = 15 * 60 * 1_000_000;
pub const QUARTERS_PER_DAY: i64 = 96;

/// The quarter-hour of a moment, counted from 1970.
pub const fn quarter_of(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_QUARTER)
}

/// What a cell sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Everyone, by what was used.
    All = 0,
    /// A team and its organisation, by what was used.
    Team = 1,
    /// A key with those it answers to, whatever was used.
    Key = 2,
    /// A key with those it answers to, by what was used.
    KeyWhat = 3,
    /// An end user, by what was used.
    Customer = 4,
    /// A tag, by what was used. A request with several tags counts for each.
    Tag = 5,
}

pub struct Usage<'a> {
    pub(crate) db: &'a Db,
}

pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [names::ALL, cells::ALL, fold::ALL, pages::ALL, &rebuild::every_statement()].concat()
}

pub(crate) fn batches() -> Vec<&'static Batch> {
    [cells::batches().as_slice(), &latency::batches(), &labels::batches()].concat()
}

pub(crate) fn lists() -> Vec<&'static Listed> {
    [ask::lists().as_slice(), &calls::lists(), &latency::lists(), &timed::lists(), &top::lists()].concat()
}
