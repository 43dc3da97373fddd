use axum::Json;
use axum::extract::State as Extract;
use domain::User;
use serde::Serialize;
use serde_json::{Map, Value};
use store::audit::Actor;
use utoipa::ToSchema;

use super::create::taken;
use super::fields::{UserFields, unheeded};
use super::view::{UserView, shown};
use super::{not_found, password};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

#[derive(Serialize, ToSchema)]
pub struct UpdatedUser {
    user_id: String,
    data: UserView,
}

/// Change a user: named by `user_id`, or else by `user_email`. A new password ends the user's sessions.
#[utoipa::path(
    post, path = "/user/update", tag = "users", operation_id = "updateUser", request_body = UserFields,
    responses(
        (status = 200, body = UpdatedUser),
        (status = 404, description = "No such user", body = ErrorBody),
        (status = 409, description = "The address is taken", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<UserFields>,
) -> Result<(Names, Names, Json<UpdatedUser>), ApiError> {
    let unheeded = unheeded(&input.raw);
    let user = change(&state, &caller.actor(&state), input.value, &input.raw).await?;
    let answer = UpdatedUser { user_id: user.id.clone(), data: shown(&state, user).await? };
    Ok((input.ignored, unheeded, Json(answer)))
}

/// Makes the change that some fields describe.
pub async fn change(
    state: &State,
    actor: &Actor,
    fields: UserFields,
    raw: &Map<String, Value>,
) -> Result<User, ApiError> {
    let id = match (fields.user_id.clone(), &fields.user_email) {
        (Some(id), _) => id,
        (None, Some(email)) => {
            let user = state.store.users().by_email(email).await?;
            user.ok_or_else(|| not_found(email))?.id
        }
        (None, None) => {
            return Err(ApiError::bad("user_id", "Name the user to change: `user_id` or `user_email`."));
        }
    };
    let email = fields.user_email.clone().unwrap_or_default();
    let password = fields.password.clone();
    let mut patch = fields.patch(raw)?;
    if let Some(password) = password {
        patch.password_hash = Some(password::hash(state, password).await?);
    }
    let user =
        state.store.users().update(&id, patch, actor).await.map_err(|error| taken(error, &id, &email))?;
    user.ok_or_else(|| not_found(&id))
}
