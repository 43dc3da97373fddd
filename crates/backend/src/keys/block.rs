use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use utoipa::ToSchema;

use super::key_hash;
use super::own::check_owner;
use super::view::KeyView;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

#[derive(Deserialize, ToSchema)]
pub struct NamedKey {
    /// Raw key or hash.
    key: String,
}

/// Block a key: every gateway refuses it within a second.
#[utoipa::path(
    post, path = "/key/block", tag = "keys", operation_id = "blockKey", request_body = NamedKey,
    responses(
        (status = 200, body = KeyView),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn block(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedKey>,
) -> Result<(Names, Json<KeyView>), ApiError> {
    Ok((input.ignored, Json(set(&state, &caller, &input.value.key, true).await?)))
}

/// Let a blocked key work again.
#[utoipa::path(
    post, path = "/key/unblock", tag = "keys", operation_id = "unblockKey", request_body = NamedKey,
    responses(
        (status = 200, body = KeyView),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn unblock(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedKey>,
) -> Result<(Names, Json<KeyView>), ApiError> {
    Ok((input.ignored, Json(set(&state, &caller, &input.value.key, false).await?)))
}

async fn set(state: &State, caller: &Caller, key: &str, blocked: bool) -> Result<KeyView, ApiError> {
    let (actor, hash) = (caller.actor(state), key_hash(key)?);
    let route = if blocked { "/key/block" } else { "/key/unblock" };
    check_owner(state, caller, state.store.keys().get(hash).await?.as_ref(), route).await?;
    let key = state.store.keys().set_blocked(hash, blocked, &actor).await?;
    let key = key.ok_or_else(|| ApiError::key_not_found("Key not found."))?;
    Ok(KeyView::of(key, actor.at))
}
