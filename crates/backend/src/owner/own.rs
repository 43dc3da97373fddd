//! Owners whose limits are those of a budget: their own, or one that they share.

use domain::owner::{Budget, Limits, Stamps};
use serde_json::{Map, Value};
use store::audit::Actor;
use store::nouns::{Nouns, Sharer};

use super::fields::LIMITS;
use crate::http::error::ApiError;
use crate::state::State;

/// Adds an owner; limits become a budget of their own.
///
/// # Errors
/// `taken` when the name is; 400 when there is no such budget, or limits were sent beside one.
pub async fn add<N: Sharer>(
    state: &State,
    nouns: Nouns<'_, N>,
    mut noun: N,
    limits: Limits,
    actor: &Actor,
    taken: impl FnOnce(&N) -> ApiError,
) -> Result<N, ApiError> {
    let mut own = None;
    if limits != Limits::default() {
        if noun.budget_id().is_some() {
            return Err(ApiError::plain("budget_id", "Name a budget, or limits of your own, not both."));
        }
        let stamps = Stamps::new(&actor.id, actor.at);
        let budget = Budget::own(state.new_id(), limits, stamps);
        noun.set_budget_id(budget.id.clone());
        own = Some(budget);
    }
    let made = nouns.create_with(&noun, own.as_ref(), actor).await;
    made.map_err(|error| match error {
        store::StoreError::Duplicate(_) => taken(&noun),
        other => other.into(),
    })
}

/// Changes an owner. Limits change their own budget; a budget that they share is left to the others. `None` when there is
/// no such owner.
///
/// # Errors
/// What `change` and `limit` refuse with; 400 when there is no such budget.
pub async fn change<N: Sharer>(
    state: &State,
    nouns: Nouns<'_, N>,
    id: &str,
    raw: &Map<String, Value>,
    actor: &Actor,
    change: impl FnOnce(&mut N) -> Result<(), ApiError>,
    limit: impl FnOnce(&mut Limits) -> Result<(), ApiError>,
) -> Result<Option<N>, ApiError> {
    let limit = limits_sent(raw).then_some(|budget: &mut Budget| limit(&mut budget.limits));
    nouns.change(id, state.new_id(), actor, change, limit).await
}

/// Whether a request sets or clears a limit.
pub fn limits_sent(raw: &Map<String, Value>) -> bool {
    LIMITS.iter().any(|name| raw.contains_key(*name))
}
