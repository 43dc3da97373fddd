//! Callbacks of teams: there are none yet.

use axum::Json;
use axum::extract::{Path, State as Extract};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Input;
use crate::state::Shared;

#[derive(Serialize, ToSchema)]
pub struct TeamCallbacks {
    status: &'static str,
    message: &'static str,
    data: TeamCallbackFacts,
}

#[derive(Serialize, ToSchema)]
pub struct TeamCallbackFacts {
    team_id: String,
    success_callback: Vec<String>,
    failure_callback: Vec<String>,
    #[schema(value_type = Object)]
    callback_vars: Map<String, Value>,
}

fn none(team_id: String) -> Json<TeamCallbacks> {
    let data = TeamCallbackFacts {
        team_id,
        success_callback: Vec::new(),
        failure_callback: Vec::new(),
        callback_vars: Map::new(),
    };
    Json(TeamCallbacks { status: "success", message: "the team has no callbacks", data })
}

/// The callbacks of a team: none yet.
#[utoipa::path(
    get, path = "/team/{team_id}/callback", tag = "teams", operation_id = "getTeamCallbacks",
    params(("team_id" = String, Path)),
    responses((status = 200, body = TeamCallbacks), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn get(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(team_id): Path<String>,
) -> Result<Json<TeamCallbacks>, ApiError> {
    Ok(none(caller.team(&state, &team_id, Standing::Member).await?.id))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"callback_name": "langfuse", "callback_type": "success", "callback_vars": {}}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct NewTeamCallback {
    callback_name: String,
    /// `success`, `failure` or `success_and_failure`.
    callback_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    callback_vars: Option<Map<String, Value>>,
}

/// Refused: there are no callbacks yet.
#[utoipa::path(
    post, path = "/team/{team_id}/callback", tag = "teams", operation_id = "addTeamCallback",
    params(("team_id" = String, Path)), request_body = NewTeamCallback,
    responses((status = 200, body = TeamCallbacks), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn add(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(team_id): Path<String>,
    input: Input<NewTeamCallback>,
) -> Result<Json<TeamCallbacks>, ApiError> {
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    let name = input.value.callback_name;
    let message = format!("Bulkhead has no callbacks yet, `{name}` neither. Nothing was changed.");
    Err(ApiError::plain("callback_name", message))
}

/// Take a callback from a team: there are none yet.
#[utoipa::path(
    delete, path = "/team/{team_id}/callback/{callback_name}", tag = "teams", operation_id = "deleteTeamCallback",
    params(("team_id" = String, Path), ("callback_name" = String, Path)),
    responses((status = 200, body = TeamCallbacks), (status = 404, description = "No such team or callback", body = ErrorBody), Refusals),
)]
pub async fn remove(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path((team_id, name)): Path<(String, String)>,
) -> Result<Json<TeamCallbacks>, ApiError> {
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    Err(ApiError::missing("callback_name", format!("The team has no callback `{name}`.")))
}

/// Take all callbacks from a team; it has none, so there is nothing to do. Spend is always logged.
#[utoipa::path(
    post, path = "/team/{team_id}/disable_logging", tag = "teams", operation_id = "disableTeamLogging",
    params(("team_id" = String, Path)),
    responses((status = 200, body = TeamCallbacks), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn disable(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(team_id): Path<String>,
) -> Result<Json<TeamCallbacks>, ApiError> {
    Ok(none(caller.team(&state, &team_id, Standing::TeamAdmin).await?.id))
}
