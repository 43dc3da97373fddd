//! Single calls, looked for and in pages.

use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::UsageEvent;
use http::StatusCode;
use kit::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::spend::{CallOrder, CallPlace, CallQuery, FOUND_MAX, FOUND_SIZE_MAX};
use utoipa::{IntoParams, ToSchema};

use super::logs::key_name;
use super::row::SpendLog;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, asked};
use crate::state::{Shared, State};
use crate::teams::permissions;
use crate::time::{parse_day, parse_moment};

const DAY_MICROS: i64 = 86_400_000_000;
const SECOND_MICROS: i64 = 1_000_000;
/// What calls can be sorted by, beside the time of their start.
const COLUMNS: [&str; 6] = ["spend", "total_tokens", "endTime", "request_duration_ms", "ttft_ms", "model"];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct CallsQuery {
    /// `YYYY-MM-DD HH:MM:SS` in UTC, or a day.
    start_date: Option<String>,
    /// The same; included.
    end_date: Option<String>,
    /// Raw key or hash.
    api_key: Option<String>,
    user_id: Option<String>,
    /// Id of the response, the call or the row.
    request_id: Option<String>,
    session_id: Option<String>,
    team_id: Option<String>,
    /// As the provider names it.
    model: Option<String>,
    /// Id of a deployment.
    model_id: Option<String>,
    /// As clients name it.
    model_group: Option<String>,
    key_alias: Option<String>,
    end_user: Option<String>,
    tag: Option<String>,
    /// HTTP status.
    error_code: Option<u16>,
    /// Part of the error's message.
    error_message: Option<String>,
    /// US dollars.
    min_spend: Option<f64>,
    /// US dollars.
    max_spend: Option<f64>,
    min_duration_ms: Option<u32>,
    max_duration_ms: Option<u32>,
    /// `success` or `failure`.
    status_filter: Option<String>,
    /// `hit` or `miss`; nothing is answered from a cache.
    cache_hit_filter: Option<String>,
    /// Part of an id, a key's alias, a user, a customer or a model.
    search: Option<String>,
    /// `startTime`, `endTime`, `spend`, `total_tokens`, `request_duration_ms`, `ttft_ms` or `model`.
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_order: Option<String>,
    /// From 1; pages within the first ten thousand calls.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    /// `next_cursor` of the page before, in place of `page`: reaches as far as there are calls.
    cursor: Option<String>,
}

impl Default for CallsQuery {
    fn default() -> Self {
        Self {
            start_date: None,
            end_date: None,
            api_key: None,
            user_id: None,
            request_id: None,
            session_id: None,
            team_id: None,
            model: None,
            model_id: None,
            model_group: None,
            key_alias: None,
            end_user: None,
            tag: None,
            error_code: None,
            error_message: None,
            min_spend: None,
            max_spend: None,
            min_duration_ms: None,
            max_duration_ms: None,
            status_filter: None,
            cache_hit_filter: None,
            search: None,
            sort_by: None,
            sort_order: None,
            page: 1,
            page_size: 50,
            cursor: None,
        }
    }
}

/// One page of calls.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "data": [{"request_id": "chatcmpl-1", "model": "gpt-4o", "spend": 0.0015, "status": "success"}],
    "total": 1, "page": 1, "page_size": 50, "total_pages": 1, "total_is_capped": false, "next_cursor": null,
}))]
pub struct Calls {
    data: Vec<SpendLog>,
    /// Calls that fit, ten thousand at most.
    total: u32,
    page: u32,
    page_size: u32,
    total_pages: u64,
    /// Whether more fit than were counted.
    total_is_capped: bool,
    /// Names the next page, in an order by `startTime`; null at the end.
    next_cursor: Option<String>,
}

/// Calls that fit all filters. Others than administrators see their own, and those of a team that they lead.
#[utoipa::path(
    get, path = "/spend/logs/ui", tag = "spend", operation_id = "findSpendLogs", params(CallsQuery),
    responses((status = 200, body = Calls), Refusals),
)]
pub async fn ui(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<CallsQuery>,
) -> Result<Json<Calls>, ApiError> {
    let (from, until) = query.range()?;
    find(&state, &caller, query, from, until).await
}

/// The same under its newer name.
#[utoipa::path(
    get, path = "/spend/logs/v2", tag = "spend", operation_id = "findSpendLogsV2", params(CallsQuery),
    responses((status = 200, body = Calls), Refusals),
)]
pub async fn v2(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<CallsQuery>,
) -> Result<Json<Calls>, ApiError> {
    let (from, until) = query.range()?;
    find(&state, &caller, query, from, until).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    session_id: String,
    /// From 1.
    #[serde(default = "first")]
    #[param(minimum = 1, default = 1)]
    page: u32,
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    page_size: u32,
}

const fn first() -> u32 {
    1
}

