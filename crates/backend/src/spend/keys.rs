use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use store::PAGE_SIZE_MAX;
use store::keys::{KeyQuery, KeySort};
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::keys::confine;
use crate::keys::view::KeyView;
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct SpendKeysQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
}

impl Default for SpendKeysQuery {
    fn default() -> Self {
        Self { page: 1 }
    }
}

/// Keys by spend, the dearest first, a hundred a page. Others than administrators see their own keys.
#[utoipa::path(
    get, path = "/spend/keys", tag = "spend", operation_id = "listKeysBySpend", params(SpendKeysQuery),
    responses((status = 200, body = Vec<KeyView>), Refusals),
)]
pub async fn keys(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<SpendKeysQuery>,
) -> Result<Json<Vec<KeyView>>, ApiError> {
    let now = state.clock.now();
    let mut key_query = KeyQuery {
        sort: KeySort::Spend,
        page: query.page.saturating_sub(1),
        size: PAGE_SIZE_MAX,
        ..KeyQuery::default()
    };
    (key_query.user_id, key_query.hash) = confine(&caller, None, None)?;
    let page = state.store.keys().list(&key_query, now).await?;
    Ok(Json(page.rows.into_iter().map(|key| KeyView::of(key, now)).collect()))
}
