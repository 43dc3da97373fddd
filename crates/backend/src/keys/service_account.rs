use axum::Json;
use axum::extract::State as Extract;
use serde_json::Value;

use super::create::{CreateError, CreatedKey, fresh};
use super::fields::{KeyFields, unheeded};
use super::{DASHBOARD_TEAM, own};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::Shared;

/// What a team's members may be allowed.
pub const ROUTE: &str = "/key/service-account/generate";
/// Marks a key of no user.
const SERVICE_ACCOUNT_ID: &str = "service_account_id";

/// Make a key of a team and no user.
#[utoipa::path(
    post, path = "/key/service-account/generate", tag = "keys", operation_id = "createServiceAccountKey",
    request_body = KeyFields, responses((status = 200, body = CreatedKey), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<KeyFields>,
) -> Result<(Names, Names, Json<CreatedKey>), ApiError> {
    let actor = caller.actor(&state);
    let unheeded = unheeded(&input.raw);
    let chosen = input.value.key.clone();
    let mut patch = input.value.patch(&input.raw, actor.at)?;
    let team = patch.team_id.as_ref().and_then(|team| team.as_deref()).filter(|team| !team.is_empty());
    match team {
        None => {
            let message =
                "team_id is required for service account keys. Please specify `team_id` in the request body.";
            return Err(ApiError::bad("team_id", message));
        }
        Some(DASHBOARD_TEAM) => return Err(CreateError::ReservedTeam.into()),
        Some(_) => {}
    }
    own::confine_new(&state, &caller, &input.raw, &mut patch, ROUTE).await?;
    patch.user_id = Some(None);
    let (secret, mut key) = fresh(&state, chosen, patch, &actor)?;
    let id = key.alias.clone().unwrap_or_else(|| key.hash.to_hex());
    key.metadata.entry(SERVICE_ACCOUNT_ID).or_insert(Value::String(id));
    super::team::check_above(&state, &key, None).await?;
    let key = state.store.keys().create(&key, &actor).await.map_err(CreateError::from)?;
    Ok((input.ignored, unheeded, Json(CreatedKey::of(secret, key, actor.at))))
}
