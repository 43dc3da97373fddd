use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::owner::{AccessGroup, Stamps};
use http::StatusCode;
use store::StoreError;

use super::fields::{GroupFields, unheeded};
use super::get::{GroupView, shown};
use super::not_found;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

/// Make an access group. The keys and teams in it call its models beside their own.
#[utoipa::path(
    post, path = "/v1/access_group", tag = "access groups", operation_id = "createUnifiedAccessGroup",
    request_body = GroupFields,
    responses((status = 201, description = "Made", body = GroupView), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<GroupFields>,
) -> Result<(StatusCode, Names, Names, Json<GroupView>), ApiError> {
    let (actor, fields) = (caller.actor(&state), &input.value);
    fields.check(&input.raw)?;
    if fields.access_group_name.is_none() {
        return Err(ApiError::bad("access_group_name", "`access_group_name` is needed."));
    }
    let stamps = Stamps::new(&actor.id, actor.at);
    let mut group = AccessGroup { id: state.new_id(), stamps, ..AccessGroup::default() };
    fields.apply(&input.raw, &mut group);
    let assignment = fields.assignment(&input.raw)?;
    let made = state.store.access_groups().create_with(&group, &assignment, &actor).await;
    made.map_err(|error| refusal(error, &group.name))?;
    let view = shown(&state, group).await?;
    Ok((StatusCode::CREATED, input.ignored, unheeded(&input.raw), Json(view)))
}

/// Change an access group. Lists are replaced as a whole; what is left out stays.
#[utoipa::path(
    put, path = "/v1/access_group/{access_group_id}", tag = "access groups", operation_id = "updateUnifiedAccessGroup",
    params(("access_group_id" = String, Path)), request_body = GroupFields,
    responses((status = 200, body = GroupView), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    input: Input<GroupFields>,
) -> Result<(Names, Names, Json<GroupView>), ApiError> {
    let fields = &input.value;
    fields.check(&input.raw)?;
    let assignment = fields.assignment(&input.raw)?;
    let groups = state.store.access_groups();
    let apply = |group: &mut AccessGroup| fields.apply(&input.raw, group);
    let changed = groups.change(&id, &caller.actor(&state), apply, &assignment).await;
    let name = fields.access_group_name.as_deref().unwrap_or(&id);
    let group = changed.map_err(|error| refusal(error, name))?.ok_or_else(|| not_found(&id))?;
    let view = shown(&state, group).await?;
    Ok((input.ignored, unheeded(&input.raw), Json(view)))
}

/// Delete an access group. Its keys and teams keep what they have themselves.
#[utoipa::path(
    delete, path = "/v1/access_group/{access_group_id}", tag = "access groups", operation_id = "deleteUnifiedAccessGroup",
    params(("access_group_id" = String, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such group", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let gone = state.store.access_groups().remove(&id, &caller.actor(&state)).await;
    if gone.map_err(|error| refusal(error, &id))? { Ok(StatusCode::NO_CONTENT) } else { Err(not_found(&id)) }
}

fn refusal(error: StoreError, name: &str) -> ApiError {
    match error {
        StoreError::Duplicate(_) => {
            let message = format!("Access group '{name}' already exists");
            ApiError::new(StatusCode::CONFLICT, "bad_request_error", Some("access_group_name"), message)
        }
        StoreError::Missing("key") => {
            ApiError::bad("assigned_key_ids", "One of these keys doesn't exist. Nothing was changed.")
        }
        StoreError::Missing(_) => {
            ApiError::bad("assigned_team_ids", "One of these teams doesn't exist. Nothing was changed.")
        }
        StoreError::TooMany(noun) => {
            let most = store::nouns::ASSIGNED_MAX;
            let message = format!(
                "More than {most} {noun} are in this access group: take some out with their `access_group_ids` first."
            );
            ApiError::new(StatusCode::CONFLICT, "bad_request_error", Some("access_group_id"), message)
        }
        other => other.into(),
    }
}
