use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::PAGE_SIZE_MAX;
use store::users::{UserQuery, UserSort};
use utoipa::ToSchema;

use super::fields::UserFields;
use super::update::change;
use super::view::{UserView, shown};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

/// Users of one request.
const USERS_MAX: usize = 500;

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"users": [{"user_id": "ada", "max_budget": 10.0}]}))]
pub struct BulkUpdate {
    /// Each as for `/user/update`; at most 500.
    #[schema(value_type = Option<Vec<UserFields>>)]
    users: Option<Vec<Map<String, Value>>>,
    /// In place of `users`: every user, when they are at most 500.
    all_users: Option<bool>,
    /// With `all_users`: what to change of each.
    #[schema(value_type = Option<UserFields>)]
    user_updates: Option<Map<String, Value>>,
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

/// Change many users, each by itself: one that fails leaves the others changed.
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
    let users = input.value.resolve(&state).await?;
    let mut results = Vec::with_capacity(users.len());
    for raw in users {
        let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
        let (user_id, user_email) = (text("user_id"), text("user_email"));
        let changed = match Input::<UserFields>::from_object(raw) {
            Ok(fields) => change(&state, &actor, fields.value, &fields.raw).await,
            Err(error) => Err(error),
        };
        let (error, updated_user) = match changed {
            Ok(user) => (None, Some(shown(&state, user).await?)),
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

impl BulkUpdate {
    async fn resolve(self, state: &State) -> Result<Vec<Map<String, Value>>, ApiError> {
        let users = match (self.users, self.all_users) {
            (Some(users), None | Some(false)) => users,
            (None, Some(true)) => {
                let changes = self.user_updates.unwrap_or_default();
                if changes.is_empty()
                    || ["user_id", "user_email"].iter().any(|name| changes.contains_key(*name))
                {
                    let message = "Say what to change of all users, and not their names: `user_updates`.";
                    return Err(ApiError::bad("user_updates", message));
                }
                let ids = all_ids(state, USERS_MAX).await?;
                let change = |id: String| {
                    let mut change = changes.clone();
                    change.insert("user_id".into(), id.into());
                    change
                };
                ids.into_iter().map(change).collect()
            }
            _ => return Err(ApiError::bad("users", "Name either `users` or `all_users`.")),
        };
        if users.is_empty() || users.len() > USERS_MAX {
            return Err(ApiError::bad("users", format!("Name 1 to {USERS_MAX} users to change.")));
        }
        Ok(users)
    }
}

/// The ids of all users.
///
/// # Errors
/// 400 when they are more than `max`.
pub async fn all_ids(state: &State, max: usize) -> Result<Vec<String>, ApiError> {
    let mut ids = Vec::new();
    for page in 0.. {
        let query = UserQuery {
            sort: UserSort::Id,
            ascending: true,
            page,
            size: PAGE_SIZE_MAX,
            ..UserQuery::default()
        };
        let found = state.store.users().list(&query).await?;
        if found.total > max as u64 {
            let message = format!("There are more than {max} users: change them in parts.");
            return Err(ApiError::bad("all_users", message));
        }
        if found.rows.is_empty() {
            break;
        }
        ids.extend(found.rows.into_iter().map(|(user, _)| user.id));
    }
    Ok(ids)
}
