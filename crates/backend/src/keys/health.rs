use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{ApiError, Refusals};

#[derive(Serialize, ToSchema)]
pub struct KeyHealth {
    /// `healthy`: the key was good enough to ask.
    key: &'static str,
    /// Callbacks of a key are not supported, so there are none to try.
    #[schema(value_type = Option<Object>)]
    logging_callbacks: Option<serde_json::Value>,
}

/// Whether the caller's key works.
#[utoipa::path(
    post, path = "/key/health", tag = "keys", operation_id = "keyHealth",
    responses((status = 200, body = KeyHealth), Refusals),
)]
pub async fn health() -> Result<Json<KeyHealth>, ApiError> {
    Ok(Json(KeyHealth { key: "healthy", logging_callbacks: None }))
}
