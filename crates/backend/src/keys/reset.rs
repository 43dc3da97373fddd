use axum::Json;
use axum::extract::{Path, State as Extract};
use serde::{Deserialize, Serialize};
use store::keys::KeyPatch;
use utoipa::ToSchema;

use super::key_hash;
use super::own::check_owner;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::http::number::{Number, dollars};
use crate::state::Shared;
use crate::time::iso;

#[derive(Deserialize, ToSchema)]
pub struct ResetSpend {
    /// US dollars, from 0 to what was spent, and not above the budget.
    #[schema(value_type = f64, minimum = 0)]
    reset_to: Number,
}

#[derive(Serialize, ToSchema)]
pub struct SpendWasReset {
    /// SHA-256 of the key.
    key_hash: String,
    /// US dollars.
    spend: f64,
    previous_spend: f64,
    max_budget: Option<f64>,
    budget_reset_at: Option<String>,
}

/// Set what counts as spent of a key to less; gateways know within a second.
#[utoipa::path(
    post, path = "/key/{key}/reset_spend", tag = "keys", operation_id = "resetKeySpend",
    params(("key" = String, Path, description = "Raw key or hash")), request_body = ResetSpend,
    responses(
        (status = 200, body = SpendWasReset),
        (status = 404, description = "No such key", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn reset_spend(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(key): Path<String>,
    input: Input<ResetSpend>,
) -> Result<(Names, Json<SpendWasReset>), ApiError> {
    let missing = || ApiError::key_not_found("Key not found.");
    let reset_to = dollars("reset_to", input.value.reset_to)?;
    let before = state.store.keys().get(key_hash(&key)?).await?;
    check_owner(&state, &caller, before.as_ref(), "/key/{key_id}/reset_spend").await?;
    let before = before.ok_or_else(missing)?;
    if reset_to > before.spent() || before.max_budget.is_some_and(|budget| reset_to > budget) {
        let message = "`reset_to` must be neither above what was spent nor above the budget.";
        return Err(ApiError::bad("reset_to", message));
    }
    let patch = KeyPatch { spend: Some(reset_to), ..KeyPatch::default() };
    let after = state.store.keys().update(before.hash, patch, &caller.actor(&state)).await?;
    let after = after.ok_or_else(missing)?;
    let reset = SpendWasReset {
        key_hash: after.hash.to_hex(),
        spend: after.spent().dollars(),
        previous_spend: before.spent().dollars(),
        max_budget: after.max_budget.map(kit::Money::dollars),
        budget_reset_at: after.resets_at().map(iso),
    };
    Ok((input.ignored, Json(reset)))
}
