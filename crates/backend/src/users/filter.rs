use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::users::UserQuery;
use utoipa::{IntoParams, ToSchema};

use super::list::led_by;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, asked};
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct UserFilter {
    user_id: Option<String>,
    /// Part of the address.
    user_email: Option<String>,
    /// Part of id, address or alias.
    search: Option<String>,
    /// A team of theirs.
    team_id: Option<String>,
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
}

impl Default for UserFilter {
    fn default() -> Self {
        Self { user_id: None, user_email: None, search: None, team_id: None, page: 1, page_size: 50 }
    }
}

/// A user in a list to choose from.
#[derive(Serialize, ToSchema)]
pub struct FoundUser {
    user_id: String,
    user_email: Option<String>,
    user_alias: Option<String>,
    user_role: String,
}

/// Users to choose from, the newest first.
#[utoipa::path(
    get, path = "/user/filter/ui", tag = "users", operation_id = "filterUsers", params(UserFilter),
    responses((status = 200, body = Vec<FoundUser>), Refusals),
)]
pub async fn filter(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<UserFilter>,
) -> Result<Json<Vec<FoundUser>>, ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let query = UserQuery {
        ids: asked(query.user_id).into_iter().collect(),
        email: asked(query.user_email),
        search: asked(query.search),
        team: asked(query.team_id),
        led_by: led_by(&caller),
        page: page.index(),
        size: page.size,
        ..UserQuery::default()
    };
    let found = state.store.users().list(&query).await?;
    let view = |(user, _): (domain::User, u64)| FoundUser {
        user_id: user.id,
        user_email: user.email,
        user_alias: user.alias,
        user_role: user.role.name().into(),
    };
    Ok(Json(found.rows.into_iter().map(view).collect()))
}
