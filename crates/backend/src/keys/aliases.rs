use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::keys::AliasQuery;
use utoipa::{IntoParams, ToSchema};

use super::own::{confine, sees_team, within_team};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, asked};
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct KeyAliasQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    size: u32,
    /// Part of the alias.
    search: Option<String>,
    team_id: Option<String>,
}

impl Default for KeyAliasQuery {
    fn default() -> Self {
        Self { page: 1, size: 50, search: None, team_id: None }
    }
}

#[derive(Serialize, ToSchema)]
pub struct KeyAliases {
    aliases: Vec<String>,
    total_count: u64,
    current_page: u32,
    total_pages: u64,
    size: u32,
}

/// One page of key aliases, for others than administrators of their own keys, in alphabetical order.
#[utoipa::path(
    get, path = "/key/aliases", tag = "keys", operation_id = "listKeyAliases", params(KeyAliasQuery),
    responses((status = 200, body = KeyAliases), Refusals),
)]
pub async fn aliases(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<KeyAliasQuery>,
) -> Result<Json<KeyAliases>, ApiError> {
    let page = PageOf::new(query.page, query.size, PAGE_SIZE_MAX, "size")?;
    let mut team_id = asked(query.team_id);
    let (mut user_id, mut hash) = (None, None);
    if !sees_team(&state, &caller, team_id.as_deref(), "/key/aliases").await? {
        (user_id, hash) = confine(&caller, None, None)?;
        team_id = within_team(&caller, team_id);
    }
    let store_query = AliasQuery {
        user_id,
        hash,
        search: asked(query.search),
        team_id,
        page: page.index(),
        size: page.size,
    };
    let found = state.store.keys().aliases(&store_query).await?;
    Ok(Json(KeyAliases {
        aliases: found.rows,
        total_count: found.total,
        current_page: page.number,
        total_pages: page.pages(found.total),
        size: page.size,
    }))
}
