use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::key::display_name;
use kit::KeyHash;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::create::{CreateError, CreatedKey, check};
use super::fields::{KeyFields, unheeded};
use super::key_hash;
use super::own::{check_change, check_owner};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

/// The fields of a key, and the secret to take.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct RotateKey {
    /// A raw key to use instead of a generated one.
    new_key: Option<String>,
    /// Not supported yet: the old secret stops working at once.
    grace_period: Option<String>,
    #[serde(flatten)]
    fields: KeyFields,
}

/// Give a key a new secret: same row, same spend; the old secret stops working at once.
#[utoipa::path(
    post, path = "/key/regenerate", tag = "keys", operation_id = "rotateKey", request_body = RotateKey,
    responses(
        (status = 200, body = CreatedKey),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn rotate(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<CreatedKey>), ApiError> {
    let Some(key) = input.raw.get("key").and_then(Value::as_str).map(str::to_owned) else {
        return Err(ApiError::bad("key", "Name the key to regenerate: `key`."));
    };
    exchange(&state, &caller, key_hash(&key)?, input.raw).await
}

/// The same with the key in the path.
#[utoipa::path(
    post, path = "/key/{key}/regenerate", tag = "keys", operation_id = "rotateKeyByPath",
    params(("key" = String, Path, description = "Raw key or hash")), request_body = RotateKey,
    responses(
        (status = 200, body = CreatedKey),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn rotate_by_path(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(key): Path<String>,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<CreatedKey>), ApiError> {
    exchange(&state, &caller, key_hash(&key)?, input.raw).await
}

async fn exchange(
    state: &State,
    caller: &Caller,
    hash: KeyHash,
    mut raw: Map<String, Value>,
) -> Result<(Names, Names, Json<CreatedKey>), ApiError> {
    let actor = caller.actor(state);
    let chosen = raw.remove("new_key");
    let grace = raw.remove("grace_period");
    let mut unused = unheeded(&raw);
    if grace.is_some_and(|grace| !grace.is_null()) {
        unused.names.push("grace_period".into());
    }
    let fields = Input::<KeyFields>::from_object(raw)?;
    let patch = fields.value.patch(&fields.raw, actor.at)?;
    let key = state.store.keys().get(hash).await?;
    check_owner(state, caller, key.as_ref(), "/key/regenerate").await?;
    let key = key.ok_or_else(|| ApiError::key_not_found("Key not found."))?;
    check_change(state, caller, &fields.raw, &key, &patch, true).await?;
    let (secret, new_hash) = match chosen.as_ref().and_then(Value::as_str) {
        Some(secret) => (check(secret)?, KeyHash::of(secret)),
        None => state.new_secret(),
    };
    let replacement = (new_hash, display_name(&secret));
    let key = state.store.keys().regenerate(hash, replacement, patch, &actor).await;
    let key = key.map_err(CreateError::from)?.ok_or_else(|| ApiError::key_not_found("Key not found."))?;
    Ok((fields.ignored, unused, Json(CreatedKey::of(secret, key, actor.at))))
}
