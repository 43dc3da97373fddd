use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use utoipa::ToSchema;

use super::update::set;
use super::view::TeamView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::owner::within;
use crate::state::Shared;

#[derive(Deserialize, ToSchema)]
pub struct TeamModels {
    team_id: String,
    models: Vec<String>,
}

/// Add to the models of a team.
#[utoipa::path(
    post, path = "/team/model/add", tag = "teams", operation_id = "addTeamModels", request_body = TeamModels,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn add(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<TeamModels>,
) -> Result<(Names, Json<TeamView>), ApiError> {
    let TeamModels { team_id, models } = input.value;
    let before = caller.team(&state, &team_id, Standing::Owner).await?;
    let mut after = before.clone();
    extend(&mut after.models, &models);
    within::check_organization(&state, &caller, &after, Some(&before)).await?;
    let view = set(&state, &caller, &team_id, |team| extend(&mut team.models, &models)).await?;
    Ok((input.ignored, Json(view)))
}

/// Take models from a team. When the last one goes, `no-default-models` stays: an empty list would mean every model.
#[utoipa::path(
    post, path = "/team/model/delete", tag = "teams", operation_id = "deleteTeamModels", request_body = TeamModels,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<TeamModels>,
) -> Result<(Names, Json<TeamView>), ApiError> {
    let TeamModels { team_id, models } = input.value;
    caller.team(&state, &team_id, Standing::Owner).await?;
    let take = |team: &mut domain::owner::Team| {
        let had = !team.models.is_empty();
        team.models.retain(|model| !models.contains(model));
        if had && team.models.is_empty() {
            team.models.push(domain::access::NO_MODEL.into());
        }
    };
    Ok((input.ignored, Json(set(&state, &caller, &team_id, take).await?)))
}

fn extend(models: &mut Vec<String>, more: &[String]) {
    models.retain(|model| model != domain::access::NO_MODEL);
    for model in more {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
}
