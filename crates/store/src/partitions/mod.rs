//! PostgreSQL keeps calls in partitions by their ids, which begin with the time: what is too old goes as a whole, and the
//! newest rows have small indexes of their own. SQLite keeps one table.

mod convert;
mod tend;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kit::Timestamp;

pub(crate) use convert::convert;
pub(crate) use tend::{Loose, tend};

/// Whoever changes partitions has this advisory lock.
const LOCK: i64 = 0x6275_6c6b_0001;
/// Days for which there are partitions already. Should nobody make more, calls go where those of no partition go.
const DAYS_AHEAD: i32 = 7;
/// Whoever comes after a change that waits for a lock waits behind it: together less than half a second.
const PATIENCE: &str = "SET LOCAL lock_timeout = '300ms'";
/// How the name begins of the partition that was the whole table once.
const FIRST: &str = "usage_events_before";
/// Names and bounds of a partition; parts of a definition cannot be placeholders.
const NAME_IT: &str =
    "SELECT set_config('bulkhead.partition', $1, TRUE), set_config('bulkhead.first_id', $2, TRUE),
                              set_config('bulkhead.last_id', $3, TRUE)";
const IS_PARTITIONED: &str =
    "SELECT COALESCE((SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('usage_events')), FALSE)";

/// The UTC day of a moment.
pub(crate) fn day(at: Timestamp) -> Date {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).date()
}

/// A partition from one day to the day before another.
fn name(first: Date, after: Date) -> String {
    format!("usage_events_{}_{}", first.strftime("%Y%m%d"), after.strftime("%Y%m%d"))
}

/// The day after the last of a partition, out of its name.
fn after(name: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", name.rsplit('_').next()?).ok()
}

/// Midnight, UTC.
fn midnight(day: Date) -> Timestamp {
    let at = day.to_zoned(TimeZone::UTC).map(|at| at.timestamp().as_microsecond());
    Timestamp(at.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_where_its_partition_ends() {
        let first = Date::constant(2026, 12, 31);
        let name = name(first, first.tomorrow().unwrap());
        assert_eq!(name, "usage_events_20261231_20270101");
        assert_eq!(after(&name), Some(Date::constant(2027, 1, 1)));
        assert_eq!(after("usage_events_rest"), None);
    }

    #[test]
    fn midnight_is_the_days_first_moment() {
        let first = Date::constant(2026, 11, 23);
        assert_eq!(day(midnight(first)), first);
        assert_eq!(day(Timestamp(midnight(first).micros() - 1)), first.yesterday().unwrap());
        assert_eq!(day(Timestamp(i64::MAX)), Date::constant(1970, 1, 1), "no day of ours");
    }
}
