//! Which cells answer a question about time: months and days where they are whole, quarter-hours at the edges.

use jiff::civil::{Date, date};

use super::QUARTERS_PER_DAY;
use super::cells::{Grain, Whole};
use crate::StoreError;
use crate::values::Listed;

/// Timeline of one question at most.
pub const STEPS_MAX: usize = 1_000;

/// Stretches of time that follow each other: bounds in quarter-hours since 1970, ascending, one more than steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    bounds: Vec<i64>,
}

impl Timeline {
    /// Bounds that do not ascend are left out.
    ///
    /// # Errors
    /// When there are more than [`STEPS_MAX`] steps.
    pub fn new(bounds: impl IntoIterator<Item = i64>) -> Result<Self, StoreError> {
        let mut kept = Vec::<i64>::new();
        for bound in bounds {
            if kept.last().is_none_or(|last| *last < bound) {
                kept.push(bound);
            }
            if kept.len() > STEPS_MAX + 1 {
                return Err(StoreError::TooMany("steps"));
            }
        }
        Ok(Self { bounds: kept })
    }

    /// Index, first quarter-hour and the one after the last of each step.
    pub(super) fn steps(&self) -> impl Iterator<Item = (i64, i64, i64)> {
        (0_i64..).zip(self.bounds.windows(2)).map(|(step, bounds)| (step, bounds[0], bounds[1]))
    }

    pub(super) fn is_exact(&self, whole: Whole) -> bool {
        self.bounds.iter().all(|bound| whole.kept(*bound) == *bound)
    }
}

impl Whole {
    /// A bound for which there are cells: where quarter-hours are gone, the next start of a day.
    const fn kept(self, quarter: i64) -> i64 {
        if quarter < self.kept_since { first_day_from(quarter) * QUARTERS_PER_DAY } else { quarter }
    }
}

/// Cells that follow each other; `width` of them are one step, and the first are of step `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub grain: Grain,
    pub since: i64,
    /// Not included.
    pub until: i64,
    pub step: i64,
    pub width: i64,
}

/// The cells that make up the steps.
pub(super) fn plan(timeline: &Timeline, whole: Whole) -> Vec<Segment> {
    let mut segments = Vec::new();
    for (step, bounds) in (0_i64..).zip(timeline.bounds.windows(2)) {
        let (since, until) = (whole.kept(bounds[0]), whole.kept(bounds[1]));
        let folded = whole.folded_until.clamp(since, until);
        let parts = of_folded(since, folded).into_iter().chain([(Grain::Quarters, folded, until)]);
        for (grain, since, until) in parts.filter(|(_, since, until)| since < until) {
            append(&mut segments, Segment { grain, since, until, step, width: until - since });
        }
    }
    segments
}

/// Fills up a list: no cell is in it.
const NOTHING: Segment = Segment { grain: Grain::Quarters, since: 0, until: 0, step: 0, width: 1 };

/// The statement that takes so many segments, and their values.
pub(super) fn listed(
    list: &'static Listed,
    segments: &[Segment],
) -> Result<(&'static str, Vec<i64>), StoreError> {
    let (text, rows) = list.text(segments.len()).ok_or(StoreError::TooMany("steps"))?;
    let filled = segments.iter().chain(std::iter::repeat(&NOTHING)).take(rows);
    let values = filled.flat_map(|segment| {
        let Segment { grain, since, until, step, width } = *segment;
        [grain as i64, since, until, step, width]
    });
    Ok((text, values.collect()))
}

/// Quarter-hours, days, months, days, quarter-hours.
fn of_folded(since: i64, until: i64) -> [(Grain, i64, i64); 5] {
    let first_day = first_day_from(since);
    let last_day = until.div_euclid(QUARTERS_PER_DAY);
    if first_day >= last_day {
        let nothing = (Grain::Days, 0, 0);
        return [(Grain::Quarters, since, until), nothing, nothing, nothing, nothing];
    }
    let first_month = month_from(first_day);
    let last_month = month_of_day(last_day).max(first_month);
    let (months_since, months_until) = match first_day_of(first_month) <= last_day {
        true => (first_day_of(first_month), first_day_of(last_month)),
        false => (last_day, last_day),
    };
    [
        (Grain::Quarters, since, first_day * QUARTERS_PER_DAY),
        (Grain::Days, first_day, months_since),
        (Grain::Months, first_month, if months_since < months_until { last_month } else { first_month }),
        (Grain::Days, months_until, last_day),
        (Grain::Quarters, last_day * QUARTERS_PER_DAY, until),
    ]
}

/// A segment that goes on like the last of its grain, one step later, becomes part of it.
fn append(segments: &mut Vec<Segment>, next: Segment) {
    let last = segments.iter_mut().rev().take(5).find(|last| last.grain == next.grain);
    if let Some(last) = last
        && last.until == next.since
        && last.width == next.width
        && last.step + (last.until - last.since) / last.width == next.step
    {
        last.until = next.until;
    } else {
        segments.push(next);
    }
}

/// The first day that begins in a quarter-hour or later.
const fn first_day_from(quarter: i64) -> i64 {
    -(-quarter).div_euclid(QUARTERS_PER_DAY)
}

