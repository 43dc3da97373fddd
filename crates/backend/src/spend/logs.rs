use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use kit::{KeyHash, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use store::spend::{LOG_ROWS_MAX, LogQuery, Point, Range, Scope, Split, Steps};
use utoipa::{IntoParams, ToSchema};

use super::row::SpendLog;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::PageOf;
use crate::state::{Shared, State};
use crate::time::{day, parse_day};

/// Days of one summary.
const DAYS_MAX: i64 = 731;
const DAY_MICROS: i64 = 86_400_000_000;
/// Names the next page of rows when there may be one.
const NEXT_PAGE: HeaderName = HeaderName::from_static("x-bulkhead-next-page");

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct SpendLogsQuery {
    /// Raw key or hash.
    api_key: Option<String>,
    user_id: Option<String>,
    /// Id of the response, the call or the row.
    request_id: Option<String>,
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
    /// With both dates: one entry per day instead of rows.
    summarize: bool,
    /// Of rows, from 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 1000)]
    page_size: u32,
}

impl Default for SpendLogsQuery {
    fn default() -> Self {
        Self {
            api_key: None,
            user_id: None,
            request_id: None,
            start_date: None,
            end_date: None,
            summarize: true,
            page: 1,
            page_size: LOG_ROWS_MAX,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only describes the answers for the document")]
pub enum SpendLogEntry {
    Row(Box<SpendLog>),
    Day(SpendDay),
}

#[derive(Serialize, ToSchema)]
pub struct SpendDay {
    #[serde(rename = "startTime")]
    start_time: String,
    spend: f64,
    users: BTreeMap<String, f64>,
    models: BTreeMap<String, f64>,
    /// The spend again, under the hash of the key that was asked for.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    keys: Map<String, serde_json::Value>,
}

/// Calls, newest first; or with both dates and `summarize` sums per day. Others than
/// administrators see their own.
#[utoipa::path(
    get, path = "/spend/logs", tag = "spend", operation_id = "listSpendLogs", params(SpendLogsQuery),
    responses((status = 200, body = Vec<SpendLogEntry>), Refusals),
)]
pub async fn logs(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(mut query): Params<SpendLogsQuery>,
) -> Result<Response, ApiError> {
    query.confine(&caller);
    let from = query.start_date.as_deref().map(|text| date("start_date", text)).transpose()?;
    let last = query.end_date.as_deref().map(|text| date("end_date", text)).transpose()?;
    let until = last.map(|day| Timestamp(day.micros() + DAY_MICROS));
    match (from, until) {
        (Some(from), Some(until)) if query.summarize && query.request_id.is_none() => {
            Ok(Json(summary(&state, &query, from, until).await?).into_response())
        }
        _ => rows(&state, query, from, until).await,
    }
}

async fn rows(
    state: &State,
    query: SpendLogsQuery,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Response, ApiError> {
    let page = PageOf::new(query.page, query.page_size, LOG_ROWS_MAX, "page_size")?;
    let log_query = LogQuery {
        request_id: query.request_id,
        api_key: query.api_key.as_deref().map(key_name),
        user_id: query.user_id,
        from,
        until,
        page: page.index(),
        size: page.size,
    };
    let rows = state.store.spend().logs(&log_query).await?;
    let full = rows.len() == page.size as usize;
    let mut response = Json(rows.into_iter().map(SpendLog::from).collect::<Vec<_>>()).into_response();
    if full {
        response.headers_mut().insert(NEXT_PAGE, HeaderValue::from(page.number + 1));
    }
    Ok(response)
}

async fn summary(
    state: &State,
    query: &SpendLogsQuery,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<SpendDay>, ApiError> {
    let days = (until.micros() - from.micros()) / DAY_MICROS;
    if !(1..=DAYS_MAX).contains(&days) {
        let message = format!("`end_date` must not be before `start_date`, nor {DAYS_MAX} days after it.");
        return Err(ApiError::bad("end_date", message));
    }
    let scope = Scope { api_key: query.api_key.as_deref().map(key_name), user_id: query.user_id.clone() };
    let (spend, range) = (state.store.spend(), Range::new(from, until));
    let totals = spend.series(range, Steps::DAYS, Split::Nothing, &scope).await?;
    let users = by_day(spend.series(range, Steps::DAYS, Split::User, &scope).await?);
    let models = by_day(spend.series(range, Steps::DAYS, Split::Model, &scope).await?);
    let totals = totals.into_iter().map(|point| (point.at, point.totals.spend().dollars()));
    let totals = totals.collect::<BTreeMap<_, _>>();
    let days = (0..days).map(|index| Timestamp(from.micros() + index * DAY_MICROS));
    Ok(days
        .map(|at| {
            let spend = totals.get(&at).copied().unwrap_or_default();
            let keys = scope.api_key.iter().map(|key| (key.clone(), json!(spend)));
            SpendDay {
                start_time: day(at),
                spend,
                users: users.get(&at).cloned().unwrap_or_default(),
                models: models.get(&at).cloned().unwrap_or_default(),
                keys: keys.collect(),
            }
        })
        .collect())
}

fn by_day(points: Vec<Point>) -> BTreeMap<Timestamp, BTreeMap<String, f64>> {
    let mut days = BTreeMap::<_, BTreeMap<_, _>>::new();
    for point in points {
        days.entry(point.at).or_default().insert(point.name, point.totals.spend().dollars());
    }
    days
}

fn date(param: &'static str, text: &str) -> Result<Timestamp, ApiError> {
    parse_day(text).ok_or_else(|| ApiError::bad(param, format!("`{text}` is not a date like 2026-01-31.")))
}

/// A raw key is looked up by its hash; a hash, or the master key's label, as it is.
pub fn key_name(text: &str) -> String {
    if text.starts_with("sk-") { KeyHash::of(text).to_hex() } else { text.to_owned() }
}

impl SpendLogsQuery {
    fn confine(&mut self, caller: &Caller) {
        match (caller.user_id(), caller.key()) {
            _ if caller.sees_all() => {}
            (None, Some(key)) => self.api_key = Some(key.hash.to_hex()),
            (user, _) => self.user_id = Some(user.unwrap_or_default().to_owned()),
        }
    }
}
