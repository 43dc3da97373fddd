use std::borrow::Cow;

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::openapi::document_text;
use crate::state::Shared;

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "meta", operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document")), security(()),
)]
pub async fn openapi(Extract(state): Extract<Shared>) -> Response {
    let text = document_text();
    let text = match state.root_path.is_none() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(served_at(text, state.root_path.as_str())),
    };
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// The document with the path under which its own are served.
fn served_at(document: &str, root: &str) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    document["servers"] = json!([{ "url": root }]);
    document.to_string()
}