const fn fifty() -> u32 {
    50
}

/// The calls of a session.
#[utoipa::path(
    get, path = "/spend/logs/session/ui", tag = "spend", operation_id = "findSpendLogsOfSession", params(SessionQuery),
    responses((status = 200, body = Calls), Refusals),
)]
pub async fn session(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<SessionQuery>,
) -> Result<Json<Calls>, ApiError> {
    let query = CallsQuery {
        session_id: Some(query.session_id),
        page: query.page,
        page_size: query.page_size,
        ..CallsQuery::default()
    };
    find(&state, &caller, query, Timestamp(0), Timestamp(i64::MAX)).await
}

/// What was said in a call.
#[derive(Serialize, ToSchema)]
pub struct CallBodies {
    /// Bodies are not stored: empty.
    #[schema(value_type = Object)]
    messages: Map<String, Value>,
    #[schema(value_type = Object)]
    response: Map<String, Value>,
    #[schema(value_type = Object)]
    proxy_server_request: Map<String, Value>,
}

/// The bodies of a call, which are not stored; null when there is no such call that the caller may see.
#[utoipa::path(
    get, path = "/spend/logs/ui/{request_id}", tag = "spend", operation_id = "getSpendLogBodies",
    params(("request_id" = String, Path, description = "Id of the response, the call or the row")),
    responses((status = 200, body = Option<CallBodies>), Refusals),
)]
pub async fn bodies(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(request_id): Path<String>,
) -> Result<Json<Option<CallBodies>>, ApiError> {
    if request_id.contains('\0') {
        return Ok(Json(None));
    }
    let query = CallsQuery { request_id: Some(request_id), ..CallsQuery::default() };
    let Json(found) = find(&state, &caller, query, Timestamp(0), Timestamp(i64::MAX)).await?;
    let bodies =
        || CallBodies { messages: Map::new(), response: Map::new(), proxy_server_request: Map::new() };
    Ok(Json((!found.data.is_empty()).then(bodies)))
}

async fn find(
    state: &State,
    caller: &Caller,
    query: CallsQuery,
    from: Timestamp,
    until: Timestamp,
) -> Result<Json<Calls>, ApiError> {
    let page = PageOf::new(query.page, query.page_size, FOUND_SIZE_MAX, "page_size")?;
    let is_hit = match query.cache_hit_filter.as_deref() {
        None | Some("" | "miss") => false,
        Some("hit") => true,
        Some(_) => return Err(ApiError::plain("cache_hit_filter", "`cache_hit_filter` is `hit` or `miss`.")),
    };
    let mut calls = query.resolve(from, until)?;
    confine(state, caller, &mut calls).await?;
    let is_cursor = calls.after.is_some();
    let offset = if is_cursor { 0 } else { u64::from(page.index()) * u64::from(page.size) };
    let is_beyond = offset >= u64::from(FOUND_MAX);
    calls.offset = u32::try_from(offset).unwrap_or(u32::MAX);
    calls.size = page.size;
    let mut found = match is_hit {
        true => store::spend::FoundCalls { calls: vec![], total: 0, is_capped: false },
        false if is_beyond => {
            // How many there are is told all the same.
            (calls.offset, calls.size) = (0, 1);
            store::spend::FoundCalls { calls: vec![], ..state.store.spend().find(&calls).await? }
        }
        false => state.store.spend().find(&calls).await?,
    };
    let is_full = found.calls.len() == page.size as usize && !matches!(calls.order, CallOrder::By { .. });
    let last = found.calls.last().filter(|_| is_full);
    let next_cursor = last.map(cursor);
    Ok(Json(Calls {
        data: found.calls.drain(..).map(SpendLog::from).collect(),
        total: found.total,
        page: page.number,
        page_size: page.size,
        total_pages: page.pages(found.total.into()),
        total_is_capped: found.is_capped,
        next_cursor,
    }))
}

/// Others than administrators see their own calls, and all of a team where they may.
pub async fn confine(state: &State, caller: &Caller, calls: &mut CallQuery) -> Result<(), ApiError> {
    if caller.sees_all() {
        return Ok(());
    }
    if let Some(id) = &calls.team_id {
        let team = caller.team(state, id, Standing::Member).await?;
        let leads = caller.standing(state, &team).await? >= Standing::TeamAdmin;
        if leads || permissions::allows(&team, "/spend/logs/v2") {
            return Ok(());
        }
    }
    let forbidden = |param: &str| {
        ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some(param), "You see your own calls only.")
    };
    match (caller.user_id(), caller.key()) {
        (None, Some(key)) => {
            let own = key.hash.to_hex();
            if calls.api_key.as_ref().is_some_and(|asked| *asked != own) {
                return Err(forbidden("api_key"));
            }
            calls.api_key = Some(own);
        }
        (user, _) => {
            let own = user.unwrap_or_default();
            if calls.user_id.as_ref().is_some_and(|asked| asked != own) {
                return Err(forbidden("user_id"));
            }
            calls.user_id = Some(own.to_owned());
        }
    }
    Ok(())
}

