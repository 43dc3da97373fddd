//! How the control plane does, for those who have a key.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State as Extract};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::limits::Turnstile;
use crate::state::Shared;

/// Longest wait for the database.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Serialize, ToSchema)]
pub struct ReadinessDetails {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    /// `connected` or `Not connected`.
    db: &'static str,
    /// Null: answers are not cached.
    cache: Option<String>,
    /// Bulkhead's version.
    litellm_version: &'static str,
    success_callbacks: Vec<String>,
    use_aiohttp_transport: bool,
    log_level: &'static str,
    is_detailed_debug: bool,
    show_no_redis_warning: bool,
    show_env_credential_login_warning: bool,
}

/// Whether the database answers, and what else the surface tells beside it.
#[utoipa::path(
    get, path = "/health/readiness/details", tag = "health", operation_id = "readinessDetails",
    responses((status = 200, body = ReadinessDetails), (status = 503, body = ReadinessDetails), Refusals),
)]
pub async fn readiness(Extract(state): Extract<Shared>) -> Response {
    let answers = tokio::time::timeout(PING_TIMEOUT, state.store.ping()).await;
    let connected = matches!(answers, Ok(Ok(())));
    let code = if connected { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let details = ReadinessDetails {
        status: if connected { "healthy" } else { "unhealthy" },
        db: if connected { "connected" } else { "Not connected" },
        cache: None,
        litellm_version: state.version,
        success_callbacks: Vec::new(),
        use_aiohttp_transport: false,
        log_level: "INFO",
        is_detailed_debug: false,
        show_no_redis_warning: false,
        show_env_credential_login_warning: false,
    };
    (code, Json(details)).into_response()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServiceQuery {
    /// Such as `slack`, `langfuse` or `email`.
    service: String,
}

#[derive(Serialize, ToSchema)]
pub struct ServiceStatus {
    status: String,
    message: String,
}

/// Refused: there are no callbacks and alerts to try yet.
#[utoipa::path(
    get, path = "/health/services", tag = "health", operation_id = "testService", params(ServiceQuery),
    responses((status = 200, body = ServiceStatus), Refusals),
)]
pub async fn services(Params(query): Params<ServiceQuery>) -> Result<Json<ServiceStatus>, ApiError> {
    let message = format!("There is no service `{}` to try: Bulkhead has no callbacks yet.", query.service);
    Err(ApiError::plain("service", message))
}

#[derive(Serialize, ToSchema)]
pub struct SharedStatus {
    shared_health_check_enabled: bool,
    message: &'static str,
}

/// Whether processes share the probes of deployments: there are no probes to share.
#[utoipa::path(
    get, path = "/health/shared-status", tag = "health", operation_id = "sharedHealth",
    responses((status = 200, body = SharedStatus), Refusals),
)]
pub async fn shared() -> Json<SharedStatus> {
    let message = "Shared health check is not enabled: health is read from the calls that were made.";
    Json(SharedStatus { shared_health_check_enabled: false, message })
}

/// Requests of this backend; gateways tell of theirs at `/metrics`.
#[derive(Serialize, ToSchema)]
pub struct Backlog {
    /// Worked on now.
    in_flight_requests: usize,
    /// The same.
    admitted_requests: usize,
    /// That wait for a turn.
    queued_requests: usize,
    /// That were told to come later since the start.
    rejected_requests: u64,
}

/// Requests that are worked on and that wait, in this process.
#[utoipa::path(
    get, path = "/health/backlog", tag = "health", operation_id = "backlog",
    responses((status = 200, body = Backlog), Refusals),
)]
pub async fn backlog(Extension(gate): Extension<Turnstile>) -> Json<Backlog> {
    let (at_work, waiting, rejected) = gate.counts();
    Json(Backlog {
        in_flight_requests: at_work,
        admitted_requests: at_work,
        queued_requests: waiting,
        rejected_requests: rejected,
    })
}

#[derive(Serialize, ToSchema)]
pub struct Drain {
    /// `active`: a process that ends closes its listener first, and whoever it serves is served.
    status: &'static str,
}

/// Whether this process is about to end: it answers, so it is not.
#[utoipa::path(
    get, path = "/health/drain", tag = "health", operation_id = "drain",
    responses((status = 200, body = Drain), Refusals),
)]
pub async fn drain() -> Json<Drain> {
    Json(Drain { status: "active" })
}

#[derive(Serialize, ToSchema)]
pub struct License {
    has_license: bool,
    license_type: Option<String>,
    expiration_date: Option<String>,
    allowed_features: Vec<String>,
    #[schema(value_type = Object)]
    limits: Map<String, Value>,
}

/// The licence: none is needed, and nothing is limited by one.
#[utoipa::path(
    get, path = "/health/license", tag = "health", operation_id = "license",
    responses((status = 200, body = License), Refusals),
)]
pub async fn license() -> Json<License> {
    let limits = ["max_users", "max_teams"].map(|name| (name.to_owned(), Value::Null));
    Json(License {
        has_license: false,
        license_type: None,
        expiration_date: None,
        allowed_features: Vec::new(),
        limits: limits.into_iter().collect(),
    })
}
