//! Usage as a file: step after step, all groups of each.

use axum::Extension;
use axum::extract::State as Extract;
use axum::response::Response;
use store::spend::Totals;
use store::usage::{Answer, Dimension, Filter, Question, Timeline};

use super::frame::Frame;
use super::usage::{NAMES, UsageQuery};
use crate::activity::Names;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::export::{File, Parts};
use crate::http::input::Params;
use crate::http::reports::Reports;
use crate::http::table::{Cell, FileFormat};
use crate::state::Shared;

/// Groups of one step at most, beside what is left of it.
const GROUPS_MAX: u32 = 5_000;
/// What is not told apart.
const OTHER: &str = "other";

const METRICS: [&str; 13] = [
    "spend",
    "requests",
    "successes",
    "failures",
    "refusals",
    "cancellations",
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "duration_ms",
];

/// A file of usage: a line for each step and group that has any; of a step the dearest five thousand, and `other`. `top`,
/// `group_series` and `compare` have no effect.
#[utoipa::path(
    get, path = "/analytics/usage/export", tag = "analytics", operation_id = "exportUsage", params(UsageQuery),
    responses((status = 200, content((String = "text/csv"), (String = "application/jsonl"))), Refusals),
)]
pub async fn export(
    Extract(state): Extract<Shared>,
    Extension(reports): Extension<Reports>,
    caller: Caller,
    Params(query): Params<UsageQuery>,
) -> Result<Response, ApiError> {
    let (by, filters, frame) = (query.by()?, query.filters(&caller), query.frame()?);
    let file = File::new(format!("usage_{}_{}", frame.first, frame.last), query.format);
    let starts = frame.starts().collect();
    let columns = columns(by);
    let names = Names::default();
    let parts =
        UsageFile { state, format: query.format, frame, starts, by, filters, columns, names, steps: None };
    reports.export(file, parts).await
}

/// The column of the other name of what a dimension has.
const fn alias(of: Dimension) -> Option<&'static str> {
    match of {
        Dimension::Organization => Some("organization_alias"),
        Dimension::Team => Some("team_alias"),
        Dimension::User => Some("user_alias"),
        Dimension::Key => Some("key_alias"),
        Dimension::Customer => Some("customer_alias"),
        _ => None,
    }
}

fn columns(by: [Option<Dimension>; 2]) -> Vec<&'static str> {
    let mut columns = vec!["at"];
    for by in by.into_iter().flatten() {
        columns.extend(NAMES.iter().filter(|(_, of)| *of == by).map(|(name, _)| *name));
        columns.extend(alias(by));
    }
    columns.extend(METRICS);
    columns
}

struct UsageFile {
    state: Shared,
    format: FileFormat,
    frame: Frame,
    /// When each step begins.
    starts: Vec<String>,
    by: [Option<Dimension>; 2],
    filters: Vec<Filter>,
    columns: Vec<&'static str>,
    names: Names,
    /// Steps with usage that are still to come, the last first; `None` before the first part.
    steps: Option<Vec<i64>>,
}

impl Parts for UsageFile {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let Some(steps) = &mut self.steps else {
            // What cannot be asked is refused before the file begins.
            self.ask(self.frame.whole()?, self.by, 1).await?;
            let used = self.ask(self.frame.steps()?, [None; 2], u32::MAX).await?;
            let mut steps = used.into_iter().map(|answer| answer.step).collect::<Vec<_>>();
            steps.sort_unstable_by(|one, other| other.cmp(one));
            self.steps = Some(steps);
            return self.format.head(&self.columns).map(Some);
        };
        let Some(step) = steps.pop() else { return Ok(None) };
        let rows = self.rows(usize::try_from(step).unwrap_or_default()).await?;
        self.format.rows(&self.columns, rows).map(Some)
    }
}

impl UsageFile {
    async fn ask(
        &self,
        timeline: Timeline,
        by: [Option<Dimension>; 2],
        limit: u32,
    ) -> Result<Vec<Answer>, ApiError> {
        let question = Question { timeline, by, filters: self.filters.clone(), among: vec![], limit };
        Ok(self.state.store.usage().ask(&question).await?.rows)
    }

    async fn rows(&mut self, step: usize) -> Result<Vec<Vec<Cell>>, ApiError> {
        let timeline = self.frame.step(step)?;
        let answers = self.ask(timeline.clone(), self.by, GROUPS_MAX).await?;
        // Usage goes on growing: what is read last has all that was read before.
        let total = self.ask(timeline, [None; 2], 1).await?;
        let total = total.first().map(|answer| answer.totals).unwrap_or_default();
        self.names.learn(&self.state, self.by, &answers).await?;
        let at = self.starts.get(step).map_or("", String::as_str);
        let mut rows = answers.iter().map(|answer| self.row(at, answer)).collect::<Vec<_>>();
        let rest = answers.iter().fold(total, |rest, answer| rest - answer.totals);
        // A request with several tags counts for each of them.
        if self.by[0].is_some() && !self.by.contains(&Some(Dimension::Tag)) && rest != Totals::default() {
            let mut row = vec![Cell::Nothing; self.columns.len() - METRICS.len()];
            (row[0], row[1]) = (at.into(), OTHER.into());
            row.extend(metrics(rest));
            rows.push(row);
        }
        Ok(rows)
    }

    fn row(&self, at: &str, answer: &Answer) -> Vec<Cell> {
        let mut row = vec![Cell::from(at)];
        for (index, (by, name)) in self.by.into_iter().zip([&answer.name, &answer.second]).enumerate() {
            let Some(by) = by else { continue };
            row.push(name.as_str().into());
            if alias(by).is_some() {
                row.push(self.names.label(index, name).into());
            }
        }
        row.extend(metrics(answer.totals));
        row
    }
}

fn metrics(totals: Totals) -> Vec<Cell> {
    let ended = totals.failures + totals.refusals + totals.cancellations;
    let counts = [
        totals.requests,
        totals.requests - ended,
        totals.failures,
        totals.refusals,
        totals.cancellations,
        totals.attempts,
        totals.input_tokens,
        totals.output_tokens,
        totals.cache_read_tokens,
        totals.cache_write_tokens,
        totals.reasoning_tokens,
        totals.duration_micros / 1_000,
    ];
    std::iter::once(Cell::Dollars(totals.spend())).chain(counts.map(Cell::Whole)).collect()
}
