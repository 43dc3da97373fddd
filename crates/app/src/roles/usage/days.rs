//! Ranges of UTC days, as commands take them.

use jiff::Span;
use jiff::civil::Date;
use kit::Timestamp;
use store::Store;

use crate::error::Failure;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// From the first to the last, counted since 1970; both are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub first: i64,
    pub last: i64,
}

impl Days {
    /// Up to today where no last day is said.
    ///
    /// # Errors
    /// When the first is after the last.
    pub fn new(from: Date, to: Option<Date>, now: Timestamp) -> Result<Self, Failure> {
        let last = to.map_or(now.micros().div_euclid(86_400_000_000), number);
        let first = number(from);
        if first > last {
            return Err(Failure::Said(format!("--from {from} is after {}", date(last))));
        }
        Ok(Self { first, last })
    }
}

impl Days {
    /// # Errors
    /// When not all calls of the range are kept, or the database fails.
    pub async fn check_kept(self, store: &Store) -> Result<(), Failure> {
        let kept = store.rebuilding().first_day().await?;
        if self.first >= kept {
            return Ok(());
        }
        let first = date(kept);
        Err(Failure::Said(format!(
            "some calls of these days are no longer kept, so what was counted of them stays as it is; \
             the first day of which all are kept is {first}: begin with --from {first}"
        )))
    }
}

impl IntoIterator for Days {
    type Item = i64;
    type IntoIter = std::ops::RangeInclusive<i64>;

    fn into_iter(self) -> Self::IntoIter {
        self.first..=self.last
    }
}

/// Days since 1970.
fn number(date: Date) -> i64 {
    (date - EPOCH).get_days().into()
}

/// The day that a number stands for.
pub fn date(day: i64) -> Date {
    EPOCH.saturating_add(Span::new().try_days(day).unwrap_or_default())
}

/// The days by UTC month: its number since January 1970, and those of its days that are in the range.
pub fn months(days: Days) -> impl Iterator<Item = (i64, Days)> {
    let mut next = days.first;
    std::iter::from_fn(move || {
        let first = date(next);
        let end = number(first.last_of_month()).min(days.last);
        let month = (i64::from(first.year()) - 1970) * 12 + i64::from(first.month()) - 1;
        let part = Days { first: next, last: end };
        next = end + 1;
        (part.first <= part.last).then_some((month, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_is_cut_at_the_ends_of_months() {
        let now = Timestamp::from_secs(0);
        let days = Days::new(day("2026-10-30"), Some(day("2027-01-02")), now).unwrap();
        let parts = months(days)
            .map(|(month, days)| (month, date(days.first).to_string(), date(days.last).to_string()));
        let october = 56 * 12 + 9;
        let expected = [
            (october, "2026-10-30", "2026-10-31"),
            (october + 1, "2026-11-01", "2026-11-30"),
            (october + 2, "2026-12-01", "2026-12-31"),
            (october + 3, "2027-01-01", "2027-01-02"),
        ];
        let expected = expected.map(|(month, first, last)| (month, first.to_owned(), last.to_owned()));
        assert_eq!(parts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_range_ends_today_and_does_not_run_backwards() {
        let now = Timestamp::from_secs(86_400 * 3 + 5);
        assert_eq!(Days::new(day("1970-01-02"), None, now).unwrap(), Days { first: 1, last: 3 });
        assert!(Days::new(day("1970-01-05"), None, now).is_err());
    }
}
