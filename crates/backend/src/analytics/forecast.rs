//! What a month will have cost when it is over.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use kit::Timestamp;
use serde::Serialize;
use store::usage::Timeline;
use utoipa::ToSchema;

use super::frame::quarter;
use super::usage::Asked;
use crate::http::error::ApiError;

/// Whole days that a forecast looks back on.
const DAYS_BACK: i64 = 28;

/// The month that today is in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "month": "2026-01", "spend": 21.5, "expected_spend": 31.0, "previous_spend": 28.25, "days_left": 9, "days_known": 28,
}))]
pub struct Forecast {
    /// Such as `2026-01`.
    month: String,
    /// US dollars so far.
    spend: f64,
    /// By the end of the month: what is spent, and for each day to come the mean of the same weekday in the last four
    /// weeks; until four weeks are known, the mean of the days that are. Of today that, or what is spent if it is more.
    expected_spend: f64,
    /// Of the whole month before.
    previous_spend: f64,
    /// Days after today.
    days_left: i64,
    /// Whole days with which the forecast is made, from the first with usage on.
    days_known: usize,
}

/// What was spent, in nano-dollars.
struct Known {
    today: Date,
    today_nano: i64,
    /// Of the days before today, the latest first; 28 at most.
    days_nano: Vec<i64>,
    /// Since the month began, today included.
    month_nano: i64,
    previous_month_nano: i64,
}

impl Asked<'_> {
    /// Of the month that it is now, in the zone of the question.
    pub async fn forecast(&self) -> Result<Forecast, ApiError> {
        let zone = self.frame.zone();
        let today = today(self.state.clock.now(), zone);
        let bounds =
            (-DAYS_BACK..=1).map(|days| start(today.checked_add(jiff::Span::new().days(days)), zone));
        let days = self.nano_of(bounds.collect::<Result<Vec<_>, _>>()?).await?;
        let month = today.first_of_month();
        let before = month.yesterday().map(Date::first_of_month);
        let bounds = [start(before, zone)?, start(Ok(month), zone)?, start(today.tomorrow(), zone)?];
        let months = self.nano_of(bounds.to_vec()).await?;
        let known = Known {
            today,
            today_nano: days.last().copied().unwrap_or(0),
            days_nano: days.iter().rev().skip(1).copied().collect(),
            month_nano: months[1],
            previous_month_nano: months[0],
        };
        Ok(known.forecast())
    }

    /// Spend between each two quarter-hours.
    async fn nano_of(&self, bounds: Vec<i64>) -> Result<Vec<i64>, ApiError> {
        let mut nano = vec![0; bounds.len().saturating_sub(1)];
        for answer in self.ask(Timeline::new(bounds)?, [None; 2], vec![], u32::MAX).await? {
            let step = usize::try_from(answer.step).unwrap_or(usize::MAX);
            if let Some(nano) = nano.get_mut(step) {
                *nano = answer.totals.cost_nano;
            }
        }
        Ok(nano)
    }
}

fn today(now: Timestamp, zone: &TimeZone) -> Date {
    let now = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
    now.to_zoned(zone.clone()).date()
}

/// The quarter-hour in which a day begins.
fn start(date: Result<Date, jiff::Error>, zone: &TimeZone) -> Result<i64, ApiError> {
    let start = date.and_then(|date| date.to_zoned(zone.clone()));
    start.map(|start| quarter(&start)).map_err(|_| ApiError::bad("forecast", "There is no such time."))
}

impl Known {
    /// What the month is expected to come to.
    fn forecast(mut self) -> Forecast {
        while self.days_nano.last() == Some(&0) {
            self.days_nano.pop();
        }
        let last = self.today.last_of_month();
        let days_left = i64::from((last - self.today).get_days());
        let to_come = (1..=days_left).filter_map(|days| {
            self.today.checked_add(jiff::Span::new().days(days)).ok().map(|date| self.mean(date.weekday()))
        });
        let rest_of_today = (self.mean(self.today.weekday()) - self.today_nano).max(0);
        let expected = to_come.fold(self.month_nano.saturating_add(rest_of_today), i64::saturating_add);
        let dollars = |nano: i64| kit::Money(nano).dollars();
        Forecast {
            month: self.today.strftime("%Y-%m").to_string(),
            spend: dollars(self.month_nano),
            expected_spend: dollars(expected),
            previous_spend: dollars(self.previous_month_nano),
            days_left,
            days_known: self.days_nano.len(),
        }
    }

    /// Of a weekday; of all days while there are not four of each.
    fn mean(&self, weekday: Weekday) -> i64 {
        let is_long = i64::try_from(self.days_nano.len()) == Ok(DAYS_BACK);
        let days = (1..).zip(&self.days_nano).filter(|(ago, _)| {
            let date = self.today.saturating_sub(jiff::Span::new().days(*ago));
            !is_long || date.weekday() == weekday
        });
        let (sum, count) =
            days.fold((0_i64, 0), |(sum, count), (_, nano)| (sum.saturating_add(*nano), count + 1));
        if count > 0 {
            return sum / count;
        }
        self.today_nano
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DOLLAR: i64 = 1_000_000_000;

    fn forecast(today: Date, today_nano: i64, days_nano: Vec<i64>, month_nano: i64) -> (f64, i64, usize) {
        let known = Known { today, today_nano, days_nano, month_nano, previous_month_nano: 0 };
        let forecast = known.forecast();
        (forecast.expected_spend, forecast.days_left, forecast.days_known)
    }

    #[test]
    fn each_day_to_come_is_like_those_of_its_name() {
        // 2026-01-28 is a Wednesday; a dollar on working days, nothing on others.
        let today = date(2026, 1, 28);
        let days = (1..=DAYS_BACK).map(|ago| {
            let weekday = today.saturating_sub(jiff::Span::new().days(ago)).weekday();
            if matches!(weekday, Weekday::Saturday | Weekday::Sunday) { 0 } else { DOLLAR }
        });
        // Thursday, Friday, and the rest of today; Saturday costs nothing.
        assert_eq!(forecast(today, DOLLAR / 4, days.collect(), 19 * DOLLAR + DOLLAR / 4), (22.0, 3, 28));
    }

    #[test]
    fn what_began_lately_goes_on_as_it_began() {
        let today = date(2026, 1, 30);
        // Two known days of 4 and 2, a dear today, and one day left.
        let days = [4 * DOLLAR, 2 * DOLLAR].into_iter().chain([0; 26]).collect();
        assert_eq!(forecast(today, 5 * DOLLAR, days, 11 * DOLLAR), (14.0, 1, 2));
        assert_eq!(forecast(today, 5 * DOLLAR, vec![0; 28], 5 * DOLLAR), (10.0, 1, 0));
        assert_eq!(forecast(date(2026, 1, 31), 0, vec![], 0), (0.0, 0, 0));
    }
}
