//! What a call costs, without making it.

use axum::Json;
use axum::extract::State as Extract;
use domain::{Deployment, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Input;
use crate::models;
use crate::state::{Shared, State};

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}))]
pub struct Calculation {
    /// A model group, or a model such as `openai/gpt-4o`; that of `completion_response` when left out.
    model: Option<String>,
    /// What would be asked: its tokens are estimated.
    #[schema(value_type = Option<Vec<Object>>)]
    messages: Option<Vec<Value>>,
    /// What was answered: its `usage` is priced.
    #[schema(value_type = Option<Object>)]
    completion_response: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"cost": 0.0015}))]
pub struct Calculated {
    /// US dollars.
    cost: f64,
}

/// The cost of an answer by its usage, or of a prompt by an estimate of its tokens.
#[utoipa::path(
    post, path = "/spend/calculate", tag = "spend", operation_id = "calculateSpend", request_body = Calculation,
    responses((status = 200, body = Calculated), Refusals),
)]
pub async fn calculate(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Calculation>,
) -> Result<Json<Calculated>, ApiError> {
    let Calculation { model, messages, completion_response } = input.value;
    let answered = completion_response.as_ref().and_then(|answer| answer.get("model")?.as_str());
    let model = model.as_deref().or(answered);
    let model = model.ok_or_else(|| {
        ApiError::plain("model", "Missing `model`: name one, or send `completion_response`.")
    })?;
    let usage = match (&completion_response, &messages) {
        (Some(answer), _) => usage(answer)?,
        (None, Some(messages)) => prompt(&state, messages),
        (None, None) => {
            return Err(ApiError::plain("messages", "Send `messages` or `completion_response`."));
        }
    };
    let cost = cost(&state, &caller, model, &usage).await?;
    let cost =
        cost.ok_or_else(|| ApiError::plain("model", format!("There is no price for model={model}.")))?;
    Ok(Json(Calculated { cost: cost.dollars() }))
}

async fn cost(
    state: &State,
    caller: &Caller,
    model: &str,
    usage: &Usage,
) -> Result<Option<kit::Money>, ApiError> {
    let cards = models::visible(state, caller).await?;
    let is_named = |deployment: &Deployment| {
        [&deployment.group, &deployment.full_model, &deployment.model, &deployment.id]
            .contains(&&model.to_owned())
    };
    let deployed = cards.iter().map(|card| &card.deployment).find(|deployment| is_named(deployment));
    let listed = || {
        let (provider, name) = model.split_once('/').unwrap_or(("openai", model));
        Deployment::named(model, provider, name)
    };
    Ok((state.catalog.cost)(&deployed.cloned().unwrap_or_else(listed), usage))
}

/// The tokens that an answer tells, in OpenAI's words or in Anthropic's.
fn usage(answer: &Map<String, Value>) -> Result<Usage, ApiError> {
    let told = answer.get("usage").and_then(Value::as_object);
    let told =
        told.ok_or_else(|| ApiError::plain("completion_response", "`completion_response` has no `usage`."))?;
    let count = |name: &str| told.get(name).and_then(Value::as_u64);
    let details = |name: &str| told.get("prompt_tokens_details")?.get(name)?.as_u64();
    let of_anthropic = |input: u64| {
        let [read, written] = ["cache_read_input_tokens", "cache_creation_input_tokens"].map(count);
        Usage {
            // Anthropic leaves them out of its count.
            input: input.saturating_add(read.unwrap_or(0)).saturating_add(written.unwrap_or(0)),
            output: count("output_tokens").unwrap_or(0),
            cache_read: read,
            cache_write: written,
            ..Usage::default()
        }
    };
    let of_openai = || Usage {
        input: count("prompt_tokens").unwrap_or(0),
        output: count("completion_tokens").unwrap_or(0),
        cache_read: details("cached_tokens"),
        ..Usage::default()
    };
    Ok(count("input_tokens").map_or_else(of_openai, of_anthropic))
}

fn prompt(state: &State, messages: &[Value]) -> Usage {
    let mut input = 0;
    for message in messages {
        input += texts(&message["content"]).map(|text| (state.catalog.tokens)(text)).sum::<u64>();
    }
    Usage { input, ..Usage::default() }
}

/// The texts of a message, which is one text or has parts.
fn texts(content: &Value) -> impl Iterator<Item = &str> {
    let parts = content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    content.as_str().into_iter().chain(parts)
}