const EPOCH: Date = date(1970, 1, 1);

/// Days since 1970 as a date; far ones are brought to what a calendar has.
fn date_of(day: i64) -> Date {
    let span = jiff::Span::new().try_days(day).unwrap_or_default();
    EPOCH.saturating_add(span)
}

/// The month since 1970 that a day is in.
pub(super) fn month_of_day(day: i64) -> i64 {
    let date = date_of(day);
    (i64::from(date.year()) - 1970) * 12 + i64::from(date.month()) - 1
}

/// The first month that begins on a day or later.
fn month_from(day: i64) -> i64 {
    month_of_day(day) + i64::from(date_of(day).day() > 1)
}

/// The day since 1970 on which a month begins.
pub(super) fn first_day_of(month: i64) -> i64 {
    let year = i16::try_from(1970 + month.div_euclid(12)).unwrap_or(i16::MAX);
    let month = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
    let days = Date::new(year, month, 1).map_or(0, |first| (first - EPOCH).get_days());
    i64::from(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quarters(segment: &Segment) -> Vec<(i64, i64)> {
        let step = |at: i64| segment.step + (at - segment.since) / segment.width;
        let of_days = |since: i64, until: i64| since * QUARTERS_PER_DAY..until * QUARTERS_PER_DAY;
        let cells = segment.since..segment.until;
        match segment.grain {
            Grain::Quarters => cells.map(|at| (at, step(at))).collect(),
            Grain::Days => cells.flat_map(|at| of_days(at, at + 1).map(move |q| (q, step(at)))).collect(),
            Grain::Months => cells
                .flat_map(|at| of_days(first_day_of(at), first_day_of(at + 1)).map(move |q| (q, step(at))))
                .collect(),
        }
    }

    fn all_folded(kept_since: i64) -> Whole {
        Whole { folded_until: i64::MAX, kept_since }
    }

    fn check(steps: &Timeline, whole: Whole) {
        let segments = plan(steps, whole);
        let mut covered = segments.iter().flat_map(quarters).collect::<Vec<_>>();
        covered.sort_unstable();
        let expected = (0_i64..).zip(steps.bounds.windows(2));
        let expected = expected.flat_map(|(step, bounds)| {
            (whole.kept(bounds[0])..whole.kept(bounds[1])).map(move |quarter| (quarter, step))
        });
        assert_eq!(covered, expected.collect::<Vec<_>>(), "{segments:?}");
        for segment in &segments {
            let quarters = quarters(segment).into_iter().map(|(quarter, _)| quarter);
            let (least, most) = (quarters.clone().min().unwrap(), quarters.max().unwrap());
            match segment.grain {
                Grain::Quarters => assert!(least >= whole.kept_since, "{segments:?}"),
                Grain::Days | Grain::Months => assert!(most < whole.folded_until, "{segments:?}"),
            }
        }
    }

    const DAY: i64 = QUARTERS_PER_DAY;
    /// 2024-01-01.
    const NEW_YEAR: i64 = 19_723 * DAY;

    #[test]
    fn long_questions_take_few_segments() {
        let days = Timeline::new((0..=730).map(|day| NEW_YEAR + day * DAY)).unwrap();
        assert_eq!(plan(&days, all_folded(0)).len(), 1);
        let shifted = Timeline::new((0..=730).map(|day| NEW_YEAR + day * DAY - 22)).unwrap();
        assert_eq!(plan(&shifted, all_folded(0)).len(), 1);
        let months = Timeline::new((0..=24).map(|month| first_day_of(648 + month) * DAY)).unwrap();
        assert_eq!(
            plan(&months, all_folded(0)),
            [Segment { grain: Grain::Months, since: 648, until: 672, step: 0, width: 1 }]
        );
        let whole = Timeline::new([NEW_YEAR - 22, NEW_YEAR + 730 * DAY - 22]).unwrap();
        let grains = plan(&whole, all_folded(0)).iter().map(|segment| segment.grain).collect::<Vec<_>>();
        assert_eq!(grains, [Grain::Quarters, Grain::Months, Grain::Days, Grain::Quarters]);
    }

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        for month in -30..1_000 {
            assert_eq!(month_of_day(first_day_of(month)), month);
            assert_eq!(month_of_day(first_day_of(month) - 1), month - 1);
        }
    }

    proptest! {
        #[test]
        fn each_quarter_hour_counts_once_and_in_its_step(
            first in NEW_YEAR - 400 * DAY..NEW_YEAR + 400 * DAY,
            widths in prop::collection::vec(prop_oneof![1_i64..200, Just(DAY), Just(DAY - 4), Just(7 * DAY), 1..90 * DAY], 1..30),
            folded in -100_i64..400 * DAY,
            kept in -100_i64..500,
        ) {
            let bounds = widths.iter().scan(first, |at, width| { *at += width; Some(*at) });
            let folded_until = first + folded;
            let kept_since = (first.div_euclid(DAY) + kept).min(folded_until.div_euclid(DAY)) * DAY;
            let whole = Whole { folded_until, kept_since };
            check(&Timeline::new([first].into_iter().chain(bounds)).unwrap(), whole);
        }
    }
}
