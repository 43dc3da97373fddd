use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use store::PAGE_SIZE_MAX;
use store::nouns::ProjectQuery;
use utoipa::IntoParams;

use super::fields::ProjectView;
use super::project;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, Total, asked};
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProjectInfoQuery {
    project_id: String,
}

/// Show a project, to those who are in its team.
#[utoipa::path(
    get, path = "/project/info", tag = "projects", operation_id = "getProject", params(ProjectInfoQuery),
    responses(
        (status = 200, body = ProjectView),
        (status = 403, description = "The caller is not in its team", body = ErrorBody),
        (status = 404, description = "No such project", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ProjectInfoQuery>,
) -> Result<Json<ProjectView>, ApiError> {
    let project = project(&state, &caller, &query.project_id, Standing::Member).await?;
    Ok(Json(ProjectView::of(project)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ProjectFilter {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    team_id: Option<String>,
}

impl Default for ProjectFilter {
    fn default() -> Self {
        Self { page: 1, page_size: PAGE_SIZE_MAX, team_id: None }
    }
}

/// Projects, the newest first, for others than administrators those of their teams: one page of them, and how many there
/// are in `x-total-count`.
#[utoipa::path(
    get, path = "/project/list", tag = "projects", operation_id = "listProjects", params(ProjectFilter),
    responses((status = 200, body = Vec<ProjectView>), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ProjectFilter>,
) -> Result<(Total, Json<Vec<ProjectView>>), ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let filter = ProjectQuery { team_id: asked(query.team_id), seen_by: caller.seen_by() };
    let found = state.store.projects().list(&filter, page.index(), page.size).await?;
    Ok((Total(found.total), Json(found.rows.into_iter().map(ProjectView::of).collect())))
}
