//! Stretches of local time that are asked about.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use store::usage::{MICROS_PER_QUARTER, STEPS_MAX, Timeline};
use utoipa::ToSchema;

use crate::http::error::ApiError;

/// Days of one question.
const DAYS_MAX: i32 = 1_100;
/// Longest name of a time zone.
const ZONE_BYTES_MAX: usize = 64;

/// How a range is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    Hour,
    #[default]
    Day,
    /// From Monday on.
    Week,
    Month,
}

/// A range of local days, cut into steps.
#[derive(Debug)]
pub struct Frame {
    pub first: Date,
    /// Included.
    pub last: Date,
    zone: TimeZone,
    starts: Vec<Zoned>,
    end: Zoned,
}

impl Frame {
    /// `zone` is the name of an IANA time zone.
    pub fn new(first: &str, last: &str, zone: &str, step: Step) -> Result<Self, ApiError> {
        let zone = time_zone(zone)?;
        let (first, last) = (date("start_date", first)?, date("end_date", last)?);
        let days = (last - first).get_days();
        if !(0..DAYS_MAX).contains(&days) {
            let message =
                format!("`end_date` must not be before `start_date`, nor {DAYS_MAX} days after it.");
            return Err(ApiError::bad("end_date", message));
        }
        Self::of(first, last, zone, step)
            .ok_or_else(|| ApiError::bad("start_date", "There is no such time."))?
            .bounded()
    }

    fn of(first: Date, last: Date, zone: TimeZone, step: Step) -> Option<Self> {
        let end = last.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
        let start = first.to_zoned(zone.clone()).ok()?;
        let starts = match step {
            Step::Hour => every(start.clone(), 1.hour(), &end)?,
            Step::Day => every(start, 1.day(), &end)?,
            Step::Week => {
                let monday = first.nth_weekday(1, Weekday::Monday).ok()?.to_zoned(zone.clone()).ok()?;
                [vec![start], every(monday, 7.days(), &end)?].concat()
            }
            Step::Month => {
                let next = first.last_of_month().tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
                [vec![start], every(next, 1.month(), &end)?].concat()
            }
        };
        Some(Self { first, last, zone, starts, end })
    }

    fn bounded(self) -> Result<Self, ApiError> {
        if self.starts.len() > STEPS_MAX {
            let message =
                format!("That is more than {STEPS_MAX} steps: ask for longer ones, or for less time.");
            return Err(ApiError::bad("step", message));
        }
        Ok(self)
    }

    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The range as one step.
    pub fn whole(&self) -> Result<Timeline, ApiError> {
        Ok(Timeline::new(self.starts.first().into_iter().chain([&self.end]).map(quarter))?)
    }

    pub fn steps(&self) -> Result<Timeline, ApiError> {
        Ok(Timeline::new(self.starts.iter().chain([&self.end]).map(quarter))?)
    }

    /// One of the steps alone.
    pub fn step(&self, index: usize) -> Result<Timeline, ApiError> {
        let until = self.starts.get(index + 1).unwrap_or(&self.end);
        Ok(Timeline::new(self.starts.get(index).into_iter().chain([until]).map(quarter))?)
    }

    /// The start of each step, such as `2026-01-31T00:00:00+05:30`.
    pub fn starts(&self) -> impl Iterator<Item = String> {
        self.starts.iter().map(|start| start.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }

    /// As many days, just before.
    pub fn previous(&self) -> Option<Self> {
        let days = (self.last - self.first).get_days();
        let last = self.first.yesterday().ok()?;
        let first = last.checked_sub(Span::new().days(days)).ok()?;
        Self::of(first, last, self.zone.clone(), Step::Month)
    }
}

/// Moments from `start` on, before `end`.
fn every(start: Zoned, span: Span, end: &Zoned) -> Option<Vec<Zoned>> {
    let mut starts = Vec::new();
    for index in 0.. {
        let at = start.checked_add(span.checked_mul(index).ok()?).ok()?;
        if at >= *end {
            break;
        }
        starts.push(at);
    }
    Some(starts)
}

pub fn quarter(at: &Zoned) -> i64 {
    at.timestamp().as_microsecond().div_euclid(MICROS_PER_QUARTER)
}

fn time_zone(name: &str) -> Result<TimeZone, ApiError> {
    let known =
        Some(name).filter(|name| name.len() <= ZONE_BYTES_MAX).and_then(|name| TimeZone::get(name).ok());
    known.ok_or_else(|| ApiError::bad("timezone", "That is no time zone such as `Europe/Berlin` or `UTC`."))
}

fn date(param: &'static str, text: &str) -> Result<Date, ApiError> {
    let known = text.parse().ok().filter(|_| text.len() == 10);
    known.ok_or_else(|| ApiError::bad(param, format!("`{param}` is a date like 2026-01-31.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(first: &str, last: &str, zone: &str, step: Step) -> Vec<String> {
        Frame::new(first, last, zone, step).unwrap().starts().collect()
    }

    #[test]
    fn steps_follow_the_calendar_of_their_zone() {
        let days = starts("2026-03-28", "2026-03-30", "Europe/Berlin", Step::Day);
        assert_eq!(
            days,
            ["2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]
        );
        assert_eq!(starts("2026-03-29", "2026-03-29", "Europe/Berlin", Step::Hour).len(), 23);
        assert_eq!(starts("2026-10-25", "2026-10-25", "Europe/Berlin", Step::Hour).len(), 25);
        let weeks = starts("2026-01-01", "2026-01-13", "UTC", Step::Week);
        assert_eq!(
            weeks,
            ["2026-01-01T00:00:00+00:00", "2026-01-05T00:00:00+00:00", "2026-01-12T00:00:00+00:00"]
        );
        // From a Monday on, the first week is whole.
        assert_eq!(starts("2026-01-05", "2026-01-11", "UTC", Step::Week).len(), 1);
        let months = starts("2026-01-31", "2026-03-01", "Asia/Kathmandu", Step::Month);
        assert_eq!(
            months,
            ["2026-01-31T00:00:00+05:45", "2026-02-01T00:00:00+05:45", "2026-03-01T00:00:00+05:45"]
        );
    }

    #[test]
    fn the_time_before_is_as_long() {
        let frame = Frame::new("2026-03-01", "2026-03-31", "UTC", Step::Day).unwrap();
        let previous = frame.previous().unwrap();
        assert_eq!(
            (previous.first.to_string(), previous.last.to_string()),
            ("2026-01-29".into(), "2026-02-28".into())
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (first, last, zone, step) in [
            ("2026-01-02", "2026-01-01", "UTC", Step::Day),
            ("2020-01-01", "2026-01-01", "UTC", Step::Month),
            ("2026-01-01", "2026-03-01", "UTC", Step::Hour),
            ("2026-1-1", "2026-01-01", "UTC", Step::Day),
            ("9999-12-31", "9999-12-31", "UTC", Step::Day),
            ("2026-01-01", "2026-01-01", "Mars/Olympus", Step::Day),
            ("2026-01-01", "2026-01-01", "../../etc/passwd", Step::Day),
        ] {
            assert!(Frame::new(first, last, zone, step).is_err(), "{first} {last} {zone} {step:?}");
        }
    }
}
