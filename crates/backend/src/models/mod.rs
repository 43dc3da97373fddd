//! What the configuration offers: deployments, and the groups they form.

mod catalog;
mod groups;
mod list;
mod view;

pub use catalog::Catalog;

use domain::Deployment;
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
}

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::list_v1))
        .routes(routes!(list::page))
        .routes(routes!(groups::groups))
}

/// The deployments that the caller may use.
async fn visible<'s>(state: &'s State, caller: &Caller) -> Result<Vec<&'s ModelCard>, ApiError> {
    let models = match (caller.key(), caller.user_id()) {
        _ if caller.sees_all() => return Ok(state.catalog.cards.iter().collect()),
        (Some(key), _) => key.models.clone(),
        (None, Some(user)) => {
            state.store.users().get(user).await?.map(|user| user.models).unwrap_or_default()
        }
        (None, None) => Vec::new(),
    };
    let allowed = |card: &&ModelCard| {
        let Deployment { group, provider, access_groups, .. } = &card.deployment;
        domain::access::grants(&models, group, provider, access_groups)
    };
    Ok(state.catalog.cards.iter().filter(allowed).collect())
}
