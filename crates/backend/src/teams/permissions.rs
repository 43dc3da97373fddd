//! What plain members may do with keys of their team.

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use domain::owner::Team;

use super::update::set;
use super::view::TeamView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::state::Shared;

/// What members may always do.
const ALWAYS: [&str; 2] = ["/key/info", "/key/health"];

const AVAILABLE: [&str; 21] = [
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/regenerate",
    "/key/service-account/generate",
    "/key/{key_id}/regenerate",
    "/key/block",
    "/key/unblock",
    "/key/bulk_update",
    "/team/key/bulk_update",
    "/key/{key_id}/reset_spend",
    "/key/info",
    "/key/health",
    "/key/list",
    "/key/aliases",
    "/team/daily/activity",
    "/team/daily/activity/aggregated",
    "/spend/logs",
    "/spend/logs/v2",
    "/key/access_group_assignment",
    "/auto_router/manage",
];

/// Whether plain members of a team may call a key route for keys of the team.
pub fn allows(team: &Team, route: &str) -> bool {
    let stored = team.extra.get("team_member_permissions").and_then(|list| list.as_array());
    ALWAYS.contains(&route) || stored.is_some_and(|list| list.iter().any(|entry| entry == route))
}

/// # Errors
/// 400 when a permission is none.
pub fn check(permissions: Option<&[String]>) -> Result<(), ApiError> {
    match permissions.unwrap_or_default().iter().find(|name| !AVAILABLE.contains(&name.as_str())) {
        Some(name) => {
            let name = name.chars().take(100).collect::<String>();
            Err(ApiError::bad("team_member_permissions", format!("Unknown permission `{name}`.")))
        }
        None => Ok(()),
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PermissionsQuery {
    team_id: String,
}

#[derive(Serialize, ToSchema)]
pub struct Permissions {
    team_id: String,
    team_member_permissions: Vec<String>,
    all_available_permissions: Vec<&'static str>,
}

/// Which key routes plain members may call for keys of the team.
#[utoipa::path(
    get, path = "/team/permissions_list", tag = "teams", operation_id = "listTeamPermissions", params(PermissionsQuery),
    responses((status = 200, body = Permissions), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<PermissionsQuery>,
) -> Result<Json<Permissions>, ApiError> {
    let team = caller.team(&state, &query.team_id, Standing::Member).await?;
    let stored = team.extra.get("team_member_permissions").and_then(|list| list.as_array());
    let stored =
        stored.map(|list| list.iter().filter_map(|entry| Some(entry.as_str()?.to_owned())).collect());
    Ok(Json(Permissions {
        team_id: team.id,
        team_member_permissions: stored.unwrap_or_else(|| ALWAYS.map(str::to_owned).into()),
        all_available_permissions: AVAILABLE.into(),
    }))
}

#[derive(Deserialize, ToSchema)]
pub struct NewPermissions {
    team_id: String,
    team_member_permissions: Vec<String>,
}

/// Set which key routes plain members may call for keys of the team.
#[utoipa::path(
    post, path = "/team/permissions_update", tag = "teams", operation_id = "updateTeamPermissions",
    request_body = NewPermissions,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NewPermissions>,
) -> Result<(Names, Json<TeamView>), ApiError> {
    let NewPermissions { team_id, team_member_permissions } = input.value;
    check(Some(&team_member_permissions))?;
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    let change = |team: &mut Team| {
        team.extra.insert("team_member_permissions".into(), json!(team_member_permissions));
    };
    Ok((input.ignored, Json(set(&state, &caller, &team_id, change).await?)))
}
