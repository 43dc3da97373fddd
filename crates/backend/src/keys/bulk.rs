use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::fields::KeyFields;
use super::update::change;
use super::view::KeyView;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

/// Keys of one request.
const KEYS_MAX: usize = 500;

#[derive(Deserialize, ToSchema)]
pub struct BulkKeyUpdate {
    /// Each as for `/key/update`; at most 500.
    #[schema(value_type = Vec<KeyFields>)]
    keys: Vec<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct BulkUpdatedKeys {
    total_requested: usize,
    successful_updates: Vec<BulkUpdatedKey>,
    failed_updates: Vec<BulkFailedKey>,
}

#[derive(Serialize, ToSchema)]
pub struct BulkUpdatedKey {
    /// As it was asked for.
    key: String,
    key_info: KeyView,
}

#[derive(Serialize, ToSchema)]
pub struct BulkFailedKey {
    /// As it was asked for.
    key: Option<String>,
    failed_reason: String,
}

/// Change many keys, each by itself: one that fails leaves the others changed, and the answer says which.
#[utoipa::path(
    post, path = "/key/bulk_update", tag = "keys", operation_id = "updateKeys", request_body = BulkKeyUpdate,
    responses((status = 200, body = BulkUpdatedKeys), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<BulkKeyUpdate>,
) -> Result<(Names, Json<BulkUpdatedKeys>), ApiError> {
    let keys = input.value.keys;
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(ApiError::bad("keys", format!("Name 1 to {KEYS_MAX} keys to change.")));
    }
    let total_requested = keys.len();
    let (mut successful_updates, mut failed_updates) = (Vec::new(), Vec::new());
    for raw in keys {
        let asked = raw.get("key").and_then(Value::as_str).map(str::to_owned);
        let changed = match Input::<KeyFields>::from_object(raw) {
            Ok(fields) => change(&state, &caller, fields.value, &fields.raw).await,
            Err(error) => Err(error),
        };
        match changed {
            Ok((key, key_info)) => successful_updates.push(BulkUpdatedKey { key, key_info }),
            Err(error) => failed_updates.push(BulkFailedKey { key: asked, failed_reason: error.text() }),
        }
    }
    Ok((input.ignored, Json(BulkUpdatedKeys { total_requested, successful_updates, failed_updates })))
}
