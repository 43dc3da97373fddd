//! Questions about models that cost no call.

use axum::Json;
use axum::extract::State as Extract;
use domain::providers::{self, Provider, Wire};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::models::{ModelView, visible};
use crate::state::{Shared, State};

/// OpenAI's parameters of chat completions that gateways pass on, translated where the provider speaks otherwise.
const CHAT: [&str; 26] = [
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
];

/// Those of them that have a counterpart in Anthropic's dialect.
const OF_ANTHROPIC: [&str; 13] = [
    "max_completion_tokens",
    "max_tokens",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "user",
];

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(count))
        .routes(routes!(params))
        .routes(routes!(info))
        .routes(routes!(transform))
        .routes(routes!(dotprompt))
        .routes(routes!(test))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}))]
pub struct CountTokens {
    model: String,
    /// As in a chat request.
    #[schema(value_type = Option<Vec<Object>>)]
    messages: Option<Vec<Map<String, Value>>>,
    /// Text.
    prompt: Option<String>,
    /// As Gemini's dialect has it.
    #[schema(value_type = Option<Vec<Object>>)]
    contents: Option<Vec<Map<String, Value>>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "our estimate is always local")]
pub struct CountQuery {
    /// Ignored: the provider is not asked.
    call_endpoint: Option<bool>,
}

/// How many tokens a prompt has, by our own estimate.
#[derive(Serialize, ToSchema)]
pub struct TokenCount {
    total_tokens: u64,
    request_model: String,
    /// The provider's own name of it.
    model_used: String,
    /// Always `local_estimate`.
    tokenizer_type: &'static str,
    /// Always `local_estimate`: within some percent of what the provider counts.
    count_source: &'static str,
    #[schema(value_type = Option<Object>)]
    original_response: Option<Value>,
    error: bool,
    error_message: Option<String>,
    status_code: Option<u16>,
}

/// Count the tokens of a prompt, by the estimate with which gateways hold budgets. The provider is not asked.
#[utoipa::path(
    post, path = "/utils/token_counter", tag = "utils", operation_id = "countTokens", params(CountQuery),
    request_body = CountTokens,
    responses((status = 200, body = TokenCount), Refusals),
)]
pub async fn count(
    Extract(state): Extract<Shared>,
    caller: Caller,
    _: Params<CountQuery>,
    input: Input<CountTokens>,
) -> Result<(Names, Json<TokenCount>), ApiError> {
    let CountTokens { model, messages, prompt, contents } = input.value;
    if messages.is_none() && prompt.is_none() && contents.is_none() {
        return Err(ApiError::bad("messages", "Send `messages`, `prompt` or `contents`."));
    }
    let model_used = own_name(&state, &caller, &model).await?.unwrap_or_else(|| model.clone());
    let mut total_tokens = prompt.map_or(0, |text| (state.catalog.tokens)(&text));
    for message in messages.into_iter().chain(contents).flatten() {
        total_tokens += PER_MESSAGE + text_tokens(&state, &Value::Object(message));
    }
    Ok((
        input.ignored,
        Json(TokenCount {
            total_tokens,
            request_model: model,
            model_used,
            tokenizer_type: "local_estimate",
            count_source: "local_estimate",
            original_response: None,
            error: false,
            error_message: None,
            status_code: None,
        }),
    ))
}

/// What a message costs beside its text.
const PER_MESSAGE: u64 = 4;
/// Strings under these names are no text that a model reads.
const NOT_TEXT: [&str; 8] = ["type", "id", "url", "data", "media_type", "role", "tool_call_id", "mimeType"];

fn text_tokens(state: &State, value: &Value) -> u64 {
    match value {
        Value::String(text) => (state.catalog.tokens)(text),
        Value::Array(list) => list.iter().map(|value| text_tokens(state, value)).sum(),
        Value::Object(map) => {
            let read = map.iter().filter(|(name, _)| !NOT_TEXT.contains(&name.as_str()));
            read.map(|(_, value)| text_tokens(state, value)).sum()
        }
        _ => 0,
    }
}

