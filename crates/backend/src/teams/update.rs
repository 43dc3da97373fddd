use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::owner::{Limits, Team, access_groups};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::fields::{TeamFields, unheeded};
use super::not_found;
use super::view::TeamView;
use crate::access_groups::check_there;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::owner::within;
use crate::state::{Shared, State};

#[derive(Serialize, ToSchema)]
pub struct UpdatedTeam {
    team_id: String,
    data: TeamView,
}

/// Change a team. Its own administrators change its name, tags, aliases and what members have; the rest is for those above.
#[utoipa::path(
    post, path = "/team/update", tag = "teams", operation_id = "updateTeam", request_body = TeamFields,
    responses((status = 200, body = UpdatedTeam), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<TeamFields>,
) -> Result<(Names, Names, Json<UpdatedTeam>), ApiError> {
    let id = input.value.team_id.clone().ok_or_else(|| ApiError::bad("team_id", "No team id passed in"))?;
    let data = change(&state, &caller, &id, &input.value, &input.raw).await?;
    Ok((input.ignored, unheeded(&input.raw), Json(UpdatedTeam { team_id: id, data })))
}

/// The same with the team in the path.
#[utoipa::path(
    patch, path = "/team/{team_id}", tag = "teams", operation_id = "patchTeam", params(("team_id" = String, Path)),
    request_body = TeamFields,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn patch(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    input: Input<TeamFields>,
) -> Result<(Names, Names, Json<TeamView>), ApiError> {
    let view = change(&state, &caller, &id, &input.value, &input.raw).await?;
    Ok((input.ignored, unheeded(&input.raw), Json(view)))
}

async fn change(
    state: &State,
    caller: &Caller,
    id: &str,
    fields: &TeamFields,
    raw: &Map<String, Value>,
) -> Result<TeamView, ApiError> {
    let before = caller.team(state, id, Standing::TeamAdmin).await?;
    if caller.standing(state, &before).await? == Standing::TeamAdmin {
        TeamFields::check_team_admin(raw)?;
    }
    let mut after = before.clone();
    fields.apply(raw, &mut after)?;
    if access_groups(&before.extra) != access_groups(&after.extra) {
        check_there(state, &access_groups(&after.extra)).await?;
    }
    within::check_organization(state, caller, &after, Some(&before)).await?;
    let limit = |limits: &mut Limits| fields.limit_members(raw, limits);
    let limit = TeamFields::limits_members(raw).then(|| (state.new_id(), limit));
    save(state, caller, id, |team| fields.apply(raw, team), limit).await
}

/// Changes a team and shows it.
pub async fn save(
    state: &State,
    caller: &Caller,
    id: &str,
    change: impl FnOnce(&mut Team) -> Result<(), ApiError>,
    limit: Option<(String, impl FnOnce(&mut Limits) -> Result<(), ApiError>)>,
) -> Result<TeamView, ApiError> {
    let team = state.store.teams().change(id, &caller.actor(state), change, limit).await?;
    let team = team.ok_or_else(|| not_found(id))?;
    let members = state.store.members().of_teams(std::slice::from_ref(&team.id)).await?;
    Ok(TeamView::of(team, &members))
}

type Limiting = fn(&mut Limits) -> Result<(), ApiError>;

/// The same without new limits for members.
pub async fn set(
    state: &State,
    caller: &Caller,
    id: &str,
    change: impl FnOnce(&mut Team),
) -> Result<TeamView, ApiError> {
    let change = |team: &mut Team| {
        change(team);
        Ok(())
    };
    let none: Option<(String, Limiting)> = None;
    save(state, caller, id, change, none).await
}