impl CallsQuery {
    pub fn range(&self) -> Result<(Timestamp, Timestamp), ApiError> {
        let (Some(from), Some(until)) = (&self.start_date, &self.end_date) else {
            return Err(ApiError::plain("start_date", "Start date and end date are required"));
        };
        let (from, _) = moment("start_date", from)?;
        let (last, width) = moment("end_date", until)?;
        if last < from {
            return Err(ApiError::plain("end_date", "`end_date` must not be before `start_date`."));
        }
        Ok((from, Timestamp(last.micros() + width)))
    }

    pub fn resolve(self, from: Timestamp, until: Timestamp) -> Result<CallQuery, ApiError> {
        let is_success = match self.status_filter.as_deref() {
            None | Some("") => None,
            Some("success") => Some(true),
            Some("failure") => Some(false),
            Some(_) => {
                return Err(ApiError::plain("status_filter", "`status_filter` is `success` or `failure`."));
            }
        };
        let order = self.order()?;
        let after = self.cursor.as_deref().filter(|text| !text.is_empty()).map(place).transpose()?;
        if after.is_some() && matches!(order, CallOrder::By { .. }) {
            return Err(ApiError::plain("cursor", "`cursor` goes with an order by `startTime` only."));
        }
        let millis = |millis: Option<u32>| millis.map(|millis| i64::from(millis) * 1_000);
        Ok(CallQuery {
            from,
            until,
            api_key: asked(self.api_key).map(|key| key_name(&key)),
            user_id: asked(self.user_id),
            request_id: asked(self.request_id),
            team_id: asked(self.team_id),
            customer: asked(self.end_user),
            session_id: asked(self.session_id),
            model: asked(self.model),
            model_group: asked(self.model_group),
            deployment_id: asked(self.model_id),
            key_alias: asked(self.key_alias),
            tag: asked(self.tag),
            is_success,
            http_status: self.error_code,
            error: asked(self.error_message),
            cost_min: amount("min_spend", self.min_spend)?,
            cost_max: amount("max_spend", self.max_spend)?,
            duration_micros_min: millis(self.min_duration_ms),
            // Durations are shown in whole milliseconds.
            duration_micros_max: millis(self.max_duration_ms).map(|micros| micros + 999),
            search: asked(self.search),
            order,
            after,
            offset: 0,
            size: 1,
        })
    }

    fn order(&self) -> Result<CallOrder, ApiError> {
        let ascending = match self.sort_order.as_deref() {
            None | Some("" | "desc") => false,
            Some("asc") => true,
            Some(_) => return Err(ApiError::plain("sort_order", "`sort_order` is `asc` or `desc`.")),
        };
        match self.sort_by.as_deref() {
            None | Some("" | "startTime") if ascending => Ok(CallOrder::Oldest),
            None | Some("" | "startTime") => Ok(CallOrder::Newest),
            Some(other) => {
                let column = COLUMNS.into_iter().find(|column| *column == other);
                let column = column.ok_or_else(|| {
                    let message = format!("`sort_by` is `startTime` or one of {}.", COLUMNS.join(", "));
                    ApiError::plain("sort_by", message)
                })?;
                Ok(CallOrder::By { column, ascending })
            }
        }
    }
}

/// A moment, and how long the time is that was named, in microseconds.
fn moment(param: &'static str, text: &str) -> Result<(Timestamp, i64), ApiError> {
    let day = parse_day(text).map(|day| (day, DAY_MICROS));
    let known = day.or_else(|| parse_moment(text).map(|at| (at, SECOND_MICROS)));
    known.ok_or_else(|| {
        ApiError::plain(
            param,
            format!("`{param}` is a time like `2026-01-31 08:00:00`, or a day like `2026-01-31`."),
        )
    })
}

fn amount(param: &'static str, dollars: Option<f64>) -> Result<Option<Money>, ApiError> {
    let Some(dollars) = dollars else { return Ok(None) };
    let money = Money::from_dollars(dollars);
    money.map(Some).map_err(|_| ApiError::plain(param, format!("`{param}` is an amount in US dollars.")))
}

/// What names the place after a call.
pub fn cursor(call: &UsageEvent) -> String {
    format!("{}.{}", call.intent.started_at.micros(), call.intent.id)
}

fn place(text: &str) -> Result<CallPlace, ApiError> {
    let parts = text.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    let (at, id) = parts.ok_or_else(|| ApiError::plain("cursor", "`cursor` is `next_cursor` of a page."))?;
    Ok(CallPlace { started_at: Timestamp(at), id })
}
