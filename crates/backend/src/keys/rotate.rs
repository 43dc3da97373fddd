use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::key::display_name;
use kit::{KeyHash, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::StoreError;
use store::keys::{OLD_SECRETS_MAX, Replacement};
use utoipa::ToSchema;

use super::create::{CreateError, CreatedKey, check};
use super::fields::{KeyFields, unheeded};
use super::key_hash;
use super::own::{check_change, check_owner};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};
use crate::time::after;

/// The fields of a key, and the secret to take.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct RotateKey {
    /// A raw key to use instead of a generated one.
    new_key: Option<String>,
    /// For how long the old secret opens the key too, such as `24h`; without it the old one stops at once.
    grace_period: Option<String>,
    #[serde(flatten)]
    fields: KeyFields,
}

/// Give a key a new secret: same row, same spend; the old secret stops working at once, or after `grace_period`.
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

/// The end of a grace that was asked for.
fn grace(period: Option<Value>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let period = match period {
        None | Some(Value::Null) => return Ok(None),
        Some(period) => period,
    };
    let ends = period.as_str().and_then(|period| after(now, period)).ok_or_else(|| {
        ApiError::bad("grace_period", "`grace_period` must be a time such as `30s`, `15m`, `24h` or `7d`.")
    })?;
    Ok(Some(ends).filter(|ends| *ends > now))
}

async fn exchange(
    state: &State,
    caller: &Caller,
    hash: KeyHash,
    mut raw: Map<String, Value>,
) -> Result<(Names, Names, Json<CreatedKey>), ApiError> {
    let actor = caller.actor(state);
    let chosen = raw.remove("new_key");
    let grace = grace(raw.remove("grace_period"), actor.at)?;
    let unused = unheeded(&raw);
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
    let replacement = Replacement { hash: new_hash, name: display_name(&secret), grace };
    let key = match state.store.keys().regenerate(hash, replacement, patch, &actor).await {
        Err(StoreError::TooMany(_)) => {
            let message = format!(
                "{OLD_SECRETS_MAX} old secrets open this key yet. Regenerate it without grace_period."
            );
            return Err(ApiError::bad("grace_period", message));
        }
        key => key,
    };
    let key = key.map_err(CreateError::from)?.ok_or_else(|| ApiError::key_not_found("Key not found."))?;
    Ok((fields.ignored, unused, Json(CreatedKey::of(secret, key, actor.at))))
}
