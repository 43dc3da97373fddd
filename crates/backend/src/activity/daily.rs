//! A page of days, each with its sums and breakdowns, in an answer of a bounded size.

use std::collections::BTreeMap;

use serde_json::Map;
use store::spend::Totals;
use store::usage::Timeline;

use super::allot::{evenly, shown};
use super::breakdown::{Asked, Labels, NAMES_MAX, Names, OTHER, Part, Sums, SumsByKey, by_key, lines};
use super::days::Days;
use super::view::{
    ActivityBreakdown, ActivityDay, ActivityEntry, ActivityMetadata, DailyActivity, Entries, KeyEntries,
};
use crate::http::error::ApiError;

/// Largest answer.
pub const ANSWER_BYTES_MAX: usize = 1_000_000;
/// Entries of one answer at most, days included: with names of ordinary length it stays below its largest size.
const ENTRIES_MAX: usize = 2_000;
/// Of the room of breakdowns, the part that breakdowns by key have.
const KEYS_SHARE: usize = 3;

/// Which days, and which page of them.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub days: Days,
    /// From 1.
    pub page: i64,
    /// Days of a page.
    pub size: i64,
    /// Keys that a day shows at most.
    pub api_key_limit: u32,
}

/// The answer as JSON.
///
/// # Errors
/// When the database fails or takes too long, or usage is not counted by what is asked for.
pub async fn daily(asked: &Asked<'_>, window: Window) -> Result<Vec<u8>, ApiError> {
    let mut entries_max = ENTRIES_MAX;
    loop {
        let answer = page(asked, window, entries_max).await?;
        let bytes = serde_json::to_vec(&answer).map_err(|_| ApiError::internal())?;
        // Names of users and customers may be long. Without breakdowns an answer is always small enough.
        if bytes.len() <= ANSWER_BYTES_MAX || entries_max == 0 {
            return Ok(bytes);
        }
        entries_max = if entries_max > ENTRIES_MAX / 4 { entries_max / 4 } else { 0 };
    }
}

async fn page(asked: &Asked<'_>, window: Window, entries_max: usize) -> Result<DailyActivity, ApiError> {
    let Window { days, page, size, .. } = window;
    let mut metadata =
        ActivityMetadata { page, total_pages: days.pages(size), ..ActivityMetadata::default() };
    metadata.has_more = page < metadata.total_pages;
    metadata.is_exact = true;
    let mut results = Vec::new();
    if let Some(days) = days.page(page, size) {
        let steps = days.steps()?;
        let used = asked.ask(steps.clone(), [None; 2], vec![], u32::MAX).await?.rows.len();
        let parts = Parts::of(asked, window, &steps, used, entries_max, &mut metadata).await?;
        // Usage goes on growing: what is read last has all that was read before.
        let answers = asked.ask(steps, [None; 2], vec![], u32::MAX).await?;
        metadata.is_exact = answers.is_exact;
        metadata.add(answers.rows.iter().fold(Totals::default(), |sum, answer| sum + answer.totals));
        let totals = answers.rows.into_iter().map(|answer| (answer.step, answer.totals));
        let day = |(step, totals): (i64, Totals)| ActivityDay {
            date: days.date(step).to_string(),
            metrics: totals.into(),
            breakdown: parts.breakdown(step, totals),
        };
        results = totals.collect::<BTreeMap<_, _>>().into_iter().rev().map(day).collect();
    }
    Ok(DailyActivity { results, metadata })
}

/// Everything that the breakdowns of a page are made of.
struct Parts {
    parts: Vec<Parted>,
    /// Of the keys that breakdowns by key show.
    key_labels: Labels,
}

impl Parts {
    async fn of(
        asked: &Asked<'_>,
        window: Window,
        steps: &Timeline,
        days: usize,
        entries_max: usize,
        metadata: &mut ActivityMetadata,
    ) -> Result<Self, ApiError> {
        let mut all = Vec::new();
        for part in Part::ALL.into_iter().filter(|_| days > 0) {
            let limit = if part == Part::ApiKeys { window.api_key_limit.min(NAMES_MAX) } else { NAMES_MAX };
            all.push(asked.names(part, window.days.whole()?, limit).await?);
        }
        let of_keys = all.iter().find(|names| names.part == Part::ApiKeys);
        let all_keys = of_keys.map(|names| names.names.clone()).unwrap_or_default();
        let room = entries_max.saturating_sub(days) / days.max(1);
        let room_of_parts = if all_keys.is_empty() { room } else { room - room / KEYS_SHARE };
        let wanted = all.iter().map(Names::wanted).collect::<Vec<_>>();
        for (names, room) in all.iter_mut().zip(evenly(room_of_parts, &wanted)) {
            metadata.is_cut |= names.keep(room);
        }
        let taken = all.iter().map(Names::wanted).sum::<usize>();
        let with_keys = all.iter().filter(|names| names.part.has_keys()).map(Names::wanted).sum::<usize>();
        let room_of_each = room.saturating_sub(taken).checked_div(with_keys).unwrap_or(0);
        let keys = &all_keys[..shown(all_keys.len(), room_of_each)];
        metadata.is_cut |= keys.len() < all_keys.len();
        let mut parts = Vec::new();
        for names in all {
            let shown = if names.part.has_keys() { keys } else { &[] };
            metadata.tell(&names, shown.len());
            let keys = asked.by_key(&names, shown, steps.clone()).await?;
            let sums = asked.by_day(&names, steps.clone()).await?;
            let labels = asked.labels(&names).await?;
            parts.push(Parted { names, sums, labels, keys });
        }
        let key_labels = Labels::Keys(asked.state.store.usage().key_labels(keys).await?);
        Ok(Self { parts, key_labels })
    }

    fn breakdown(&self, step: i64, total: Totals) -> ActivityBreakdown {
        let mut breakdown = ActivityBreakdown::default();
        // Where nothing is shown, the rest would say no more than the day's total.
        for part in self.parts.iter().filter(|part| !part.names.names.is_empty()) {
            *part.names.part.of(&mut breakdown) = part.entries(step, total, &self.key_labels);
        }
        breakdown
    }
}

/// One breakdown of a page.
struct Parted {
    names: Names,
    sums: Sums,
    labels: Labels,
    keys: SumsByKey,
}

impl Parted {
    fn entries(&self, step: i64, total: Totals, key_labels: &Labels) -> Entries {
        let Self { names, sums, labels, keys } = self;
        let of_name = |name: &String| Some((name.clone(), *sums.get(&(step, name.clone()))?));
        let entry = |(name, totals): (String, Totals)| {
            let is_rest = name == OTHER;
            let metadata = if is_rest { Map::new() } else { labels.of(&name) };
            let by_key = match keys.is_empty() || is_rest {
                true => KeyEntries::new(),
                false => by_key(totals, keys.get(&(step, name.clone())), key_labels),
            };
            let api_key_breakdown = names.part.has_keys().then_some(by_key);
            let entry = ActivityEntry { metrics: totals.into(), metadata, api_key_breakdown };
            (names.part.shown_as(&name), entry)
        };
        lines(total, names.names.iter().filter_map(of_name)).into_iter().map(entry).collect()
    }
}
