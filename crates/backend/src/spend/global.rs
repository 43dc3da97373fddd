//! Spend of everyone over the last 30 days, today included.

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::spend::{Range, Scope, Split, Steps};
use utoipa::{IntoParams, ToSchema};

use super::logs::key_name;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};
use crate::time::{day, day_start};

const DAYS: i64 = 30;
/// Entries of one list.
const LIMIT_MAX: u32 = 1000;

#[derive(Serialize, ToSchema)]
pub struct GlobalSpend {
    /// US dollars.
    spend: f64,
    /// 0 means none.
    max_budget: f64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DailySpendQuery {
    /// Raw key or hash.
    api_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DailySpend {
    date: String,
    spend: f64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TopQuery {
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub struct KeyTotal {
    /// Hash, or the master key's label.
    api_key: String,
    key_alias: Option<String>,
    key_name: Option<String>,
    total_spend: f64,
}

#[derive(Serialize, ToSchema)]
pub struct ModelTotal {
    model: String,
    total_spend: f64,
}

fn month(state: &State) -> Range {
    let now = state.clock.now();
    Range::new(day_start(now, DAYS), now)
}

/// All spend of the last 30 days.
#[utoipa::path(
    get, path = "/global/spend", tag = "spend", operation_id = "globalSpend",
    responses((status = 200, body = GlobalSpend), Refusals),
)]
pub async fn total(Extract(state): Extract<Shared>, _caller: Caller) -> Result<Json<GlobalSpend>, ApiError> {
    let totals = state.store.spend().totals(month(&state), &Scope::default()).await?;
    Ok(Json(GlobalSpend { spend: totals.spend().dollars(), max_budget: 0.0 }))
}

/// Spend per day of the last 30 days; days without spend are left out.
#[utoipa::path(
    get, path = "/global/spend/logs", tag = "spend", operation_id = "globalSpendByDay", params(DailySpendQuery),
    responses((status = 200, body = Vec<DailySpend>), Refusals),
)]
pub async fn by_day(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<DailySpendQuery>,
) -> Result<Json<Vec<DailySpend>>, ApiError> {
    let scope = Scope { api_key: query.api_key.as_deref().map(key_name), user_id: None };
    let points = state.store.spend().series(month(&state), Steps::DAYS, Split::Nothing, &scope).await?;
    let days = points
        .into_iter()
        .map(|point| DailySpend { date: day(point.at), spend: point.totals.spend().dollars() });
    Ok(Json(days.collect()))
}

/// The keys that spent most in the last 30 days.
#[utoipa::path(
    get, path = "/global/spend/keys", tag = "spend", operation_id = "globalSpendByKey", params(TopQuery),
    responses((status = 200, body = Vec<KeyTotal>), Refusals),
)]
pub async fn by_key(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<TopQuery>,
) -> Result<Json<Vec<KeyTotal>>, ApiError> {
    let limit = query.limit.unwrap_or(100).min(LIMIT_MAX);
    let keys = state.store.spend().by_key(month(&state), &Scope::default(), limit).await?;
    let totals = keys.into_iter().map(|key| KeyTotal {
        total_spend: key.totals.spend().dollars(),
        api_key: key.api_key,
        key_alias: key.key_alias,
        key_name: key.key_name,
    });
    Ok(Json(totals.collect()))
}

/// The models that cost most in the last 30 days.
#[utoipa::path(
    get, path = "/global/spend/models", tag = "spend", operation_id = "globalSpendByModel", params(TopQuery),
    responses((status = 200, body = Vec<ModelTotal>), Refusals),
)]
pub async fn by_model(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<TopQuery>,
) -> Result<Json<Vec<ModelTotal>>, ApiError> {
    let limit = query.limit.unwrap_or(10).min(LIMIT_MAX);
    let models = state.store.spend().by_model(month(&state), &Scope::default(), limit).await?;
    let totals = models
        .into_iter()
        .map(|share| ModelTotal { total_spend: share.totals.spend().dollars(), model: share.name });
    Ok(Json(totals.collect()))
}
