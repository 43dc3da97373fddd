//! Spend by tag.

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Question, Timeline, quarter_of};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};
use crate::time::parse_day;

const DAY_MICROS: i64 = 86_400_000_000;
/// Entries of one list.
pub const ENTRIES_MAX: u32 = 1_000;

/// UTC days, both included; all time without them.
///
/// # Errors
/// 400 when one is no date, or the last is before the first.
pub fn whole(state: &State, first: Option<&str>, last: Option<&str>) -> Result<Timeline, ApiError> {
    let date = |param: &'static str, text: &str| {
        let day = parse_day(text).map(kit::Timestamp::micros);
        day.ok_or_else(|| ApiError::plain(param, format!("`{param}` is a date like 2026-01-31.")))
    };
    let first = first.map(|text| date("start_date", text)).transpose()?.unwrap_or(0);
    let last = last.map(|text| date("end_date", text)).transpose()?;
    let last = last.unwrap_or_else(|| state.clock.now().micros());
    if last < first {
        return Err(ApiError::plain("end_date", "`end_date` must not be before `start_date`."));
    }
    Ok(Timeline::new([first, last + DAY_MICROS].map(quarter_of))?)
}

/// The dearest of a dimension.
///
/// # Errors
/// When the database fails or takes too long.
pub async fn dearest(
    state: &State,
    timeline: Timeline,
    by: Dimension,
    among: Vec<Among>,
    limit: u32,
) -> Result<Vec<(String, Totals)>, ApiError> {
    let question = Question { timeline, by: [Some(by), None], filters: vec![], among, limit };
    let rows = state.store.usage().ask(&question).await?.rows.into_iter();
    Ok(rows.map(|Answer { name, totals, .. }| (name, totals)).collect())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TagsQuery {
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"individual_request_tag": "blue", "log_count": 12, "total_spend": 0.0015}))]
pub struct TagSpend {
    individual_request_tag: String,
    log_count: i64,
    /// US dollars.
    total_spend: f64,
}

/// Tags by what requests with them cost, the dearest thousand. A request counts for each of its tags.
#[utoipa::path(
    get, path = "/spend/tags", tag = "spend", operation_id = "listTagSpend", params(TagsQuery),
    responses((status = 200, body = Vec<TagSpend>), Refusals),
)]
pub async fn tags(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<TagsQuery>,
) -> Result<Json<Vec<TagSpend>>, ApiError> {
    let timeline = whole(&state, query.start_date.as_deref(), query.end_date.as_deref())?;
    let tags = dearest(&state, timeline, Dimension::Tag, vec![], ENTRIES_MAX).await?;
    let spend = |(tag, totals): (String, Totals)| TagSpend {
        individual_request_tag: tag,
        log_count: totals.requests,
        total_spend: totals.spend().dollars(),
    };
    Ok(Json(tags.into_iter().map(spend).collect()))
}
