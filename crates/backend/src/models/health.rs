//! How deployments do, read from the calls that were made: a probe would cost money, and tell less.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use domain::Status;
use http::StatusCode;
use kit::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::usage::{Answer, Dimension, MICROS_PER_QUARTER, Question, Timeline, quarter_of};
use utoipa::{IntoParams, ToSchema};

use super::{ModelCard, visible};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Params};
use crate::state::{Shared, State};
use crate::time::iso;

/// Calls of so many quarter-hours tell how a deployment does now.
const RECENT_QUARTERS: i64 = 4;
/// Quarter-hours of the history: a day.
const HISTORY_QUARTERS: i64 = 96;
/// Rows of one question at most.
const ROWS_MAX: u32 = 50_000;
/// Entries of one answer of the history at most.
const LIMIT_MAX: u32 = 1000;

/// The calls of a deployment in one quarter-hour.
#[derive(Clone, Copy, Debug, Default)]
struct Quarter {
    /// That the provider answered.
    answered: i64,
    /// That it answered with an error, or not at all.
    failed: i64,
}

impl Quarter {
    const fn is_healthy(self) -> bool {
        self.answered > 0 || self.failed == 0
    }
}

/// By deployment, then by when the quarter-hour began.
type Seen = BTreeMap<String, BTreeMap<Timestamp, Quarter>>;

async fn seen(state: &State, quarters: i64) -> Result<Seen, ApiError> {
    let last = quarter_of(state.clock.now().micros());
    let first = last - quarters + 1;
    let question = Question {
        timeline: Timeline::new(first..=last + 1)?,
        by: [Some(Dimension::Deployment), Some(Dimension::Status)],
        filters: Vec::new(),
        among: Vec::new(),
        limit: ROWS_MAX,
    };
    let mut seen = Seen::new();
    for Answer { step, name, second, totals } in state.store.usage().ask(&question).await?.rows {
        let at = Timestamp((first + step) * MICROS_PER_QUARTER);
        let quarter = seen.entry(name).or_default().entry(at).or_default();
        match Status::ALL.into_iter().find(|status| status.as_str() == second) {
            // Who leaves does so while the provider answers.
            Some(Status::Success | Status::Cancelled) => quarter.answered += totals.attempts,
            Some(Status::UpstreamError | Status::TimedOut) => quarter.failed += totals.attempts,
            _ => {}
        }
    }
    Ok(seen)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HealthQuery {
    /// Public name, or the provider's.
    model: Option<String>,
    /// Id of a deployment.
    model_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Health {
    healthy_endpoints: Vec<Endpoint>,
    unhealthy_endpoints: Vec<Endpoint>,
    healthy_count: usize,
    unhealthy_count: usize,
}

/// A deployment and the newest quarter-hour of the last hour in which it was called.
#[derive(Serialize, ToSchema)]
pub struct Endpoint {
    /// The provider's name, a slash, the model.
    model: String,
    model_name: String,
    model_id: String,
    /// When the quarter-hour began; null when nobody called it in the last hour.
    checked_at: Option<String>,
    answered_calls: i64,
    failed_calls: i64,
}

/// Which deployments answer, by the calls of the last hour: one is unhealthy when the newest quarter-hour with calls has only
/// failed ones. No probe is sent. 503 when a model is asked for that has no healthy deployment.
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health", params(HealthQuery),
    responses((status = 200, body = Health), Refusals, (status = 503, description = "None is healthy", body = Health)),
)]
pub async fn health(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<HealthQuery>,
) -> Result<Response, ApiError> {
    let cards = visible(&state, &caller).await?;
    let seen = seen(&state, RECENT_QUARTERS).await?;
    let wanted = |card: &&ModelCard| {
        let deployment = &card.deployment;
        query.model_id.as_ref().is_none_or(|id| *id == deployment.id)
            && query
                .model
                .as_ref()
                .is_none_or(|name| [&deployment.group, &deployment.full_model].contains(&name))
    };
    let (mut healthy_endpoints, mut unhealthy_endpoints) = (Vec::new(), Vec::new());
    for card in cards.iter().map(|card| &**card).filter(wanted) {
        let newest = seen.get(&card.deployment.id).and_then(|quarters| quarters.last_key_value());
        let (at, quarter) = newest.map(|(at, quarter)| (*at, *quarter)).unzip();
        let quarter = quarter.unwrap_or_default();
        let endpoint = Endpoint {
            model: card.deployment.full_model.clone(),
            model_name: card.deployment.group.clone(),
            model_id: card.deployment.id.clone(),
            checked_at: at.map(iso),
            answered_calls: quarter.answered,
            failed_calls: quarter.failed,
        };
        if quarter.is_healthy() {
            healthy_endpoints.push(endpoint)
        } else {
            unhealthy_endpoints.push(endpoint)
        }
    }
    let targeted = query.model.is_some() || query.model_id.is_some();
    let code = match targeted && healthy_endpoints.is_empty() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::OK,
    };
    let (healthy_count, unhealthy_count) = (healthy_endpoints.len(), unhealthy_endpoints.len());
    let health = Health { healthy_endpoints, unhealthy_endpoints, healthy_count, unhealthy_count };
    Ok((code, Json(health)).into_response())
}

