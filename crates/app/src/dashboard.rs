//! The dashboard's static files, carried in the binary.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect};
use axum::{Json, Router};
use domain::routes::{Component, component_of};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;

/// Made by the dashboard's own build; empty when the binary was built without it.
#[derive(RustEmbed)]
#[folder = "../../ui/out"]
#[allow_missing = true]
struct Files;

/// File names under this path carry a hash of their content and never change.
const IMMUTABLE: &str = "_next/static/";

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().fallback(serve)
}

pub async fn serve(uri: Uri) -> Response<Body> {
    if component_of(uri.path()) != Component::Ui {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))).into_response();
    }
    let path = uri.path().trim_matches('/');
    if path.is_empty() {
        return Redirect::temporary("/ui/").into_response();
    }
    if Files::iter().next().is_none() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the dashboard was not built into this binary; `make run` builds it\n",
        )
            .into_response();
    }
    match find(path) {
        Some((name, file)) => answer(StatusCode::OK, &name, file),
        None => Files::get("404.html").map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |file| answer(StatusCode::NOT_FOUND, "404.html", file),
        ),
    }
}

/// The file itself, or the page of that name (`ui/keys` is `ui/keys/index.html` or `ui/keys.html`).
fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    [path.to_owned(), format!("{path}/index.html"), format!("{path}.html")]
        .into_iter()
        .find_map(|name| Files::get(&name).map(|file| (name, file)))
}

fn answer(status: StatusCode, name: &str, file: EmbeddedFile) -> Response<Body> {
    let caching =
        if name.starts_with(IMMUTABLE) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = (status, Body::from(file.data)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
