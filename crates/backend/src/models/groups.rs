use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::view::ModelInfo;
use super::{ModelCard, visible};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ModelGroupQuery {
    /// Only this group.
    model_group: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ModelGroups {
    data: Vec<ModelGroup>,
}

/// A public name, and what its deployments offer together: limits and prices are the highest of any.
#[derive(Serialize, ToSchema)]
pub struct ModelGroup {
    model_group: String,
    providers: Vec<String>,
    max_input_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    input_cost_per_token: Option<f64>,
    output_cost_per_token: Option<f64>,
    mode: Option<String>,
    /// Sum over the deployments.
    tpm: Option<u64>,
    /// Sum over the deployments.
    rpm: Option<u64>,
    supports_parallel_function_calling: bool,
    supports_vision: bool,
    supports_web_search: bool,
    supports_reasoning: bool,
    supports_function_calling: bool,
    supported_openai_params: Vec<String>,
    is_public_model_group: bool,
    health_status: Option<String>,
}

/// The model groups that the caller may use.
#[utoipa::path(
    get, path = "/model_group/info", tag = "models", operation_id = "listModelGroups", params(ModelGroupQuery),
    responses((status = 200, body = ModelGroups), Refusals),
)]
pub async fn groups(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ModelGroupQuery>,
) -> Result<Json<ModelGroups>, ApiError> {
    let mut groups = BTreeMap::<&str, Vec<&ModelCard>>::new();
    let cards = visible(&state, &caller).await?;
    let in_use = |card: &&Cow<'_, ModelCard>| card.stored.as_ref().is_none_or(|model| !model.blocked);
    for card in cards.iter().filter(in_use) {
        let group = card.deployment.group.as_str();
        if query.model_group.as_deref().is_none_or(|asked| asked == group) {
            groups.entry(group).or_default().push(card);
        }
    }
    let data = groups.into_iter().map(|(name, cards)| ModelGroup::of(name, &cards)).collect();
    Ok(Json(ModelGroups { data }))
}

impl ModelGroup {
    fn of(name: &str, cards: &[&ModelCard]) -> Self {
        let infos = cards.iter().map(|card| ModelInfo::of(card)).collect::<Vec<_>>();
        let mut providers = infos.iter().map(|info| info.litellm_provider.clone()).collect::<Vec<_>>();
        providers.sort();
        providers.dedup();
        let dearest = |price: fn(&ModelInfo) -> Option<f64>| infos.iter().filter_map(price).reduce(f64::max);
        let supports = |what: &str| infos.iter().any(|info| info.rest.get(what) == Some(&Value::Bool(true)));
        let sum = |limit: fn(&ModelCard) -> Option<u64>| {
            cards.iter().filter_map(|card| limit(card)).reduce(u64::saturating_add)
        };
        Self {
            model_group: name.into(),
            providers,
            max_input_tokens: infos.iter().filter_map(|info| info.max_input_tokens).max(),
            max_output_tokens: infos.iter().filter_map(|info| info.max_output_tokens).max(),
            input_cost_per_token: dearest(|info| info.input_cost_per_token),
            output_cost_per_token: dearest(|info| info.output_cost_per_token),
            mode: infos.iter().find_map(|info| info.mode.clone()),
            tpm: sum(|card| card.deployment.tpm),
            rpm: sum(|card| card.deployment.rpm),
            supports_parallel_function_calling: supports("supports_parallel_function_calling"),
            supports_vision: supports("supports_vision"),
            supports_web_search: supports("supports_web_search"),
            supports_reasoning: supports("supports_reasoning"),
            supports_function_calling: supports("supports_function_calling"),
            supported_openai_params: Vec::new(),
            is_public_model_group: false,
            health_status: None,
        }
    }
}
