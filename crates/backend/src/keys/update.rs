use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

use super::create::CreateError;
use super::fields::{KeyFields, inactive};
use super::key_hash;
use super::view::KeyView;
use crate::auth::Admin;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

#[derive(Serialize, ToSchema)]
pub struct UpdatedKey {
    /// As it was asked for.
    key: String,
    #[serde(flatten)]
    row: KeyView,
}

/// Change a key: named by `key`, raw or hashed, or else by `key_alias`.
#[utoipa::path(
    post, path = "/key/update", tag = "keys", operation_id = "updateKey", request_body = KeyFields,
    responses(
        (status = 200, body = UpdatedKey),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    admin: Admin,
    input: Input<KeyFields>,
) -> Result<(Names, Names, Json<UpdatedKey>), ApiError> {
    let actor = admin.actor(&state);
    let inactive = inactive(&input.raw);
    let missing = || ApiError::key_not_found("Key not found.");
    let (asked, hash) = match (&input.value.key, &input.value.key_alias) {
        (Some(key), _) => (key.clone(), key_hash(key)?),
        (None, Some(alias)) => {
            let key = state.store.keys().by_alias(alias).await?.ok_or_else(missing)?;
            (key.hash.to_hex(), key.hash)
        }
        (None, None) => return Err(ApiError::bad("key", "Name the key to change: `key` or `key_alias`.")),
    };
    let patch = input.value.patch(&input.raw, actor.at)?;
    let updated = state.store.keys().update(hash, patch, &actor).await.map_err(|error| match error {
        StoreError::Duplicate(_) => CreateError::AliasTaken.into(),
        other => ApiError::from(other),
    })?;
    let row = KeyView::of(updated.ok_or_else(missing)?, actor.at);
    Ok((input.ignored, inactive, Json(UpdatedKey { key: asked, row })))
}
