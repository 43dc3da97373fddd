//! Who used tags: of each tag, how many users, and what their requests came to.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State as Extract;
use jiff::civil::Date;
use serde::Serialize;
use store::StoreError;
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Question, Timeline, quarter_of};
use utoipa::{IntoParams, ToSchema};

use crate::activity::days::Days;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};
use crate::time::{day, parse_day};

/// Tags of one answer, the dearest.
const TAGS_MAX: usize = 250;
/// Tags among which a part of a name is looked for, the dearest.
const SEARCHED_MAX: u32 = 5_000;
/// Times of one answer.
const TIMES: i64 = 7;
const DAY_MICROS: i64 = 86_400_000_000;

/// `tag_filters` may be repeated.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes the parameters for the document")]
pub struct TagFilter {
    /// Part of a tag's name, in whatever case.
    tag_filter: Option<String>,
    /// Only these tags, each by itself; in place of `tag_filter`.
    tag_filters: Option<Vec<String>>,
}

#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes the parameters for the document")]
pub struct SummaryQuery {
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
    /// Part of a tag's name, in whatever case.
    tag_filter: Option<String>,
    /// Only these tags, each by itself; in place of `tag_filter`.
    tag_filters: Option<Vec<String>>,
}

/// Parameters as they were sent, some more than once.
pub(super) type Pairs = Vec<(String, String)>;

pub(super) fn sent<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    let mut named = pairs.iter().filter(|(other, value)| other == name && !value.is_empty());
    named.next_back().map(|(_, value)| value.as_str())
}

/// Which tags are asked for.
pub(super) struct Wanted {
    these: Vec<String>,
    part: String,
}

impl Wanted {
    pub(super) fn new(pairs: &Pairs) -> Result<Self, ApiError> {
        let these = pairs.iter().filter(|(name, value)| name == "tag_filters" && !value.is_empty());
        let these = these.map(|(_, tag)| tag.clone()).collect::<Vec<_>>();
        if these.len() > TAGS_MAX || these.iter().any(|tag| tag.contains(char::is_control)) {
            let message = format!("`tag_filters` names {TAGS_MAX} tags at most.");
            return Err(ApiError::plain("tag_filters", message));
        }
        Ok(Self { these, part: sent(pairs, "tag_filter").unwrap_or_default().to_lowercase() })
    }

    pub(super) fn among(&self) -> Vec<Among> {
        if self.these.is_empty() { vec![] } else { vec![Among::these(Dimension::Tag, self.these.clone())] }
    }

    pub(super) fn keeps(&self, tag: &str) -> bool {
        if self.these.is_empty() {
            tag.to_lowercase().contains(&self.part)
        } else {
            self.these.iter().any(|this| this == tag)
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"results": [{"tag": "blue"}]}))]
pub struct DistinctTags {
    results: Vec<DistinctTag>,
}

#[derive(Serialize, ToSchema)]
pub struct DistinctTag {
    tag: String,
}

/// The tags of requests, the dearest 250.
#[utoipa::path(
    get, path = "/tag/distinct", tag = "tags", operation_id = "listDistinctTags",
    responses((status = 200, body = DistinctTags), Refusals),
)]
pub async fn distinct(
    Extract(state): Extract<Shared>,
    _caller: Caller,
) -> Result<Json<DistinctTags>, ApiError> {
    let until = quarter_of(state.clock.now().micros().saturating_add(DAY_MICROS));
    let tags = tags(&state, Timeline::new([0, until])?, vec![]).await?;
    let results = tags.into_iter().take(TAGS_MAX).map(|answer| DistinctTag { tag: answer.name }).collect();
    Ok(Json(DistinctTags { results }))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"results": [{
    "tag": "blue", "unique_users": 2, "total_requests": 12, "successful_requests": 11, "failed_requests": 1,
    "total_tokens": 340, "total_spend": 0.0015,
}]}))]
pub struct TagSummary {
    results: Vec<TagSum>,
}

#[derive(Serialize, ToSchema)]
pub struct TagSum {
    tag: String,
    unique_users: usize,
    total_requests: i64,
    successful_requests: i64,
    failed_requests: i64,
    total_tokens: i64,
    /// US dollars.
    total_spend: f64,
}

/// Tags of a range of days with their requests and users, the dearest 250. Users are counted from single calls.
#[utoipa::path(
    get, path = "/tag/summary", tag = "tags", operation_id = "tagSummary", params(SummaryQuery),
    responses((status = 200, body = TagSummary), Refusals),
)]
pub async fn summary(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(pairs): Params<Pairs>,
) -> Result<Json<TagSummary>, ApiError> {
    let wanted = Wanted::new(&pairs)?;
    let days = Days::new(sent(&pairs, "start_date"), sent(&pairs, "end_date"), 0)?;
    let users = users(&state, days.whole()?, &wanted).await?;
    let tags = tags(&state, days.whole()?, wanted.among()).await?;
    let sum = |Answer { name, totals, .. }: Answer| {
        let Totals { requests, failures, refusals, cancellations, .. } = totals;
        let failed = failures + refusals + cancellations;
        TagSum {
            unique_users: users.get(&(0, name.clone())).copied().unwrap_or(0),
            tag: name,
            total_requests: requests,
            successful_requests: requests - failed,
            failed_requests: failed,
            total_tokens: totals.input_tokens.saturating_add(totals.output_tokens),
            total_spend: totals.spend().dollars(),
        }
    };
    let tags = tags.into_iter().filter(|answer| wanted.keeps(&answer.name));
    Ok(Json(TagSummary { results: tags.take(TAGS_MAX).map(sum).collect() }))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"results": [{
    "tag": "blue", "active_users": 2, "date": "Week 7 (Jan 26)", "period_start": "2026-01-26", "period_end": "2026-02-01",
}]}))]
pub struct ActiveUsers {
    /// The latest last.
    results: Vec<ActiveTag>,
}

