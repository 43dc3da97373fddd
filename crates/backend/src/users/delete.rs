use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use store::StoreError;
use store::users::KEYS_MAX;
use utoipa::ToSchema;

use super::not_found;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

/// Users of one request.
const USERS_MAX: usize = 100;

#[derive(Deserialize, ToSchema)]
pub struct DeleteUsers {
    /// At most 100.
    user_ids: Vec<String>,
}

/// Delete users with their keys and sessions. Answers how many there were.
#[utoipa::path(
    post, path = "/user/delete", tag = "users", operation_id = "deleteUsers", request_body = DeleteUsers,
    responses(
        (status = 200, body = u64),
        (status = 404, description = "One of them does not exist; none was deleted", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteUsers>,
) -> Result<(Names, Json<u64>), ApiError> {
    let ids = input.value.user_ids;
    if ids.is_empty() || ids.len() > USERS_MAX {
        return Err(ApiError::bad("user_ids", format!("Name 1 to {USERS_MAX} users to delete.")));
    }
    for id in &ids {
        if state.store.users().role(id).await?.is_none() {
            return Err(not_found(id));
        }
    }
    let deleted = state.store.users().delete(&ids, &caller.actor(&state)).await;
    let deleted = deleted.map_err(|error| match error {
        StoreError::TooMany(_) => {
            let message =
                format!("A user has more than {KEYS_MAX} keys: delete keys first. Nobody was deleted.");
            ApiError::bad("user_ids", message)
        }
        other => other.into(),
    })?;
    if deleted == 0 {
        // Another request was quicker.
        return Err(not_found(&ids[0]));
    }
    Ok((input.ignored, Json(deleted)))
}
