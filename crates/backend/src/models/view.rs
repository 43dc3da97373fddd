//! A deployment as it is shown; nothing secret is in it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::ModelCard;
use crate::time::iso;

#[derive(Serialize, ToSchema)]
pub struct ModelView {
    /// The public name.
    pub model_name: String,
    /// As configured, without anything secret.
    #[schema(value_type = Object)]
    pub litellm_params: Map<String, Value>,
    pub model_info: ModelInfo,
}

/// What is known of a deployment; the price book's facts follow.
#[derive(Serialize, ToSchema)]
pub struct ModelInfo {
    pub id: String,
    pub db_model: bool,
    /// The provider's name.
    pub litellm_provider: String,
    /// The provider's own model name.
    pub key: String,
    pub mode: Option<String>,
    pub max_input_tokens: Option<u64>,
    pub max_output_tokens: Option<u64>,
    /// US dollars.
    pub input_cost_per_token: Option<f64>,
    /// US dollars.
    pub output_cost_per_token: Option<f64>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

impl ModelView {
    pub fn of(card: &ModelCard) -> Self {
        let deployment = &card.deployment;
        Self {
            model_name: card
                .stored
                .as_ref()
                .map_or_else(|| deployment.group.clone(), |model| model.name.clone()),
            litellm_params: card.stored.as_ref().map_or_else(|| params(card), |model| model.params.shown()),
            model_info: ModelInfo::of(card),
        }
    }
}

impl ModelInfo {
    pub fn of(card: &ModelCard) -> Self {
        let deployment = &card.deployment;
        let mut facts = card.facts.clone();
        facts.extend(deployment.info.clone());
        facts.extend(deployment.prices.clone());
        facts.remove("id");
        facts.remove("db_model");
        facts.remove("litellm_provider");
        facts.remove("key");
        if let Some(model) = &card.stored {
            facts.insert("blocked".into(), model.blocked.into());
            facts.insert("created_at".into(), iso(model.created_at).into());
            facts.insert("created_by".into(), json!(model.created_by));
            facts.insert("updated_at".into(), iso(model.updated_at).into());
        }
        let mut take = |name: &str| facts.remove(name);
        let mode = take("mode").and_then(|mode| mode.as_str().map(str::to_owned));
        let max_input_tokens = take("max_input_tokens").and_then(|tokens| tokens.as_u64());
        let max_output_tokens = take("max_output_tokens").and_then(|tokens| tokens.as_u64());
        let input_cost_per_token = take("input_cost_per_token").and_then(|cost| amount(&cost));
        let output_cost_per_token = take("output_cost_per_token").and_then(|cost| amount(&cost));
        Self {
            id: deployment.id.clone(),
            db_model: card.stored.is_some(),
            litellm_provider: deployment.provider.clone(),
            key: deployment.model.clone(),
            mode,
            max_input_tokens,
            max_output_tokens,
            input_cost_per_token,
            output_cost_per_token,
            rest: facts,
        }
    }
}

/// A price may be written as text, `1e-7`.
fn amount(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn params(card: &ModelCard) -> Map<String, Value> {
    let deployment = &card.deployment;
    let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
    let all = json!({
        "model": deployment.full_model,
        "api_base": deployment.api_base.as_deref().map(domain::secret_map::without_credentials),
        "api_version": deployment.api_version,
        "organization": deployment.organization,
        "custom_llm_provider": deployment.provider,
        "timeout": seconds(deployment.timeouts.answer),
        "stream_timeout": seconds(deployment.timeouts.stream),
        "connect_timeout": seconds(deployment.timeouts.connect),
        "first_byte_timeout": seconds(deployment.timeouts.first_byte),
        "idle_timeout": seconds(deployment.timeouts.idle),
        "total_timeout": seconds(deployment.timeouts.total),
        "weight": deployment.weight.map(|weight| weight as f64 / 1000.0),
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "order": deployment.order,
        "num_retries": deployment.num_retries,
        "max_parallel_requests": deployment.max_parallel_requests,
    });
    match all {
        Value::Object(all) => all.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}