#[derive(Serialize, ToSchema)]
pub struct ActiveTag {
    tag: String,
    active_users: usize,
    /// A day, or such as `Week 7 (Jan 26)`.
    date: String,
    period_start: Option<String>,
    /// Included.
    period_end: Option<String>,
}

/// Users of each tag on each of the last seven UTC days, counted from single calls.
#[utoipa::path(
    get, path = "/tag/dau", tag = "tags", operation_id = "tagUsersByDay", params(TagFilter),
    responses((status = 200, body = ActiveUsers), Refusals),
)]
pub async fn by_day(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(pairs): Params<Pairs>,
) -> Result<Json<ActiveUsers>, ApiError> {
    active(&state, &Wanted::new(&pairs)?, 1, None).await.map(Json)
}

/// The same of the last seven times seven days.
#[utoipa::path(
    get, path = "/tag/wau", tag = "tags", operation_id = "tagUsersByWeek", params(TagFilter),
    responses((status = 200, body = ActiveUsers), Refusals),
)]
pub async fn by_week(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(pairs): Params<Pairs>,
) -> Result<Json<ActiveUsers>, ApiError> {
    active(&state, &Wanted::new(&pairs)?, 7, Some("Week")).await.map(Json)
}

/// The same of the last seven times thirty days.
#[utoipa::path(
    get, path = "/tag/mau", tag = "tags", operation_id = "tagUsersByMonth", params(TagFilter),
    responses((status = 200, body = ActiveUsers), Refusals),
)]
pub async fn by_month(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(pairs): Params<Pairs>,
) -> Result<Json<ActiveUsers>, ApiError> {
    active(&state, &Wanted::new(&pairs)?, 30, Some("Month")).await.map(Json)
}

/// Users of the last seven times so many days, today included.
async fn active(
    state: &State,
    wanted: &Wanted,
    days: i64,
    called: Option<&str>,
) -> Result<ActiveUsers, ApiError> {
    let no_time = || ApiError::plain("start_date", "There is no such time.");
    let today = day(state.clock.now());
    let end = parse_day(&today).ok_or_else(no_time)?.micros() + DAY_MICROS;
    let today: Date = today.parse().map_err(|_| no_time())?;
    let start = |time: i64| quarter_of(end - (TIMES - time) * days * DAY_MICROS);
    let users = users(state, Timeline::new((0..=TIMES).map(start))?, wanted).await?;
    let date = |days_ago: i64| today.saturating_sub(jiff::Span::new().days(days_ago));
    let mut rows = users.into_iter().collect::<Vec<_>>();
    rows.sort_unstable_by(|((time, tag), users), (other, other_count)| {
        (time, std::cmp::Reverse(users), tag).cmp(&(&other.0, std::cmp::Reverse(other_count), &other.1))
    });
    let entry = |((time, tag), active_users): ((i64, String), usize)| {
        let (first, last) = (date((TIMES - time) * days - 1), date((TIMES - time - 1) * days));
        let named = called.map(|called| format!("{called} {} ({})", time + 1, first.strftime("%b %d")));
        ActiveTag {
            tag,
            active_users,
            period_start: called.map(|_| first.to_string()),
            period_end: called.map(|_| last.to_string()),
            date: named.unwrap_or_else(|| first.to_string()),
        }
    };
    Ok(ActiveUsers { results: rows.into_iter().map(entry).collect() })
}

/// The dearest tags.
async fn tags(state: &State, timeline: Timeline, among: Vec<Among>) -> Result<Vec<Answer>, ApiError> {
    let by = [Some(Dimension::Tag), None];
    let question = Question { timeline, by, filters: vec![], among, limit: SEARCHED_MAX };
    Ok(state.store.usage().ask(&question).await?.rows)
}

/// How many users each of the first tags had, by step.
async fn users(
    state: &State,
    timeline: Timeline,
    wanted: &Wanted,
) -> Result<HashMap<(i64, String), usize>, ApiError> {
    let among = [vec![Among::somebody(Dimension::User)], wanted.among()].concat();
    let by = [Some(Dimension::Tag), Some(Dimension::User)];
    let question = Question { timeline, by, filters: vec![], among, limit: u32::MAX };
    let rows = state.store.usage().ask_calls(&question).await.map_err(too_many)?.rows;
    // The dearest come first.
    let mut users = HashMap::new();
    let mut tags = std::collections::HashSet::new();
    for Answer { step, name, .. } in rows.into_iter().filter(|answer| wanted.keeps(&answer.name)) {
        if tags.contains(&name) || tags.len() < TAGS_MAX {
            tags.insert(name.clone());
            *users.entry((step, name)).or_insert(0) += 1;
        }
    }
    Ok(users)
}

pub(super) fn too_many(error: StoreError) -> ApiError {
    match error {
        StoreError::TooMany(what) => ApiError::plain("tag_filters", format!("There are too many {what}.")),
        error => error.into(),
    }
}
