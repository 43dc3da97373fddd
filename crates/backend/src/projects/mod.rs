//! Projects: some keys of a team, with a part of what the team has.

mod fields;
mod get;
mod write;

use domain::owner::Project;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Standing};
use crate::http::error::ApiError;
use crate::state::{Shared, State};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(write::create))
        .routes(routes!(write::update))
        .routes(routes!(write::delete))
        .routes(routes!(get::info))
        .routes(routes!(get::list))
}

/// The project of this name, when the caller is at least `standing` in its team.
///
/// # Errors
/// 404 when there is none, which only administrators are told; 403 when the caller is less.
pub async fn project(
    state: &State,
    caller: &Caller,
    id: &str,
    standing: Standing,
) -> Result<Project, ApiError> {
    match state.store.projects().get(id).await? {
        Some(project) if caller.sees_all() => Ok(project),
        None if caller.sees_all() => {
            Err(ApiError::missing("project_id", format!("Project not found, passed project_id={id}")))
        }
        Some(project)
            if let Some(team) = state.store.teams().get(&project.team_id).await?
                && caller.standing(state, &team).await? >= standing =>
        {
            Ok(project)
        }
        _ => {
            let message =
                format!("You are not allowed to do this with project={id}: it is not of your team.");
            Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("project_id"), message))
        }
    }
}

/// The project of which the caller wants a key.
///
/// # Errors
/// 400 when there is none, 403 when the caller is not in its team.
pub async fn project_of_key(state: &State, caller: &Caller, id: &str) -> Result<Project, ApiError> {
    if caller.sees_all() && state.store.projects().get(id).await?.is_none() {
        let message =
            format!("Project doesn't exist in db. Project={id}. Create project via `/project/new` call.");
        return Err(ApiError::bad("project_id", message));
    }
    project(state, caller, id, Standing::Member).await
}
