use axum::Json;
use axum::extract::State as Extract;
use http::StatusCode;
use serde::Deserialize;
use store::PAGE_SIZE_MAX;
use store::users::{UserQuery, UserSort};
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::asked;
use crate::state::Shared;
use crate::users::view::{UserView, all_shown};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct SpendUsersQuery {
    /// Only this one.
    user_id: Option<String>,
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
}

impl Default for SpendUsersQuery {
    fn default() -> Self {
        Self { user_id: None, page: 1 }
    }
}

/// Users by spend, the dearest first, a hundred a page. Others than administrators see themselves.
#[utoipa::path(
    get, path = "/spend/users", tag = "spend", operation_id = "listUsersBySpend", params(SpendUsersQuery),
    responses((status = 200, body = Vec<UserView>), Refusals),
)]
pub async fn users(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<SpendUsersQuery>,
) -> Result<Json<Vec<UserView>>, ApiError> {
    let mut user = asked(query.user_id);
    if !caller.sees_all() {
        let own = caller.user_id().unwrap_or_default().to_owned();
        if user.as_ref().is_some_and(|asked| *asked != own) {
            let message = "You see your own spend only.";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("user_id"), message));
        }
        user = Some(own);
    }
    let one = match user {
        Some(id) => match state.store.users().get(&id).await? {
            Some(user) => vec![user],
            None => vec![],
        },
        None => {
            let by_spend = UserQuery {
                sort: UserSort::Spend,
                page: query.page.saturating_sub(1),
                size: PAGE_SIZE_MAX,
                ..UserQuery::default()
            };
            state.store.users().list(&by_spend).await?.rows.into_iter().map(|(user, _)| user).collect()
        }
    };
    Ok(Json(all_shown(&state, one).await?))
}