/// The provider's name of a public model that the caller may use.
async fn own_name(state: &State, caller: &Caller, model: &str) -> Result<Option<String>, ApiError> {
    let cards = visible(state, caller).await?;
    let card = cards.iter().find(|card| card.deployment.group == model);
    Ok(card.map(|card| card.deployment.model.clone()))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ModelQuery {
    /// A public name, or `provider/model`.
    model: String,
}

#[derive(Serialize, ToSchema)]
pub struct SupportedParams {
    supported_openai_params: Vec<&'static str>,
}

/// The parameters of OpenAI's chat completions that a model takes.
#[utoipa::path(
    get, path = "/utils/supported_openai_params", tag = "utils", operation_id = "listSupportedParams", params(ModelQuery),
    responses((status = 200, body = SupportedParams), Refusals),
)]
pub async fn params(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ModelQuery>,
) -> Result<Json<SupportedParams>, ApiError> {
    let cards = visible(&state, &caller).await?;
    let card = cards.iter().find(|card| card.deployment.group == query.model);
    let provider = match card {
        Some(card) => providers::find(&card.deployment.provider),
        None => providers::infer(&query.model).map(|(provider, _)| provider),
    };
    let unknown = || ApiError::plain("model", format!("Could not map model={} to a provider.", query.model));
    Ok(Json(SupportedParams { supported_openai_params: supported(provider.ok_or_else(unknown)?) }))
}

fn supported(provider: &Provider) -> Vec<&'static str> {
    let translated = provider.wire == Wire::Anthropic;
    let takes = |name: &&str| {
        !provider.refuses.contains(name)
            && (*name != "stream_options" || provider.takes_stream_options || translated)
            && (!translated || OF_ANTHROPIC.contains(name))
    };
    CHAT.into_iter().filter(takes).collect()
}

#[derive(Serialize, ToSchema)]
pub struct ModelFacts {
    /// The first deployment of the name.
    data: ModelView,
}

/// What is known of a model that the caller may use.
#[utoipa::path(
    get, path = "/utils/model_info", tag = "utils", operation_id = "getModelFacts", params(ModelQuery),
    responses((status = 200, body = ModelFacts), Refusals),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ModelQuery>,
) -> Result<Json<ModelFacts>, ApiError> {
    let cards = visible(&state, &caller).await?;
    let card = cards.iter().find(|card| card.deployment.group == query.model);
    let unknown =
        || ApiError::plain("model", format!("Model {} is not known, or not yours to use.", query.model));
    Ok(Json(ModelFacts { data: ModelView::of(card.ok_or_else(unknown)?) }))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"call_type": "completion", "request_body": {"model": "gpt-4o", "messages": []}}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct TransformRequest {
    call_type: String,
    #[schema(value_type = Object)]
    request_body: Map<String, Value>,
}

/// Refused: requests are translated by gateways alone, and what they send has the provider's key in it.
#[utoipa::path(
    post, path = "/utils/transform_request", tag = "utils", operation_id = "transformRequest", request_body = TransformRequest,
    responses((status = 200, body = Object), Refusals),
)]
pub async fn transform(_: Input<TransformRequest>) -> Result<Json<Value>, ApiError> {
    let message = "The control plane does not translate requests: gateways do, when they are called.";
    Err(ApiError::plain("request_body", message))
}

/// Refused: there are no stored prompts.
#[utoipa::path(
    post, path = "/utils/dotprompt_json_converter", tag = "utils", operation_id = "convertDotprompt",
    responses((status = 200, body = Object), Refusals),
)]
pub async fn dotprompt() -> Result<Json<Value>, ApiError> {
    Err(ApiError::plain("file", "There are no stored prompts: a .prompt file has no use here."))
}

/// Refused: there are no policies and guardrails to try yet.
#[utoipa::path(
    post, path = "/utils/test_policies_and_guardrails", tag = "utils", operation_id = "testGuardrails",
    request_body = Object,
    responses((status = 200, body = Object), Refusals),
)]
pub async fn test(_: Input<Map<String, Value>>) -> Result<Json<Value>, ApiError> {
    Err(ApiError::plain("guardrails", "There are no policies and guardrails to try yet."))
}
