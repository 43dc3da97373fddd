//! A cache of answers: there is none yet.

use axum::Json;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::not_here;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Input;

const NONE: &str = "Bulkhead does not cache answers yet.";

#[derive(Serialize, ToSchema)]
pub struct CacheStatus {
    status: String,
}

/// Whether the cache answers: there is none yet.
#[utoipa::path(
    get, path = "/cache/ping", tag = "settings", operation_id = "pingCache",
    responses((status = 200, body = CacheStatus), (status = 404, description = "There is no cache", body = ErrorBody), Refusals),
)]
pub async fn ping() -> Result<Json<CacheStatus>, ApiError> {
    let message = format!("Cache not initialized: {NONE}");
    Err(ApiError::new(StatusCode::NOT_FOUND, "cache_ping_error", None, message))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"keys": ["a", "b"]}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct DeleteCached {
    keys: Vec<String>,
}

/// Refused: there is no cache yet.
#[utoipa::path(
    post, path = "/cache/delete", tag = "settings", operation_id = "deleteCached", request_body = DeleteCached,
    responses((status = 200, body = CacheStatus), Refusals),
)]
pub async fn delete(_: Input<DeleteCached>) -> Result<Json<CacheStatus>, ApiError> {
    Err(not_here("keys", NONE))
}

/// Refused: there is no cache yet.
#[utoipa::path(
    post, path = "/cache/flushall", tag = "settings", operation_id = "flushCache",
    responses((status = 200, body = CacheStatus), Refusals),
)]
pub async fn flush() -> Result<Json<CacheStatus>, ApiError> {
    Err(not_here("cache", NONE))
}

#[derive(Default, Serialize, ToSchema)]
pub struct CacheSettings {
    #[schema(value_type = Vec<Object>)]
    fields: Vec<Value>,
    #[schema(value_type = Object)]
    current_values: Map<String, Value>,
    #[schema(value_type = Object)]
    redis_type_descriptions: Map<String, Value>,
}

/// Settings of the cache: there is none yet.
#[utoipa::path(
    get, path = "/cache/settings", tag = "settings", operation_id = "getCacheSettings",
    responses((status = 200, body = CacheSettings), Refusals),
)]
pub async fn settings() -> Json<CacheSettings> {
    Json(CacheSettings::default())
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"cache_settings": {"type": "redis"}}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct SetCache {
    #[schema(value_type = Option<Object>)]
    cache_settings: Option<Map<String, Value>>,
}

/// Refused: there is no cache yet.
#[utoipa::path(
    post, path = "/cache/settings", tag = "settings", operation_id = "setCacheSettings", request_body = SetCache,
    responses((status = 200, body = CacheSettings), Refusals),
)]
pub async fn change(_: Input<SetCache>) -> Result<Json<CacheSettings>, ApiError> {
    Err(not_here("cache_settings", NONE))
}

/// Refused: there is no cache to try.
#[utoipa::path(
    post, path = "/cache/settings/test", tag = "settings", operation_id = "testCacheSettings", request_body = SetCache,
    responses((status = 200, body = CacheStatus), Refusals),
)]
pub async fn test(_: Input<SetCache>) -> Result<Json<CacheStatus>, ApiError> {
    Err(not_here("cache_settings", NONE))
}
