//! Fallbacks between model groups: there are none yet.

use axum::Json;
use axum::extract::Path;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::not_here;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Params};

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"model": "gpt-4o", "fallback_models": ["claude"], "fallback_type": "general"}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct NewFallback {
    model: String,
    fallback_models: Vec<String>,
    /// `general`, `context_window` or `content_policy`.
    fallback_type: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FallbackView {
    model: String,
    fallback_models: Vec<String>,
    fallback_type: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FallbackQuery {
    /// `general` (default), `context_window` or `content_policy`.
    fallback_type: Option<String>,
}

/// Refused: gateways do not fall back to other model groups yet.
#[utoipa::path(
    post, path = "/fallback", tag = "settings", operation_id = "createFallback", request_body = NewFallback,
    responses((status = 200, body = FallbackView), Refusals),
)]
pub async fn create(_: Input<NewFallback>) -> Result<Json<FallbackView>, ApiError> {
    Err(not_here("fallback_models", "Gateways do not fall back to other model groups yet."))
}

/// The fallbacks of a model: none yet.
#[utoipa::path(
    get, path = "/fallback/{model}", tag = "settings", operation_id = "getFallback",
    params(("model" = String, Path), FallbackQuery),
    responses((status = 200, body = FallbackView), (status = 404, description = "It has none", body = ErrorBody), Refusals),
)]
pub async fn get(
    Path(model): Path<String>,
    Params(query): Params<FallbackQuery>,
) -> Result<Json<FallbackView>, ApiError> {
    Err(none(&model, query))
}

/// Delete the fallbacks of a model: none yet.
#[utoipa::path(
    delete, path = "/fallback/{model}", tag = "settings", operation_id = "deleteFallback",
    params(("model" = String, Path), FallbackQuery),
    responses((status = 200, body = FallbackView), (status = 404, description = "It has none", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Path(model): Path<String>,
    Params(query): Params<FallbackQuery>,
) -> Result<Json<FallbackView>, ApiError> {
    Err(none(&model, query))
}

fn none(model: &str, query: FallbackQuery) -> ApiError {
    let kind = query.fallback_type.unwrap_or_else(|| "general".into());
    ApiError::missing("model", format!("No {kind} fallbacks configured for model '{model}'."))
}
