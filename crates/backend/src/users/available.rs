use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use store::nouns::TeamQuery;
use store::users::UserQuery;
use utoipa::ToSchema;

use crate::http::error::{ApiError, Refusals};
use crate::state::Shared;

/// How many users and teams there are; null is no limit.
#[derive(Serialize, ToSchema)]
pub struct AvailableUsers {
    total_users: Option<u64>,
    total_users_used: u64,
    total_users_remaining: Option<u64>,
    total_teams: Option<u64>,
    total_teams_used: u64,
    total_teams_remaining: Option<u64>,
}

/// How many users and teams there are. No licence limits them.
#[utoipa::path(
    get, path = "/user/available_users", tag = "users", operation_id = "countUsers",
    responses((status = 200, body = AvailableUsers), Refusals),
)]
pub async fn available(Extract(state): Extract<Shared>) -> Result<Json<AvailableUsers>, ApiError> {
    let users = state.store.users().list(&UserQuery { size: 1, ..UserQuery::default() }).await?;
    let teams = state.store.teams().list(&TeamQuery::default(), 0, 1).await?;
    Ok(Json(AvailableUsers {
        total_users: None,
        total_users_used: users.total,
        total_users_remaining: None,
        total_teams: None,
        total_teams_used: teams.total,
        total_teams_remaining: None,
    }))
}
