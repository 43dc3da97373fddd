//! Requests and tokens by day.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Filter, Question, Timeline};
use utoipa::{IntoParams, ToSchema};

use crate::activity::days::Days;
use crate::activity::reach::own;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};

/// Models of one list, and days of all of them together.
const MODELS_MAX: i64 = 50;
const POINTS_MAX: i64 = 10_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// `YYYY-MM-DD`, UTC.
    pub start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    pub end_date: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DayRequests {
    /// Such as `Jan 05`.
    date: String,
    api_requests: i64,
    total_tokens: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "daily_data": [{"date": "Jan 05", "api_requests": 3, "total_tokens": 45}], "sum_api_requests": 3, "sum_total_tokens": 45,
}))]
pub struct Requests {
    /// Days with requests.
    daily_data: Vec<DayRequests>,
    sum_api_requests: i64,
    sum_total_tokens: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "model": "gpt-4o", "daily_data": [{"date": "Jan 05", "api_requests": 3, "total_tokens": 45}],
    "sum_api_requests": 3, "sum_total_tokens": 45,
}))]
pub struct ModelRequests {
    model: String,
    #[serde(flatten)]
    requests: Requests,
}

/// Requests and tokens by day. Others than administrators see their own.
#[utoipa::path(
    get, path = "/global/activity", tag = "spend", operation_id = "globalActivity", params(RequestsQuery),
    responses((status = 200, body = Requests), Refusals),
)]
pub async fn requests(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<RequestsQuery>,
) -> Result<Json<Requests>, ApiError> {
    let days = Days::new(query.start_date.as_deref(), query.end_date.as_deref(), 0)?;
    let rows = ask(&state, &caller, days.steps()?, None, vec![], u32::MAX).await?;
    Ok(Json(of_days(days, rows.into_iter().map(|answer| (answer.step, answer.totals)).collect())))
}

/// The same for each model group, the dearest first: fifty at most, fewer for many days.
#[utoipa::path(
    get, path = "/global/activity/model", tag = "spend", operation_id = "globalActivityByModel", params(RequestsQuery),
    responses((status = 200, body = Vec<ModelRequests>), Refusals),
)]
pub async fn by_model(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<RequestsQuery>,
) -> Result<Json<Vec<ModelRequests>>, ApiError> {
    let days = Days::new(query.start_date.as_deref(), query.end_date.as_deref(), 0)?;
    let by = Some(Dimension::ModelGroup);
    let limit = u32::try_from((POINTS_MAX / days.count).clamp(1, MODELS_MAX)).unwrap_or(1);
    let named = vec![Among::somebody(Dimension::ModelGroup)];
    let models = ask(&state, &caller, days.whole()?, by, named, limit).await?;
    let models = models.into_iter().map(|answer| answer.name).collect::<Vec<_>>();
    let these = vec![Among::these(Dimension::ModelGroup, models.clone())];
    let mut of_models = HashMap::<String, BTreeMap<i64, Totals>>::new();
    for answer in ask(&state, &caller, days.steps()?, by, these, u32::MAX).await? {
        of_models.entry(answer.name).or_default().insert(answer.step, answer.totals);
    }
    let shown = |model: String| ModelRequests {
        requests: of_days(days, of_models.remove(&model).unwrap_or_default()),
        model,
    };
    Ok(Json(models.into_iter().map(shown).collect()))
}

async fn ask(
    state: &State,
    caller: &Caller,
    timeline: Timeline,
    by: Option<Dimension>,
    among: Vec<Among>,
    limit: u32,
) -> Result<Vec<Answer>, ApiError> {
    let filters: Vec<Filter> = if caller.sees_all() { vec![] } else { vec![own(caller)] };
    let question = Question { timeline, by: [by, None], filters, among, limit };
    Ok(state.store.usage().ask(&question).await?.rows)
}

fn of_days(days: Days, totals: BTreeMap<i64, Totals>) -> Requests {
    let tokens = |totals: &Totals| totals.input_tokens.saturating_add(totals.output_tokens);
    Requests {
        sum_api_requests: totals.values().map(|totals| totals.requests).sum(),
        sum_total_tokens: totals.values().map(tokens).sum(),
        daily_data: totals
            .iter()
            .map(|(step, totals)| DayRequests {
                date: days.date(*step).strftime("%b %d").to_string(),
                api_requests: totals.requests,
                total_tokens: tokens(totals),
            })
            .collect(),
    }
}
