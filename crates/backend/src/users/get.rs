use axum::Json;
use axum::extract::State as Extract;
use domain::User;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::keys::KeyQuery;
use store::nouns::TeamQuery;
use utoipa::{IntoParams, ToSchema};

use super::not_found;
use super::view::{UserView, shown};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
use crate::keys::view::KeyView;
use crate::state::{Shared, State};
use crate::teams::view::TeamView;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserInfoQuery {
    /// The caller when left out.
    user_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct UserInfo {
    user_id: String,
    user_info: UserView,
    /// The newest hundred; `/key/list?user_id=…` has all.
    keys: Vec<KeyView>,
    /// The newest hundred, without their members.
    teams: Vec<TeamView>,
}

/// Show a user and their keys. Others than administrators see themselves.
#[utoipa::path(
    get, path = "/user/info", tag = "users", operation_id = "getUser", params(UserInfoQuery),
    responses(
        (status = 200, body = UserInfo),
        (status = 403, description = "Another user", body = ErrorBody),
        (status = 404, description = "No such user", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn get(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<UserInfoQuery>,
) -> Result<Json<UserInfo>, ApiError> {
    let user = find(&state, &caller, query).await?;
    let now = state.clock.now();
    let of_user = KeyQuery { user_id: Some(user.id.clone()), size: PAGE_SIZE_MAX, ..KeyQuery::default() };
    let keys = state.store.keys().list(&of_user, now).await?;
    let of_user = TeamQuery { user_id: Some(user.id.clone()), ..TeamQuery::default() };
    let teams = state.store.teams().list(&of_user, 0, PAGE_SIZE_MAX).await?;
    Ok(Json(UserInfo {
        user_id: user.id.clone(),
        user_info: shown(&state, user).await?,
        keys: keys.rows.into_iter().map(|key| KeyView::of(key, now)).collect(),
        teams: teams.rows.into_iter().map(|team| TeamView::of(team, &[])).collect(),
    }))
}

/// Show a user alone. Others than administrators see themselves.
#[utoipa::path(
    get, path = "/v2/user/info", tag = "users", operation_id = "getUserRow", params(UserInfoQuery),
    responses(
        (status = 200, body = UserView),
        (status = 403, description = "Another user", body = ErrorBody),
        (status = 404, description = "No such user", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn get_flat(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<UserInfoQuery>,
) -> Result<Json<UserView>, ApiError> {
    Ok(Json(shown(&state, find(&state, &caller, query).await?).await?))
}

async fn find(state: &State, caller: &Caller, query: UserInfoQuery) -> Result<User, ApiError> {
    let own = caller.user_id();
    let asked = query.user_id.as_deref().filter(|id| !id.is_empty()).or(own);
    let asked = asked.ok_or_else(|| ApiError::bad("user_id", "Name a user: `/user/info?user_id=…`."))?;
    if !caller.sees_all() && own != Some(asked) {
        let message = "You are not allowed to access this user's info.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("user_id"), message));
    }
    state.store.users().get(asked).await?.ok_or_else(|| not_found(asked))
}
