use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::nouns::KEYS_MAX;
use utoipa::ToSchema;

use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

use super::view::TeamView;

/// Teams of one request.
const TEAMS_MAX: usize = 20;

#[derive(Deserialize, ToSchema)]
pub struct DeleteTeams {
    /// At most 20.
    team_ids: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DeletedTeams {
    deleted_teams: Vec<TeamView>,
}

/// Delete teams with their keys and own models. What they were stays in `/v2/team/list?status=deleted`.
#[utoipa::path(
    post, path = "/team/delete", tag = "teams", operation_id = "deleteTeams", request_body = DeleteTeams,
    responses(
        (status = 200, body = DeletedTeams),
        (status = 404, description = "One of them does not exist; none was deleted", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteTeams>,
) -> Result<(Names, Json<DeletedTeams>), ApiError> {
    let ids = input.value.team_ids;
    if ids.is_empty() || ids.len() > TEAMS_MAX {
        return Err(ApiError::bad("team_ids", format!("Name 1 to {TEAMS_MAX} teams to delete.")));
    }
    for id in &ids {
        caller.team(&state, id, Standing::Owner).await?;
    }
    let deleted = state.store.teams().delete_all(&ids, &caller.actor(&state)).await;
    let deleted = deleted.map_err(|error| match error {
        StoreError::Missing(_) => {
            ApiError::missing("team_ids", "A team was deleted meanwhile. No team was deleted now.")
        }
        StoreError::InUse => {
            ApiError::bad("team_ids", "A team has projects: delete those first. No team was deleted.")
        }
        StoreError::TooMany(_) => {
            let message =
                format!("A team has more than {KEYS_MAX} keys: delete keys first. No team was deleted.");
            ApiError::bad("team_ids", message)
        }
        other => other.into(),
    })?;
    let deleted_teams = deleted.into_iter().map(|team| TeamView::of(team, &[])).collect();
    Ok((input.ignored, Json(DeletedTeams { deleted_teams })))
}
