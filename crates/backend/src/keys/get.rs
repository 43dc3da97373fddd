use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::key_hash;
use super::view::KeyView;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
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

/// Show one key. A virtual key may ask about itself.
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
    let asked = match (query.key, &caller) {
        (Some(key), _) => key,
        (None, Caller::Key(own)) => own.hash.to_hex(),
        (None, Caller::Admin(_)) => return Err(ApiError::bad("key", "Name a key: `/key/info?key=…`.")),
    };
    let hash = key_hash(&asked)?;
    if let Caller::Key(own) = &caller
        && own.hash != hash
    {
        let message = "You are not allowed to access this key's info.";
        return Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("key"), message));
    }
    let info = if let Some(key) = state.store.keys().get(hash).await? {
        KeyView::of(key, now)
    } else if let Some(key) = state.store.keys().get_deleted(hash).await? {
        KeyView::of_deleted(key, now)
    } else {
        return Err(ApiError::key_not_found("Key not found in database"));
    };
    // The row names the key only as the caller did.
    Ok(Json(KeyInfo { key: asked, info: info.without_token() }))
}
