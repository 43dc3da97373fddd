use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use utoipa::ToSchema;

use super::update::set;
use super::view::TeamView;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

#[derive(Deserialize, ToSchema)]
pub struct NamedTeam {
    team_id: String,
}

/// Block a team: none of its keys works.
#[utoipa::path(
    post, path = "/team/block", tag = "teams", operation_id = "blockTeam", request_body = NamedTeam,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn block(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedTeam>,
) -> Result<(Names, Json<TeamView>), ApiError> {
    let view = set(&state, &caller, &input.value.team_id, |team| team.blocked = true).await?;
    Ok((input.ignored, Json(view)))
}

/// Let a blocked team work again.
#[utoipa::path(
    post, path = "/team/unblock", tag = "teams", operation_id = "unblockTeam", request_body = NamedTeam,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn unblock(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedTeam>,
) -> Result<(Names, Json<TeamView>), ApiError> {
    let view = set(&state, &caller, &input.value.team_id, |team| team.blocked = false).await?;
    Ok((input.ignored, Json(view)))
}
