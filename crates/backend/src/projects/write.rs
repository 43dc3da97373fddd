use axum::Json;
use axum::extract::State as Extract;
use domain::owner::{Limits, Project, Stamps, Team};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::StoreError;
use utoipa::ToSchema;

use super::fields::{ProjectFields, ProjectView, unheeded};
use super::project;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, has_effect};
use crate::owner::fields::{Sent, check_id};
use crate::owner::own;
use crate::owner::within::Extent;
use crate::state::Shared;

/// Projects of one request.
const PROJECTS_MAX: usize = 20;

/// Make a project in a team, within what the team has.
#[utoipa::path(
    post, path = "/project/new", tag = "projects", operation_id = "createProject", request_body = ProjectFields,
    responses(
        (status = 200, body = ProjectView),
        (status = 403, description = "The caller does not administer the team", body = ErrorBody),
        (status = 404, description = "No such team", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<ProjectFields>,
) -> Result<(Names, Names, Json<ProjectView>), ApiError> {
    let (actor, fields, raw) = (caller.actor(&state), input.value, &input.raw);
    let missing = || ApiError::plain("team_id", "team_id is required: a project is of a team.");
    let team_id = fields.team_id.clone().filter(|id| !id.is_empty()).ok_or_else(missing)?;
    let team = caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    check_budget_id(&caller, raw)?;
    let id = fields.project_id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| state.new_id());
    check_id("project_id", &id)?;
    let stamps = Stamps::new(&actor.id, actor.at);
    let mut project = Project { id, team_id, stamps, ..Project::default() };
    let mut limits = Limits::default();
    fields.apply(raw, &mut project)?;
    fields.limit(Sent(raw), &mut limits)?;
    check_within(&project, Some(&limits), &team)?;
    let taken = |project: &Project| {
        ApiError::plain("project_id", format!("Project already exists, passed project_id={}", project.id))
    };
    let made = own::add(&state, state.store.projects(), project, limits, &actor, taken).await?;
    Ok((input.ignored, unheeded(raw), Json(ProjectView::of(made))))
}

/// Change a project. Limits change its own budget; a budget that it shares is left to the others.
#[utoipa::path(
    post, path = "/project/update", tag = "projects", operation_id = "updateProject", request_body = ProjectFields,
    responses(
        (status = 200, body = ProjectView),
        (status = 403, description = "The caller does not administer its team", body = ErrorBody),
        (status = 404, description = "No such project", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<ProjectFields>,
) -> Result<(Names, Names, Json<ProjectView>), ApiError> {
    let (fields, raw) = (input.value, &input.raw);
    let missing = || ApiError::plain("project_id", "project_id is required");
    let id = fields.project_id.clone().ok_or_else(missing)?;
    let before = project(&state, &caller, &id, Standing::TeamAdmin).await?;
    let team = caller.team(&state, &before.team_id, Standing::TeamAdmin).await?;
    check_budget_id(&caller, raw)?;
    let change = |project: &mut Project| {
        fields.apply(raw, project)?;
        // What a team got less of later is no reason to refuse a change of something else.
        if project.models == before.models { Ok(()) } else { check_within(project, None, &team) }
    };
    let limit = |limits: &mut Limits| {
        fields.limit(Sent(raw), limits)?;
        check_within(&Project::default(), Some(limits), &team)
    };
    let projects = state.store.projects();
    let changed = own::change(&state, projects, &id, raw, &caller.actor(&state), change, limit).await?;
    let gone = || ApiError::missing("project_id", format!("Project not found, passed project_id={id}"));
    Ok((input.ignored, unheeded(raw), Json(ProjectView::of(changed.ok_or_else(gone)?))))
}

/// Whose limits a budget sets, its team does not decide.
fn check_budget_id(caller: &Caller, raw: &Map<String, Value>) -> Result<(), ApiError> {
    if caller.sees_all() || !raw.get("budget_id").is_some_and(has_effect) {
        return Ok(());
    }
    let message = "Only a proxy admin can give a project a budget that others may share.";
    Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("budget_id"), message))
}

fn check_within(project: &Project, limits: Option<&Limits>, team: &Team) -> Result<(), ApiError> {
    Extent { limits, ..Extent::of_project(project) }.check(&Extent::of_team(team))
}

#[derive(Deserialize, ToSchema)]
pub struct DeleteProjects {
    /// At most 20.
    project_ids: Vec<String>,
}

/// Delete projects that have no keys. What was spent stays.
#[utoipa::path(
    delete, path = "/project/delete", tag = "projects", operation_id = "deleteProjects", request_body = DeleteProjects,
    responses(
        (status = 200, body = Vec<ProjectView>),
        (status = 403, description = "The caller does not administer the team of one", body = ErrorBody),
        (status = 404, description = "One of them does not exist; none was deleted", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteProjects>,
) -> Result<(Names, Json<Vec<ProjectView>>), ApiError> {
    let ids = input.value.project_ids;
    if ids.is_empty() || ids.len() > PROJECTS_MAX {
        return Err(ApiError::plain("project_ids", format!("Name 1 to {PROJECTS_MAX} projects to delete.")));
    }
    for id in &ids {
        project(&state, &caller, id, Standing::TeamAdmin).await?;
    }
    let deleted = state.store.projects().delete_all(&ids, &caller.actor(&state)).await;
    let deleted = deleted.map_err(|error| match error {
        StoreError::Missing(_) => {
            ApiError::missing("project_ids", "A project was deleted meanwhile. None was deleted now.")
        }
        StoreError::InUse => {
            ApiError::plain("project_ids", "A project has keys: delete those first. None was deleted.")
        }
        other => other.into(),
    })?;
    Ok((input.ignored, Json(deleted.into_iter().map(ProjectView::of).collect())))
}
