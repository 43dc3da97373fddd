use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::openapi::document_text;

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "meta", operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document")), security(()),
)]
pub async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], document_text()).into_response()
}
