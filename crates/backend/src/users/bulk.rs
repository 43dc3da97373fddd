use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::fields::UserFields;
use super::update::change;
use super::view::UserView;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

/// Users of one request.
const USERS_MAX: usize = 500;

#[derive(Deserialize, ToSchema)]
pub struct BulkUpdate {
    /// Each as for `/user/update`; at most 500.
    #[schema(value_type = Vec<UserFields>)]
    users: Vec<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct BulkUpdated {
    results: Vec<BulkResult>,
    total_requested: usize,
    successful_updates: usize,
    failed_updates: usize,
}

#[derive(Serialize, ToSchema)]
pub struct BulkResult {
    user_id: Option<String>,
    user_email: Option<String>,
    success: bool,
    /// Why not.
    error: Option<String>,
    updated_user: Option<UserView>,
}

/// Change many users, each by itself: one that fails leaves the others changed. `all_users` is not supported.
#[utoipa::path(
    post, path = "/user/bulk_update", tag = "users", operation_id = "updateUsers", request_body = BulkUpdate,
    responses((status = 200, body = BulkUpdated), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<BulkUpdate>,
) -> Result<(Names, Json<BulkUpdated>), ApiError> {
    let actor = caller.actor(&state);
    let users = input.value.users;
    if users.is_empty() || users.len() > USERS_MAX {
        return Err(ApiError::bad("users", format!("Name 1 to {USERS_MAX} users to change.")));
    }
    let mut results = Vec::with_capacity(users.len());
    for raw in users {
        let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
        let (user_id, user_email) = (text("user_id"), text("user_email"));
        let changed = match Input::<UserFields>::from_object(raw) {
            Ok(fields) => change(&state, &actor, fields.value, &fields.raw).await,
            Err(error) => Err(error),
        };
        let (error, updated_user) = match changed {
            Ok(user) => (None, Some(UserView::of(user))),
            Err(error) => (Some(error.text()), None),
        };
        results.push(BulkResult { user_id, user_email, success: error.is_none(), error, updated_user });
    }
    let successful_updates = results.iter().filter(|result| result.success).count();
    Ok((
        input.ignored,
        Json(BulkUpdated {
            total_requested: results.len(),
            successful_updates,
            failed_updates: results.len() - successful_updates,
            results,
        }),
    ))
}
