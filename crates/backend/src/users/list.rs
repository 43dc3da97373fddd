use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::users::{UserQuery, UserSort};
use utoipa::{IntoParams, ToSchema};

use super::view::{UserView, all_shown};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, asked};
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct UserListQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    role: Option<String>,
    /// Ids with commas between.
    user_ids: Option<String>,
    /// Ids with commas between.
    sso_user_ids: Option<String>,
    /// Part of the address.
    user_email: Option<String>,
    /// Part of id, address or alias.
    search: Option<String>,
    /// A team of theirs.
    team: Option<String>,
    /// Ids with commas between.
    organization_ids: Option<String>,
    /// `created_at`, `updated_at`, `spend`, `max_budget`, `user_id`, `user_email`, `user_alias` or `user_role`.
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_order: String,
}

impl Default for UserListQuery {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 25,
            role: None,
            user_ids: None,
            sso_user_ids: None,
            user_email: None,
            search: None,
            team: None,
            organization_ids: None,
            sort_by: None,
            sort_order: "asc".into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct UserList {
    users: Vec<ListedUser>,
    total: u64,
    page: u32,
    page_size: u32,
    total_pages: u64,
}

#[derive(Serialize, ToSchema)]
pub struct ListedUser {
    #[serde(flatten)]
    row: UserView,
    /// How many keys the user has.
    key_count: u64,
}

/// One page of users; administrators of organisations see the users in theirs.
#[utoipa::path(
    get, path = "/user/list", tag = "users", operation_id = "listUsers", params(UserListQuery),
    responses((status = 200, body = UserList), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<UserListQuery>,
) -> Result<Json<UserList>, ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let query = UserQuery { led_by: led_by(&caller), ..query.resolve(page)? };
    let found = state.store.users().list(&query).await?;
    let (users, counts): (Vec<_>, Vec<_>) = found.rows.into_iter().unzip();
    let rows = all_shown(&state, users).await?;
    let listed = |(row, key_count)| ListedUser { row, key_count };
    Ok(Json(UserList {
        users: rows.into_iter().zip(counts).map(listed).collect(),
        total: found.total,
        page: page.number,
        page_size: page.size,
        total_pages: page.pages(found.total),
    }))
}

/// Administrators of organisations see the users in them.
pub fn led_by(caller: &Caller) -> Option<String> {
    (!caller.sees_all()).then(|| caller.user_id().unwrap_or_default().to_owned())
}

impl UserListQuery {
    fn resolve(self, page: PageOf) -> Result<UserQuery, ApiError> {
        let sort = match self.sort_by.as_deref() {
            None | Some("" | "created_at") => UserSort::CreatedAt,
            Some("updated_at") => UserSort::UpdatedAt,
            Some("spend") => UserSort::Spend,
            Some("max_budget") => UserSort::MaxBudget,
            Some("user_id") => UserSort::Id,
            Some("user_email") => UserSort::Email,
            Some("user_alias") => UserSort::Alias,
            Some("user_role") => UserSort::Role,
            Some(other) => {
                return Err(ApiError::bad("sort_by", format!("Users cannot be sorted by `{other}`.")));
            }
        };
        let split = |text: Option<String>| {
            let text = text.unwrap_or_default();
            text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
        };
        Ok(UserQuery {
            role: asked(self.role),
            ids: split(self.user_ids),
            sso_ids: split(self.sso_user_ids),
            email: asked(self.user_email),
            search: asked(self.search),
            team: asked(self.team),
            organizations: split(self.organization_ids),
            led_by: None,
            sort,
            ascending: self.sort_order == "asc",
            page: page.index(),
            size: page.size,
        })
    }
}
