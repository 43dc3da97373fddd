//! How long a budget lasts, and when it begins anew.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan, Zoned};
use kit::Timestamp;
use serde::{Deserialize, Serialize};

const DAY_SECS: i64 = 86_400;
/// A hundred years.
const SECS_MAX: i64 = 100 * 366 * DAY_SECS;
/// How often a clock that is set back may repeat a boundary: some hours of the shortest periods.
const REPEATS_MAX: i64 = 2 * DAY_SECS;

/// The time that a budget is for: `30s`, `15m`, `12h`, `30d`, `2w`, `1mo`, `hourly`, `daily`, `weekly` or `monthly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// Seconds, less than a day: ends at multiples of it since midnight, and at midnight.
    Part(i64),
    Day,
    /// Ends on Mondays.
    Week,
    /// Ends on the first of each month.
    Month,
    /// Days, one after the other: has no place in the calendar.
    Days(i64),
    /// Seconds, one after the other.
    Seconds(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time such as `30s`, `15m`, `12h`, `30d`, `2w`, `1mo`, `hourly`, `daily`, `weekly` or `monthly`"
)]
pub struct ParsePeriodError(String);

impl FromStr for Period {
    type Err = ParsePeriodError;

    fn from_str(text: &str) -> Result<Self, ParsePeriodError> {
        let bad = || ParsePeriodError(text.chars().take(40).collect());
        let plain = match text {
            "hourly" => "1h",
            "daily" => "1d",
            "weekly" => "7d",
            "monthly" => "30d",
            other => other,
        };
        let digits = plain.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = plain[..digits].parse().ok().filter(|count| *count > 0).ok_or_else(bad)?;
        let unit_secs = match &plain[digits..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => DAY_SECS,
            "w" => 7 * DAY_SECS,
            // More than one month has no agreed end.
            "mo" if count == 1 => return Ok(Self::Month),
            _ => return Err(bad()),
        };
        let secs = count.checked_mul(unit_secs).filter(|secs| *secs <= SECS_MAX).ok_or_else(bad)?;
        Ok(match secs / DAY_SECS {
            0 => Self::Part(secs),
            _ if secs % DAY_SECS != 0 => Self::Seconds(secs),
            1 => Self::Day,
            7 => Self::Week,
            30 => Self::Month,
            days => Self::Days(days),
        })
    }
}

impl Period {
    /// How long it is, a month counted as 30 days, in seconds.
    pub const fn secs(self) -> u64 {
        let secs = match self {
            Self::Part(secs) | Self::Seconds(secs) => secs,
            Self::Day => DAY_SECS,
            Self::Week => 7 * DAY_SECS,
            Self::Month => 30 * DAY_SECS,
            Self::Days(days) => days * DAY_SECS,
        };
        secs.unsigned_abs()
    }
}

/// A moment such as `2026-01-31T08:00:00Z`, or without a zone in UTC, also with a space for the `T`.
pub fn parse_moment(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    zoned.or_else(in_utc).map(|at| Timestamp(at.as_microsecond()))
}

/// Part of the time: from its start, up to but without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub starts: Timestamp,
    pub ends: Timestamp,
}

/// Where and when a day begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: TimeZone,
    /// Days, weeks and months begin at this time of day.
    day_starts: Time,
}

impl Default for Calendar {
    /// Midnight in UTC.
    fn default() -> Self {
        Self { zone: TimeZone::UTC, day_starts: Time::midnight() }
    }
}

impl Calendar {
    /// `zone` is a name such as `Europe/Berlin`, `day_starts` a time such as `06:30`.
    ///
    /// # Errors
    /// Which of the two is not understood.
    pub fn new(zone: Option<&str>, day_starts: Option<&str>) -> Result<Self, String> {
        let mut calendar = Self::default();
        if let Some(name) = zone {
            calendar.zone = TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone"))?;
        }
        if let Some(time) = day_starts {
            calendar.day_starts = time.parse().map_err(|_| format!("`{time}` is no time of day"))?;
        }
        Ok(calendar)
    }

    /// When a budget that is set now begins anew for the first time.
    pub fn first_end(&self, period: Period, now: Timestamp) -> Timestamp {
        match period {
            Period::Days(_) | Period::Seconds(_) => {
                let day = self.aligned(Period::Day, now).starts;
                self.after(day, period, now).ends
            }
            _ => self.aligned(period, now).ends,
        }
    }

    /// The span with `now` in it, after one that ended at `ended`.
    pub fn present(&self, period: Period, ended: Timestamp, now: Timestamp) -> Span {
        match period {
            Period::Days(_) | Period::Seconds(_) => self.after(ended, period, now),
            _ => self.aligned(period, now),
        }
    }

