//! What plain members may do with keys of their team.

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::PAGE_SIZE_MAX;
use store::nouns::TeamQuery;
use utoipa::{IntoParams, ToSchema};

use domain::owner::Team;

use super::update::set;
use super::view::TeamView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::state::{Shared, State};

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

fn stored(team: &Team) -> Option<Vec<String>> {
    let list = team.extra.get("team_member_permissions")?.as_array()?;
    Some(list.iter().filter_map(|entry| Some(entry.as_str()?.to_owned())).collect())
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
    let stored = stored(&team);
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

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"team_ids": ["t1", "t2"], "permissions": ["/key/generate"]}))]
pub struct ManyPermissions {
    /// Added to what members of each team may already.
    permissions: Vec<String>,
    /// At most 100.
    team_ids: Option<Vec<String>>,
    /// In place of `team_ids`: every team, when they are at most 100.
    apply_to_all_teams: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct ManyUpdated {
    message: &'static str,
    teams_updated: usize,
    permissions_appended: Vec<String>,
}

/// Add key routes to those that plain members of several teams may call.
#[utoipa::path(
    post, path = "/team/permissions_bulk_update", tag = "teams", operation_id = "updateManyTeamPermissions",
    request_body = ManyPermissions,
    responses((status = 200, body = ManyUpdated), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn update_many(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<ManyPermissions>,
) -> Result<(Names, Json<ManyUpdated>), ApiError> {
    let ManyPermissions { permissions, team_ids, apply_to_all_teams } = input.value;
    check(Some(&permissions))?;
    let all = apply_to_all_teams == Some(true);
    let ids = match team_ids {
        Some(ids) if !all => ids,
        None if all => every_team(&state).await?,
        _ => return Err(ApiError::bad("team_ids", "Name either `team_ids` or `apply_to_all_teams`.")),
    };
    if ids.is_empty() || ids.len() > PAGE_SIZE_MAX as usize {
        return Err(ApiError::bad("team_ids", format!("Name 1 to {PAGE_SIZE_MAX} teams.")));
    }
    for id in &ids {
        caller.team(&state, id, Standing::TeamAdmin).await?;
    }
    for id in &ids {
        let change = |team: &mut Team| {
            let mut list = stored(team).unwrap_or_default();
            list.extend(permissions.iter().filter(|name| !list.contains(name)).cloned().collect::<Vec<_>>());
            team.extra.insert("team_member_permissions".into(), json!(list));
        };
        set(&state, &caller, id, change).await?;
    }
    let message = "permissions added";
    Ok((
        input.ignored,
        Json(ManyUpdated { message, teams_updated: ids.len(), permissions_appended: permissions }),
    ))
}

async fn every_team(state: &State) -> Result<Vec<String>, ApiError> {
    let found = state.store.teams().list(&TeamQuery::default(), 0, PAGE_SIZE_MAX).await?;
    if found.total > u64::from(PAGE_SIZE_MAX) {
        let message = format!("There are more than {PAGE_SIZE_MAX} teams: change them in parts.");
        return Err(ApiError::bad("apply_to_all_teams", message));
    }
    Ok(found.rows.into_iter().map(|team| team.id).collect())
}
