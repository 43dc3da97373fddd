use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use serde_json::{Map, Value};
use store::StoreError;
use utoipa::ToSchema;

use super::create::CreateError;
use super::fields::{KeyFields, unheeded};
use super::key_hash;
use super::own::{check_change, check_owner};
use super::view::KeyView;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

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
    caller: Caller,
    input: Input<KeyFields>,
) -> Result<(Names, Names, Json<UpdatedKey>), ApiError> {
    let unheeded = unheeded(&input.raw);
    let (key, row) = change(&state, &caller, input.value, &input.raw).await?;
    Ok((input.ignored, unheeded, Json(UpdatedKey { key, row })))
}

/// Changes the key that the fields name; it comes back as it was asked for, with its row.
pub async fn change(
    state: &State,
    caller: &Caller,
    fields: KeyFields,
    raw: &Map<String, Value>,
) -> Result<(String, KeyView), ApiError> {
    let actor = caller.actor(state);
    let missing = || ApiError::key_not_found("Key not found.");
    let (asked, key) = match (&fields.key, &fields.key_alias) {
        (Some(key), _) => (key.clone(), state.store.keys().get(key_hash(key)?).await?),
        (None, Some(alias)) => {
            let key = state.store.keys().by_alias(alias).await?;
            (key.as_ref().map(|key| key.hash.to_hex()).unwrap_or_default(), key)
        }
        (None, None) => return Err(ApiError::bad("key", "Name the key to change: `key` or `key_alias`.")),
    };
    check_owner(state, caller, key.as_ref(), "/key/update").await?;
    let key = key.ok_or_else(missing)?;
    let patch = fields.patch(raw, actor.at)?;
    check_change(state, caller, raw, &key, &patch, false).await?;
    let updated = state.store.keys().update(key.hash, patch, &actor).await.map_err(|error| match error {
        StoreError::Duplicate(_) => CreateError::AliasTaken.into(),
        other => ApiError::from(other),
    })?;
    let row = KeyView::of(updated.ok_or_else(missing)?, actor.at);
    Ok((asked, row))
}
