use axum::Json;
use axum::extract::State as Extract;
use kit::KeyHash;
use serde::Deserialize;
use store::StoreError;
use utoipa::{IntoParams, ToSchema};

use super::{InvitationView, fresh};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::state::Shared;
use crate::users::not_found as no_user;

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"user_id": "ada"}))]
pub struct NewInvitation {
    user_id: String,
}

/// Invite a user to set their password. The link is good once, for seven days; the user's earlier one ends.
#[utoipa::path(
    post, path = "/invitation/new", tag = "invitations", operation_id = "createInvitation", request_body = NewInvitation,
    responses((status = 200, body = InvitationView), (status = 404, description = "No such user", body = ErrorBody), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NewInvitation>,
) -> Result<(Names, Json<InvitationView>), ApiError> {
    let id = input.value.user_id;
    state.store.users().role(&id).await?.ok_or_else(|| no_user(&id))?;
    let actor = caller.actor(&state);
    let (link, invitation) = fresh(&state, &id, &actor);
    state.store.invitations().create(&invitation, &actor).await.map_err(|error| match error {
        StoreError::InUse => no_user(&id),
        other => other.into(),
    })?;
    Ok((input.ignored, Json(InvitationView::of(&state, link, invitation))))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvitationQuery {
    invitation_id: String,
}

/// Show an invitation to whoever knows its id.
#[utoipa::path(
    get, path = "/invitation/info", tag = "invitations", operation_id = "getInvitation", params(InvitationQuery),
    responses((status = 200, body = InvitationView), (status = 404, description = "No such invitation", body = ErrorBody), Refusals),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    Params(query): Params<InvitationQuery>,
) -> Result<Json<InvitationView>, ApiError> {
    let id = query.invitation_id;
    let found = state.store.invitations().get(KeyHash::of(&id)).await?.ok_or_else(not_found)?;
    Ok(Json(InvitationView::of(&state, id, found)))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"invitation_id": "9q2r1FQm0i1oTJ0Z7PzYyA", "is_accepted": true}))]
pub struct UpdateInvitation {
    invitation_id: String,
    /// True uses it up.
    is_accepted: bool,
}

/// Use up an invitation, so that nobody can claim it any more. One that was used does not come back.
#[utoipa::path(
    post, path = "/invitation/update", tag = "invitations", operation_id = "updateInvitation",
    request_body = UpdateInvitation,
    responses((status = 200, body = InvitationView), (status = 404, description = "No such invitation", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<UpdateInvitation>,
) -> Result<(Names, Json<InvitationView>), ApiError> {
    let UpdateInvitation { invitation_id: id, is_accepted } = input.value;
    let hash = KeyHash::of(&id);
    if is_accepted {
        state.store.invitations().accept(hash, &caller.actor(&state)).await?;
    }
    let invitation = state.store.invitations().get(hash).await?.ok_or_else(not_found)?;
    if !is_accepted && invitation.accepted_at.is_some() {
        let message = "An invitation is good once. Make a new one: `/invitation/new`.";
        return Err(ApiError::plain("is_accepted", message));
    }
    Ok((input.ignored, Json(InvitationView::of(&state, id, invitation))))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"invitation_id": "9q2r1FQm0i1oTJ0Z7PzYyA"}))]
pub struct DeleteInvitation {
    invitation_id: String,
}

/// Delete an invitation. Its link leads nowhere any more.
#[utoipa::path(
    post, path = "/invitation/delete", tag = "invitations", operation_id = "deleteInvitation",
    request_body = DeleteInvitation,
    responses((status = 200, body = InvitationView), (status = 404, description = "No such invitation", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteInvitation>,
) -> Result<(Names, Json<InvitationView>), ApiError> {
    let id = input.value.invitation_id;
    let gone = state.store.invitations().delete(KeyHash::of(&id), &caller.actor(&state)).await?;
    Ok((input.ignored, Json(InvitationView::of(&state, id, gone.ok_or_else(not_found)?))))
}

fn not_found() -> ApiError {
    ApiError::missing("invitation_id", "Invitation id does not exist in the database.")
}
