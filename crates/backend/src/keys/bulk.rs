use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::PAGE_SIZE_MAX;
use store::keys::KeyQuery;
use utoipa::ToSchema;

use super::fields::KeyFields;
use super::key_hash;
use super::team::may;
use super::update::change;
use super::view::KeyView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

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

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"team_id": "t1", "all_keys_in_team": true, "update_fields": {"max_budget": 10.0}}))]
pub struct BulkTeamKeyUpdate {
    team_id: String,
    /// Raw keys or hashes; at most 500.
    key_ids: Option<Vec<String>>,
    /// In place of `key_ids`: every key of the team, when they are at most 500.
    all_keys_in_team: Option<bool>,
    /// What to change of each, as for `/key/update`.
    #[schema(value_type = KeyFields)]
    update_fields: Map<String, Value>,
}

/// Change keys of a team, each by itself: one that fails leaves the others changed, and the answer says which.
#[utoipa::path(
    post, path = "/team/key/bulk_update", tag = "keys", operation_id = "updateTeamKeys", request_body = BulkTeamKeyUpdate,
    responses((status = 200, body = BulkUpdatedKeys), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn update_of_team(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<BulkTeamKeyUpdate>,
) -> Result<(Names, Json<BulkUpdatedKeys>), ApiError> {
    let BulkTeamKeyUpdate { team_id, key_ids, all_keys_in_team, update_fields } = input.value;
    let team = caller.team(&state, &team_id, Standing::Member).await?;
    if !may(&state, &caller, &team, "/team/key/bulk_update").await? {
        let message = format!("Team member does not have permissions for this endpoint. Team={team_id}");
        return Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("team_id"), message));
    }
    if update_fields.is_empty() || update_fields.contains_key("key") {
        let message = "Say what to change of all these keys, and not which: `update_fields`.";
        return Err(ApiError::bad("update_fields", message));
    }
    let keys = match (key_ids, all_keys_in_team) {
        (Some(keys), None | Some(false)) => keys,
        (None, Some(true)) => all_of(&state, &team_id).await?,
        _ => return Err(ApiError::bad("key_ids", "Name either `key_ids` or `all_keys_in_team`.")),
    };
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(ApiError::bad("key_ids", format!("Name 1 to {KEYS_MAX} keys to change.")));
    }
    let total_requested = keys.len();
    let (mut successful_updates, mut failed_updates) = (Vec::new(), Vec::new());
    for key in keys {
        match change_of_team(&state, &caller, &team_id, &key, &update_fields).await {
            Ok((key, key_info)) => successful_updates.push(BulkUpdatedKey { key, key_info }),
            Err(error) => failed_updates.push(BulkFailedKey { key: Some(key), failed_reason: error.text() }),
        }
    }
    Ok((input.ignored, Json(BulkUpdatedKeys { total_requested, successful_updates, failed_updates })))
}

async fn change_of_team(
    state: &State,
    caller: &Caller,
    team: &str,
    key: &str,
    fields: &Map<String, Value>,
) -> Result<(String, KeyView), ApiError> {
    let found = state.store.keys().get(key_hash(key)?).await?;
    if found.is_none_or(|found| found.team_id.as_deref() != Some(team)) {
        return Err(ApiError::key_not_found("Key not found in the team."));
    }
    let mut raw = fields.clone();
    raw.insert("key".into(), key.into());
    let fields = Input::<KeyFields>::from_object(raw)?;
    change(state, caller, fields.value, &fields.raw).await
}

/// The hashes of all keys of a team.
async fn all_of(state: &State, team: &str) -> Result<Vec<String>, ApiError> {
    let mut hashes = Vec::new();
    for page in 0.. {
        let of_team =
            KeyQuery { team_id: Some(team.to_owned()), page, size: PAGE_SIZE_MAX, ..KeyQuery::default() };
        let found = state.store.keys().list(&of_team, state.clock.now()).await?;
        if found.total > KEYS_MAX as u64 {
            let message = format!("The team has more than {KEYS_MAX} keys: change them in parts.");
            return Err(ApiError::bad("all_keys_in_team", message));
        }
        if found.rows.is_empty() {
            break;
        }
        hashes.extend(found.rows.iter().map(|key| key.hash.to_hex()));
    }
    Ok(hashes)
}
