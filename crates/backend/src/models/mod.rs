//! What can be called: deployments of the configuration and of the database, and the groups they form.

mod access_groups;
mod catalog;
mod groups;
mod health;
mod list;
mod row;
mod view;
mod write;

pub use catalog::Catalog;
pub use view::ModelView;

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::owner::access_groups;
use domain::{Deployment, Model, VirtualKey};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::http::error::ApiError;
use crate::state::{Shared, State};

/// A deployment, and what the price book knows of its model.
#[derive(Clone, Debug)]
pub struct ModelCard {
    pub deployment: Deployment,
    /// Under the compatible surface's names: `input_cost_per_token`, `max_input_tokens`, `mode`,
    /// `supports_vision`, ….
    pub facts: Map<String, Value>,
    /// As it is kept in the database, where it is.
    pub stored: Option<Model>,
}

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::list_v1))
        .routes(routes!(list::page))
        .routes(routes!(groups::groups))
        .routes(routes!(access_groups::list))
        .routes(routes!(access_groups::info))
        .routes(routes!(access_groups::create))
        .routes(routes!(access_groups::update))
        .routes(routes!(access_groups::delete))
        .routes(routes!(access_groups::budget, access_groups::set_budget, access_groups::delete_budget))
        .routes(routes!(health::health))
        .routes(routes!(health::latest))
        .routes(routes!(health::history))
        .routes(routes!(health::test))
        .routes(routes!(write::create))
        .routes(routes!(write::update))
        .routes(routes!(write::patch))
        .routes(routes!(write::delete))
        .routes(routes!(write::block))
        .routes(routes!(write::unblock))
}

/// The deployments that the caller may use: those of the configuration, then those of the database.
pub async fn visible<'s>(state: &'s State, caller: &Caller) -> Result<Vec<Cow<'s, ModelCard>>, ApiError> {
    let mut cards = state.catalog.cards.iter().map(Cow::Borrowed).collect::<Vec<_>>();
    cards.extend(stored(state).await?.into_iter().map(Cow::Owned));
    let held_to = match (caller.key(), caller.user_id()) {
        _ if caller.sees_all() => return Ok(cards),
        (Some(key), _) => of_key(state, key).await?,
        (None, Some(user)) => {
            vec![state.store.users().get(user).await?.map(|user| user.models).unwrap_or_default()]
        }
        (None, None) => Vec::new(),
    };
    let team = caller.key().and_then(|key| key.team_id.as_deref());
    cards.retain(|card| {
        let Deployment { group, provider, access_groups, team_id, .. } = &card.deployment;
        let granted = |models: &Vec<String>| domain::access::grants(models, group, provider, access_groups);
        (team_id.is_none() || team_id.as_deref() == team) && held_to.iter().all(granted)
    });
    Ok(cards)
}

/// What a key is held to, as gateways do it: its own models, and those of its team, each with its access groups.
async fn of_key(state: &State, key: &VirtualKey) -> Result<Vec<Vec<String>>, ApiError> {
    let mut held_to = vec![with_groups(state, key.models.clone(), &key.extra).await?];
    if let Some(id) = &key.team_id
        && let Some(team) = state.store.teams().get(id.as_str()).await?
    {
        held_to.push(with_groups(state, team.models, &team.extra).await?);
    }
    Ok(held_to)
}

/// Models that are listed, and those of the access groups that `extra` names; an empty list is every model.
async fn with_groups(
    state: &State,
    mut models: Vec<String>,
    extra: &Map<String, Value>,
) -> Result<Vec<String>, ApiError> {
    if !models.is_empty() {
        for id in access_groups(extra) {
            let group = state.store.access_groups().get(id).await?;
            models.extend(group.into_iter().flat_map(|group| group.models));
        }
    }
    Ok(models)
}

/// The models of the database that can be called; what is wrong with the others is logged.
async fn stored(state: &State) -> Result<Vec<ModelCard>, ApiError> {
    if !state.catalog.settings.store_model_in_db {
        return Ok(Vec::new());
    }
    let shelf = state.store.models(&state.vault).list().await?;
    for (id, why) in &shelf.unreadable {
        tracing::error!(model = id, %why, "a model is left out");
    }
    let shared = if shelf.rows.is_empty() { BTreeMap::new() } else { state.shared_values().await? };
    let card = |model: Model| match state.catalog.read(&model, &shared) {
        Ok(loaded) => {
            let facts = (state.catalog.facts)(&loaded.deployment);
            Some(ModelCard { deployment: loaded.deployment, facts, stored: Some(model) })
        }
        Err(why) => {
            tracing::error!(model = model.id, %why, "a model is left out");
            None
        }
    };
    Ok(shelf.rows.into_iter().filter_map(card).collect())
}
