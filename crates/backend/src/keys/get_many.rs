use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key_hash;
use super::own::check_owner;
use super::view::KeyView;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

/// Keys of one request.
const KEYS_MAX: usize = 100;

#[derive(Deserialize, ToSchema)]
pub struct AskedKeys {
    /// Raw keys or hashes; with the aliases at most 100.
    keys: Option<Vec<String>>,
    key_aliases: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct KeyInfos {
    /// As they were asked for.
    key: Vec<String>,
    /// Those that are there.
    info: Vec<KeyView>,
}

/// Show several keys. Others than administrators see their own.
#[utoipa::path(
    post, path = "/v2/key/info", tag = "keys", operation_id = "getKeys", request_body = AskedKeys,
    responses((status = 200, body = KeyInfos), Refusals),
)]
pub async fn get_many(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<AskedKeys>,
) -> Result<(Names, Json<KeyInfos>), ApiError> {
    let now = state.clock.now();
    let (keys, aliases) = (input.value.keys.unwrap_or_default(), input.value.key_aliases.unwrap_or_default());
    if !(1..=KEYS_MAX).contains(&(keys.len() + aliases.len())) {
        return Err(ApiError::bad("keys", format!("Name 1 to {KEYS_MAX} keys: `keys`, `key_aliases`.")));
    }
    let mut info = Vec::new();
    for key in &keys {
        let row = state.store.keys().get(key_hash(key)?).await?;
        check_owner(&state, &caller, row.as_ref(), "/key/info").await?;
        info.extend(row);
    }
    for alias in &aliases {
        let row = state.store.keys().by_alias(alias).await?;
        check_owner(&state, &caller, row.as_ref(), "/key/info").await?;
        info.extend(row);
    }
    let info = info.into_iter().map(|key| KeyView::of(key, now)).collect();
    Ok((input.ignored, Json(KeyInfos { key: keys.into_iter().chain(aliases).collect(), info })))
}