    /// One span after the other from `origin` on.
    fn after(&self, origin: Timestamp, period: Period, now: Timestamp) -> Span {
        let (secs, days) = match period {
            Period::Days(days) => (days * DAY_SECS, Some(days)),
            Period::Seconds(secs) | Period::Part(secs) => (secs, None),
            Period::Day | Period::Week | Period::Month => (DAY_SECS, Some(1)),
        };
        let passed = (now.micros() - origin.micros()).max(0) / 1_000_000 / secs;
        let local = self.local(origin);
        let nth = |count: i64| match days {
            Some(days) => local.datetime().checked_add((days * count).days()).map(|at| self.instant(at)),
            None => local.checked_add(SignedDuration::from_secs(secs * count)).map(|at| micros(&at)),
        };
        // A day more or less: clocks that were set forward or back in between.
        let mut at = (passed - 1).max(0);
        loop {
            let (Ok(starts), Ok(ends)) = (nth(at), nth(at + 1)) else { return forever(origin) };
            if now < ends {
                return Span { starts, ends };
            }
            at += 1;
        }
    }

    /// The span of a period that has its place in the calendar.
    fn aligned(&self, period: Period, now: Timestamp) -> Span {
        let local = self.local(now).datetime();
        let shift = self.day_starts.duration_since(Time::midnight());
        let day = local.checked_sub(shift).unwrap_or(local).date();
        let (mut at, step): (DateTime, Step) = match period {
            Period::Part(secs) => {
                let since = local.time().duration_since(Time::midnight()).as_secs();
                let start = SignedDuration::from_secs(since / secs * secs);
                (local.date().to_datetime(Time::midnight()) + start, Step::Secs(secs))
            }
            Period::Week => {
                let past_monday = i64::from(day.weekday().to_monday_zero_offset());
                (self.start_of(day - past_monday.days()), Step::Days(7))
            }
            Period::Month => (self.start_of(day.first_of_month()), Step::Month),
            _ => (self.start_of(day), Step::Days(1)),
        };
        let mut starts = self.instant(at);
        // More than once only where clocks are set back, which makes the same hour come twice.
        for _ in 0..REPEATS_MAX {
            let Some(next) = step.after(at) else { break };
            let ends = self.instant(next);
            if now < ends {
                return Span { starts, ends };
            }
            (at, starts) = (next, ends);
        }
        forever(starts)
    }

    fn start_of(&self, day: Date) -> DateTime {
        day.to_datetime(self.day_starts)
    }

    fn local(&self, at: Timestamp) -> Zoned {
        jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default().to_zoned(self.zone.clone())
    }

    /// A time that clocks skip is the moment at which they do; one that comes twice is the first of both.
    fn instant(&self, at: DateTime) -> Timestamp {
        at.to_zoned(self.zone.clone()).map_or(Timestamp(i64::MAX), |at| micros(&at))
    }
}

/// From one boundary to the next.
#[derive(Clone, Copy)]
enum Step {
    Secs(i64),
    Days(i64),
    Month,
}

impl Step {
    fn after(self, at: DateTime) -> Option<DateTime> {
        match self {
            Self::Secs(secs) => {
                let midnight = at.date().tomorrow().ok()?.to_datetime(Time::midnight());
                at.checked_add(SignedDuration::from_secs(secs)).ok().map(|next| next.min(midnight))
            }
            Self::Days(days) => at.checked_add(days.days()).ok(),
            Self::Month => at.checked_add(1.month()).ok(),
        }
    }
}

fn micros(at: &Zoned) -> Timestamp {
    Timestamp(at.timestamp().as_microsecond())
}