/// What the calls of a quarter-hour tell of a deployment.
#[derive(Serialize, ToSchema)]
pub struct HealthCheck {
    /// The deployment and the quarter-hour.
    health_check_id: String,
    model_name: String,
    model_id: String,
    /// `healthy` or `unhealthy`.
    status: &'static str,
    /// Calls that the provider answered.
    healthy_count: i64,
    /// Calls that it answered with an error, or not at all.
    unhealthy_count: i64,
    error_message: Option<String>,
    response_time_ms: Option<f64>,
    #[schema(value_type = Option<Object>)]
    details: Option<Map<String, Value>>,
    /// Always `calls`.
    checked_by: &'static str,
    /// When the quarter-hour began.
    checked_at: String,
    created_at: String,
}

impl HealthCheck {
    fn of(card: &ModelCard, at: Timestamp, quarter: Quarter) -> Self {
        let id = &card.deployment.id;
        Self {
            health_check_id: format!("{id}-{}", quarter_of(at.micros())),
            model_name: card.deployment.group.clone(),
            model_id: id.clone(),
            status: if quarter.is_healthy() { "healthy" } else { "unhealthy" },
            healthy_count: quarter.answered,
            unhealthy_count: quarter.failed,
            error_message: None,
            response_time_ms: None,
            details: None,
            checked_by: "calls",
            checked_at: iso(at),
            created_at: iso(at),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct LatestHealth {
    /// By the deployment's id; one that nobody called for a day is not there.
    latest_health_checks: BTreeMap<String, HealthCheck>,
    total_models: usize,
}

/// The newest quarter-hour with calls of each deployment, of the last day.
#[utoipa::path(
    get, path = "/health/latest", tag = "health", operation_id = "latestHealth",
    responses((status = 200, body = LatestHealth), Refusals),
)]
pub async fn latest(Extract(state): Extract<Shared>, caller: Caller) -> Result<Json<LatestHealth>, ApiError> {
    let cards = visible(&state, &caller).await?;
    let seen = seen(&state, HISTORY_QUARTERS).await?;
    let checks = cards.iter().filter_map(|card| {
        let (at, quarter) = seen.get(&card.deployment.id)?.last_key_value()?;
        Some((card.deployment.id.clone(), HealthCheck::of(card, *at, *quarter)))
    });
    let latest_health_checks = checks.collect::<BTreeMap<_, _>>();
    Ok(Json(LatestHealth { total_models: latest_health_checks.len(), latest_health_checks }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct HistoryQuery {
    /// Public name.
    model: Option<String>,
    /// `healthy` or `unhealthy`.
    status_filter: Option<String>,
    #[param(minimum = 1, maximum = 1000)]
    limit: u32,
    offset: u32,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { model: None, status_filter: None, limit: 100, offset: 0 }
    }
}

#[derive(Serialize, ToSchema)]
pub struct HealthHistory {
    /// The newest first.
    health_checks: Vec<HealthCheck>,
    total_records: usize,
    limit: u32,
    offset: u32,
}

/// The quarter-hours of the last day in which deployments were called.
#[utoipa::path(
    get, path = "/health/history", tag = "health", operation_id = "healthHistory", params(HistoryQuery),
    responses((status = 200, body = HealthHistory), Refusals),
)]
pub async fn history(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<HistoryQuery>,
) -> Result<Json<HealthHistory>, ApiError> {
    let HistoryQuery { model, status_filter, limit, offset } = query;
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::bad("limit", format!("`limit` goes from 1 to {LIMIT_MAX}.")));
    }
    let cards = visible(&state, &caller).await?;
    let seen = seen(&state, HISTORY_QUARTERS).await?;
    let mut checks = Vec::new();
    for card in cards.iter().filter(|card| model.as_ref().is_none_or(|name| *name == card.deployment.group)) {
        let quarters = seen.get(&card.deployment.id).into_iter().flatten();
        checks.extend(quarters.map(|(at, quarter)| HealthCheck::of(card, *at, *quarter)));
    }
    checks.retain(|check| status_filter.as_deref().is_none_or(|status| status == check.status));
    checks.sort_by(|a, b| (&b.checked_at, &a.model_id).cmp(&(&a.checked_at, &b.model_id)));
    let total_records = checks.len();
    let health_checks = checks.into_iter().skip(offset as usize).take(limit as usize).collect();
    Ok(Json(HealthHistory { health_checks, total_records, limit, offset }))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"mode": "chat", "litellm_params": {"model": "openai/gpt-4o"}}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct TryConnection {
    /// Such as `chat` or `embedding`.
    mode: Option<String>,
    #[schema(value_type = Option<Object>)]
    litellm_params: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    model_info: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct TriedConnection {
    status: String,
    #[schema(value_type = Object)]
    result: Map<String, Value>,
}

/// Refused: the control plane talks to no provider. A call to the model through a gateway tells the same.
#[utoipa::path(
    post, path = "/health/test_connection", tag = "health", operation_id = "testConnection", request_body = TryConnection,
    responses((status = 200, body = TriedConnection), Refusals),
)]
pub async fn test(_: Input<TryConnection>) -> Result<Json<TriedConnection>, ApiError> {
    let message =
        "The control plane does not talk to providers: add the model and call it through a gateway.";
    Err(ApiError::plain("litellm_params", message))
}
