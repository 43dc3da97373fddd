//! Times as the surface writes them.

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kit::Timestamp;

pub use domain::period::parse_moment;

/// RFC 3339 in UTC, such as `2026-01-31T08:00:00Z`.
pub fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).map_or_else(|_| at.to_string(), |at| at.to_string())
}

/// The UTC day of a moment, such as `2026-01-31`.
pub fn day(at: Timestamp) -> String {
    iso(at).chars().take(10).collect()
}

/// The first moment of a UTC day given as `YYYY-MM-DD`.
pub fn parse_day(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let start = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(start.timestamp().as_microsecond()))
}

/// `now` and a duration such as `30s`, `15m`, `12h`, `30d`, `2w` or `1mo` (calendar months).
pub fn after(now: Timestamp, duration: &str) -> Option<Timestamp> {
    let digits = duration.bytes().take_while(u8::is_ascii_digit).count();
    let count: i64 = duration[..digits].parse().ok()?;
    let span: Span = match &duration[digits..] {
        "s" => Span::new().try_seconds(count),
        "m" => Span::new().try_minutes(count),
        "h" => Span::new().try_hours(count),
        "d" => Span::new().try_days(count),
        "w" => Span::new().try_weeks(count),
        "mo" => Span::new().try_months(count),
        _ => return None,
    }
    .ok()?;
    let start = jiff::Timestamp::from_microsecond(now.micros()).ok()?.to_zoned(TimeZone::UTC);
    Some(Timestamp(start.checked_add(span).ok()?.timestamp().as_microsecond()))
}

/// Whether a text is a time after which a budget counts anew.
pub fn is_budget_duration(text: &str) -> bool {
    text.parse::<domain::Period>().is_ok()
}

/// Midnight UTC of the day of `at`, `days` earlier.
pub fn day_start(at: Timestamp, days: i64) -> Timestamp {
    const DAY_MICROS: i64 = 86_400_000_000;
    Timestamp((at.micros().div_euclid(DAY_MICROS) - days) * DAY_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_769_846_400); // 2026-01-31T08:00:00Z

    #[test]
    fn durations_are_added_by_the_calendar() {
        for (duration, then) in [
            ("30s", "2026-01-31T08:00:30Z"),
            ("15m", "2026-01-31T08:15:00Z"),
            ("12h", "2026-01-31T20:00:00Z"),
            ("30d", "2026-03-02T08:00:00Z"),
            ("2w", "2026-02-14T08:00:00Z"),
            ("1mo", "2026-02-28T08:00:00Z"),
            ("0s", "2026-01-31T08:00:00Z"),
        ] {
            assert_eq!(after(NOW, duration).map(iso).as_deref(), Some(then), "{duration}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for bad in ["", "d", "30", "30x", "-1d", "1.5h", "99999999999999999999d", "9999999999mo", "30 d", "é"]
        {
            assert_eq!(after(NOW, bad), None, "{bad}");
        }
    }

    #[test]
    fn days_parse_and_print() {
        assert_eq!(parse_day("2026-01-31").map(iso).as_deref(), Some("2026-01-31T00:00:00Z"));
        assert_eq!(day(NOW), "2026-01-31");
        assert_eq!(iso(day_start(NOW, 30)), "2026-01-01T00:00:00Z");
        for bad in ["2026-02-30", "2026-1-1", "yesterday", "", "2026-01-31T00:00:00Z"] {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
    }
}