/// Beyond the calendar.
const fn forever(starts: Timestamp) -> Span {
    Span { starts, ends: Timestamp(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn shown(at: Timestamp) -> String {
        jiff::Timestamp::from_microsecond(at.micros()).unwrap().to_string()
    }

    fn ends(calendar: &Calendar, period: &str, now: &str) -> String {
        shown(calendar.first_end(period.parse().unwrap(), at(now)))
    }

    #[test]
    fn a_budget_begins_anew_where_the_calendar_does() {
        let utc = Calendar::default();
        // A Saturday.
        let now = "2026-01-31T08:20:30Z";
        for (period, end) in [
            ("1d", "2026-02-01T00:00:00Z"),
            ("24h", "2026-02-01T00:00:00Z"),
            ("daily", "2026-02-01T00:00:00Z"),
            ("7d", "2026-02-02T00:00:00Z"),
            ("1w", "2026-02-02T00:00:00Z"),
            ("weekly", "2026-02-02T00:00:00Z"),
            ("30d", "2026-02-01T00:00:00Z"),
            ("1mo", "2026-02-01T00:00:00Z"),
            ("monthly", "2026-02-01T00:00:00Z"),
            ("3d", "2026-02-03T00:00:00Z"),
            ("2w", "2026-02-14T00:00:00Z"),
            ("hourly", "2026-01-31T09:00:00Z"),
            ("5h", "2026-01-31T10:00:00Z"),
            ("12h", "2026-01-31T12:00:00Z"),
            ("15m", "2026-01-31T08:30:00Z"),
            ("2s", "2026-01-31T08:20:32Z"),
            ("30h", "2026-02-01T06:00:00Z"),
        ] {
            assert_eq!(ends(&utc, period, now), end, "{period}");
        }
        assert_eq!(ends(&utc, "5h", "2026-01-31T23:00:00Z"), "2026-02-01T00:00:00Z");
        assert_eq!(ends(&utc, "1d", "2026-01-31T00:00:00Z"), "2026-02-01T00:00:00Z");
    }

    #[test]
    fn a_day_is_the_zones_and_begins_when_it_is_told_to() {
        let berlin = Calendar::new(Some("Europe/Berlin"), None).unwrap();
        assert_eq!(ends(&berlin, "1d", "2026-03-28T22:59:59Z"), "2026-03-28T23:00:00Z");
        // The day on which clocks go forward has 23 hours.
        assert_eq!(ends(&berlin, "1d", "2026-03-28T23:00:00Z"), "2026-03-29T22:00:00Z");
        assert_eq!(ends(&berlin, "1mo", "2026-03-15T00:00:00Z"), "2026-03-31T22:00:00Z");
        let early = Calendar::new(Some("Europe/Berlin"), Some("06:30")).unwrap();
        assert_eq!(ends(&early, "1d", "2026-01-01T05:29:00Z"), "2026-01-01T05:30:00Z");
        assert_eq!(ends(&early, "7d", "2026-01-05T05:29:00Z"), "2026-01-05T05:30:00Z");
        assert!(Calendar::new(Some("Mars/Base"), None).is_err());
        assert!(Calendar::new(None, Some("25:00")).is_err());
    }

    #[test]
    fn after_a_long_absence_the_present_span_comes_in_one_step() {
        let utc = Calendar::default();
        let (ended, now) = (at("2026-01-04T00:00:00Z"), at("2026-02-20T12:00:00Z"));
        let span = utc.present("3d".parse().unwrap(), ended, now);
        assert_eq!(
            (shown(span.starts), shown(span.ends)),
            ("2026-02-18T00:00:00Z".into(), "2026-02-21T00:00:00Z".into())
        );
        let span = utc.present("1mo".parse().unwrap(), ended, now);
        assert_eq!(
            (shown(span.starts), shown(span.ends)),
            ("2026-02-01T00:00:00Z".into(), "2026-03-01T00:00:00Z".into())
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "d",
            "30",
            "0d",
            "-1d",
            "1.5h",
            "2mo",
            "30x",
            "1y",
            "99999999999999999999s",
            "99999999d",
            "é",
            "1 d",
        ] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_parse_with_and_without_a_zone() {
        for text in
            ["2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00", "2026-01-31 08:00:00", "2026-01-31T08:00"]
        {
            assert_eq!(parse_moment(text), Some(Timestamp::from_secs(1_769_846_400)), "{text}");
        }
        for bad in ["2026-01-31T25:00:00Z", "now", ""] {
            assert_eq!(parse_moment(bad), None, "{bad}");
        }
    }

    fn any_period() -> impl Strategy<Value = Period> {
        (1_i64..200, prop_oneof!["s", "m", "h", "d", "w"])
            .prop_map(|(count, unit)| format!("{count}{unit}").parse().unwrap())
            .boxed()
            .prop_union(Just(Period::Month).boxed())
    }

    proptest! {
        /// Whatever zone and clock change: now is in its span, and spans follow each other without gap.
        #[test]
        fn spans_cover_the_time(
            period in any_period(),
            zone in prop_oneof!["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"],
            day_starts in prop_oneof!["00:00", "02:30", "23:59"],
            // Years with clock changes of all kinds, and the minutes around one of them.
            secs in prop_oneof![1_700_000_000_i64..1_800_000_000, 1_761_436_800_i64..1_761_444_000],
        ) {
            let calendar = Calendar::new(Some(&zone), Some(&day_starts)).unwrap();
            let now = Timestamp::from_secs(secs);
            let first = calendar.first_end(period, now);
            prop_assert!(first > now);
            let span = calendar.present(period, first, first);
            prop_assert!(span.starts == first && span.ends > first, "{span:?} after {first:?}");
            let later = Timestamp(first.micros() + 90_000_000_000);
            let span = calendar.present(period, first, later);
            prop_assert!(span.starts <= later && later < span.ends);
            let next = calendar.present(period, first, span.ends);
            prop_assert_eq!(next.starts, span.ends);
        }
    }
}
