//! The dashboard's static files, carried in the binary.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect};
use axum::{Json, Router};
use domain::RootPath;
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

/// Stands in the files where the path goes under which everything is served (`ui/next.config.ts`).
const PREFIX_MARK: &str = "/__bulkhead_prefix__";

pub fn router<S: Clone + Send + Sync + 'static>(root: RootPath) -> Router<S> {
    Router::new().fallback(async move |uri: Uri| serve(&root, uri.path()))
}

fn serve(root: &RootPath, path: &str) -> Response<Body> {
    let path = root.beneath(path).unwrap_or(path.into());
    if component_of(&path) != Component::Ui {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))).into_response();
    }
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Redirect::temporary(&root.outside("/ui/")).into_response();
    }
    if Files::iter().next().is_none() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the dashboard was not built into this binary; `make run` builds it\n",
        )
            .into_response();
    }
    match find(path) {
        Some((name, file)) => answer(StatusCode::OK, &name, file, root),
        None => Files::get("404.html").map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |file| answer(StatusCode::NOT_FOUND, "404.html", file, root),
        ),
    }
}

/// The file itself, or the page of that name (`ui/keys` is `ui/keys/index.html` or `ui/keys.html`).
fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    [path.to_owned(), format!("{path}/index.html"), format!("{path}.html")]
        .into_iter()
        .find_map(|name| Files::get(&name).map(|file| (name, file)))
}

fn answer(status: StatusCode, name: &str, file: EmbeddedFile, root: &RootPath) -> Response<Body> {
    let caching =
        if name.starts_with(IMMUTABLE) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = content_type(name);
    let is_text = kind.ends_with("utf-8");
    let mut response =
        (status, if is_text { placed(file.data, root) } else { file.data.into() }).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The text with the prefix in the place of its mark.
fn placed(text: Cow<'static, [u8]>, root: &RootPath) -> Body {
    match std::str::from_utf8(&text) {
        Ok(marked) if marked.contains(PREFIX_MARK) => marked.replace(PREFIX_MARK, root.as_str()).into(),
        _ => text.into(),
    }
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
