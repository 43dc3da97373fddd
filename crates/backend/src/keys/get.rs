use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::key_hash;
use super::own::check_owner;
use super::view::KeyView;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
use crate::owner::used::used;
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyInfoQuery {
    /// Raw key or hash; the caller's own key when left out.
    key: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct KeyInfo {
    /// As it was asked for.
    key: String,
    info: KeyView,
}

/// Show one key. Others than administrators see their own.
#[utoipa::path(
    get, path = "/key/info", tag = "keys", operation_id = "getKey", params(KeyInfoQuery),
    responses(
        (status = 200, body = KeyInfo),
        (status = 403, description = "Another's key", body = ErrorBody),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn get(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<KeyInfoQuery>,
) -> Result<Json<KeyInfo>, ApiError> {
    let now = state.clock.now();
    let own = caller.key().map(|key| key.hash.to_hex());
    let asked = query.key.or(own).ok_or_else(|| ApiError::bad("key", "Name a key: `/key/info?key=…`."))?;
    let hash = key_hash(&asked)?;
    let (key, deleted) = match state.store.keys().get(hash).await? {
        Some(key) => (Some(key), false),
        None => (state.store.keys().get_deleted(hash).await?, true),
    };
    check_owner(&state, &caller, key.as_ref(), "/key/info").await?;
    let key = key.ok_or_else(|| ApiError::key_not_found("Key not found in database"))?;
    let has_more = ["budget_limits", "model_max_budget"].iter().any(|name| key.extra.contains_key(*name));
    let used = if has_more && !deleted {
        used(&state, "key", &hash.to_hex(), &key.other_durations()).await?
    } else {
        serde_json::Map::new()
    };
    let mut info = if deleted { KeyView::of_deleted(key, now) } else { KeyView::of(key, now) };
    info.rest.extend(used);
    // The row names the key only as the caller did.
    Ok(Json(KeyInfo { key: asked, info: info.without_token() }))
}
