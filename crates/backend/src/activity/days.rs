//! Local days that are asked about, in pages, the newest first.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use store::usage::{MICROS_PER_QUARTER, Timeline};

use crate::http::error::ApiError;

/// Days of one question.
pub const DAYS_MAX: i64 = 1_000;
/// Furthest time zones from UTC, in minutes.
const OFFSET_MINUTES_MAX: u64 = 14 * 60;

/// Local days that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub first: Date,
    pub count: i64,
    /// From local time to UTC.
    offset_minutes: i64,
}

impl Days {
    /// From two dates, both included, and the minutes of JavaScript's `getTimezoneOffset`.
    ///
    /// # Errors
    /// 400 that says what is wrong.
    pub fn new(first: Option<&str>, last: Option<&str>, offset_minutes: i64) -> Result<Self, ApiError> {
        let (Some(first), Some(last)) = (first, last) else {
            return Err(ApiError::plain("start_date", "Please provide start_date and end_date"));
        };
        let (first, last) = (date("start_date", first)?, date("end_date", last)?);
        let days = i64::from((last - first).get_days()) + 1;
        if !(1..=DAYS_MAX).contains(&days) {
            let message =
                format!("`end_date` must not be before `start_date`, nor {DAYS_MAX} days after it.");
            return Err(ApiError::plain("end_date", message));
        }
        if offset_minutes.unsigned_abs() > OFFSET_MINUTES_MAX {
            let message =
                format!("`timezone` goes from -{OFFSET_MINUTES_MAX} to {OFFSET_MINUTES_MAX} minutes.");
            return Err(ApiError::plain("timezone", message));
        }
        Ok(Self { first, count: days, offset_minutes })
    }

    /// How many pages of so many days there are.
    pub const fn pages(self, size: i64) -> i64 {
        (self.count + size - 1) / size
    }

    /// The days of a page, from 1; `None` where there is no such page.
    pub fn page(self, number: i64, size: i64) -> Option<Self> {
        if number > self.pages(size) {
            return None;
        }
        let until = self.count - (number - 1) * size;
        let from = (until - size).max(0);
        Some(Self { first: self.date(from), count: until - from, ..self })
    }

    /// The day of an index.
    pub fn date(self, index: i64) -> Date {
        Span::new().try_days(index).map_or(self.first, |span| self.first.saturating_add(span))
    }

    /// The day of an index alone.
    pub fn one(self, index: i64) -> Self {
        Self { first: self.date(index), count: 1, ..self }
    }

    /// All days as one step.
    ///
    /// # Errors
    /// When the calendar has no such days.
    pub fn whole(self) -> Result<Timeline, ApiError> {
        Ok(Timeline::new([self.start(0)?, self.start(self.count)?])?)
    }

    /// A step for each day.
    ///
    /// # Errors
    /// When the calendar has no such days.
    pub fn steps(self) -> Result<Timeline, ApiError> {
        let starts = (0..=self.count).map(|index| self.start(index)).collect::<Result<Vec<_>, _>>()?;
        Ok(Timeline::new(starts)?)
    }

    /// The quarter-hour in which a day begins.
    fn start(self, index: i64) -> Result<i64, ApiError> {
        let start = self.first.checked_add(index.days()).and_then(|date| date.to_zoned(TimeZone::UTC));
        let start = start.map_err(|_| ApiError::plain("end_date", "There is no such time."))?;
        let micros = start.timestamp().as_microsecond() + self.offset_minutes * 60_000_000;
        Ok(micros.div_euclid(MICROS_PER_QUARTER))
    }
}

fn date(param: &'static str, text: &str) -> Result<Date, ApiError> {
    let known = text.parse().ok().filter(|_| text.len() == 10);
    known.ok_or_else(|| ApiError::plain(param, format!("`{param}` is a date like 2026-01-31.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(first: &str, last: &str, offset: i64) -> Result<Days, ApiError> {
        Days::new(Some(first), Some(last), offset)
    }

    #[test]
    fn pages_go_back_in_time_and_have_each_day_once() {
        let all = days("2026-01-01", "2026-01-25", 0).unwrap();
        assert_eq!(all.pages(10), 3);
        let page = |number| {
            let page = all.page(number, 10)?;
            Some((page.first.to_string(), page.count))
        };
        assert_eq!(page(1), Some(("2026-01-16".into(), 10)));
        assert_eq!(page(2), Some(("2026-01-06".into(), 10)));
        assert_eq!(page(3), Some(("2026-01-01".into(), 5)));
        assert_eq!(page(4), None);
        assert_eq!(page(1_000_000_000), None);
    }

    #[test]
    fn days_begin_at_local_midnight() {
        let of = |offset| days("2026-01-01", "2026-01-01", offset).unwrap().start(0).unwrap();
        // 5:30 east of UTC it is midnight 22 quarter-hours earlier.
        assert_eq!((of(-330) - of(0), of(480) - of(0)), (-22, 32));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (first, last, offset) in [
            ("2026-01-02", "2026-01-01", 0),
            ("2006-01-01", "2026-01-01", 0),
            ("2026-1-1", "2026-01-01", 0),
            ("2026-02-30", "2026-03-01", 0),
            ("2026-01-01", "2026-01-01", 841),
            ("2026-01-01", "2026-01-01", i64::MIN),
        ] {
            assert!(days(first, last, offset).is_err(), "{first} {last} {offset}");
        }
        assert!(days("9999-12-31", "9999-12-31", 0).unwrap().whole().is_err());
        assert!(Days::new(None, Some("2026-01-01"), 0).is_err());
    }
}
