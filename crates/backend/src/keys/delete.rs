use axum::Json;
use axum::extract::State as Extract;
use kit::KeyHash;
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;

use super::key_hash;
use super::own::check_owner;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

/// Keys of one request.
const KEYS_MAX: usize = 500;

#[derive(Deserialize, ToSchema)]
pub struct DeleteKeys {
    /// Raw keys or hashes.
    keys: Option<Vec<String>>,
    key_aliases: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct DeletedKeys {
    /// Those that were there, as they were asked for.
    deleted_keys: Vec<String>,
}

/// Delete keys, by key or by alias. They stop working at once; their spend keeps their name.
#[utoipa::path(
    post, path = "/key/delete", tag = "keys", operation_id = "deleteKeys", request_body = DeleteKeys,
    responses(
        (status = 200, body = DeletedKeys),
        (status = 404, description = "One of them does not exist; none was deleted", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteKeys>,
) -> Result<(Names, Json<DeletedKeys>), ApiError> {
    let actor = caller.actor(&state);
    let (asked, hashes) = named(&state, &caller, input.value).await?;
    if asked.len() > KEYS_MAX {
        return Err(ApiError::bad("keys", format!("At most {KEYS_MAX} keys can be deleted at once.")));
    }
    for (name, hash) in asked.iter().zip(&hashes) {
        let key = match state.store.keys().get(*hash).await {
            // A key whose row cannot be read is there, and deleting it is the way out.
            Err(StoreError::Corrupt { .. }) if caller.sees_all() => continue,
            read => read?,
        };
        check_owner(&state, &caller, key.as_ref(), "/key/delete").await?;
        if key.is_none() {
            let name = domain::key::display_name(name);
            return Err(ApiError::key_not_found(format!("Key not found: {name}. No key was deleted.")));
        }
    }
    let gone = state.store.keys().delete(&hashes, &actor).await?;
    if gone.is_empty() {
        // Another request was quicker.
        return Err(ApiError::key_not_found("Key not found. No key was deleted."));
    }
    let deleted = asked.into_iter().zip(&hashes).filter(|(_, hash)| gone.contains(hash));
    Ok((input.ignored, Json(DeletedKeys { deleted_keys: deleted.map(|(name, _)| name).collect() })))
}

async fn named(
    state: &State,
    caller: &Caller,
    asked: DeleteKeys,
) -> Result<(Vec<String>, Vec<KeyHash>), ApiError> {
    match (asked.keys, asked.key_aliases) {
        (Some(keys), _) if !keys.is_empty() => {
            let hashes = keys.iter().map(|key| key_hash(key)).collect::<Result<_, _>>()?;
            Ok((keys, hashes))
        }
        (_, Some(aliases)) if !aliases.is_empty() => {
            let mut hashes = Vec::with_capacity(aliases.len().min(KEYS_MAX));
            for alias in aliases.iter().take(KEYS_MAX) {
                let key = state.store.keys().by_alias(alias).await?;
                check_owner(state, caller, key.as_ref(), "/key/delete").await?;
                let missing = || ApiError::key_not_found("Key not found. No key was deleted.");
                hashes.push(key.ok_or_else(missing)?.hash);
            }
            Ok((aliases, hashes))
        }
        _ => Err(ApiError::bad("keys", "Name the keys to delete: `keys` or `key_aliases`.")),
    }
}
