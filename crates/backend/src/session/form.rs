//! Sign-in by a plain form, and what is asked about single sign-on, of which there is none yet.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State as Extract};
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::header::CONTENT_SECURITY_POLICY;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::create::{Login, sign_in};
use crate::auth::Caller;
use crate::auth::csrf;
use crate::http::address::ClientAddress;
use crate::http::error::{ApiError, ErrorBody, InvalidField, Refusals};
use crate::http::input::BODY_BYTES_MAX;
use crate::state::{Shared, State};

/// The page has no script, loads nothing, and its form goes to its own origin.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

const PAGE: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}main{max-width:20rem;margin:15vh auto;padding:0 1rem}
label{display:block;margin:.8rem 0}input,button{box-sizing:border-box;width:100%;font:inherit;padding:.5rem}</style>
<main><h1>Sign in</h1><form method="post" action="{action}">
<label>User or address<input name="username" autocomplete="username" required></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></main>"#;

fn page(state: &State) -> Response {
    let page = PAGE.replace("{action}", &state.root_path.outside("/login"));
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

/// A page to sign in with that needs no script.
#[utoipa::path(
    get, path = "/fallback/login", tag = "session", operation_id = "loginForm",
    responses((status = 200, description = "A page", content_type = "text/html")), security(()),
)]
pub async fn form(Extract(state): Extract<Shared>) -> Response {
    page(&state)
}

/// The same page: there is no single sign-on to be sent to.
#[utoipa::path(
    get, path = "/sso/key/generate", tag = "session", operation_id = "ssoLogin",
    responses((status = 200, description = "A page", content_type = "text/html")), security(()),
)]
pub async fn sso(Extract(state): Extract<Shared>) -> Response {
    page(&state)
}

/// Sign in with a form, and go on to the dashboard.
#[utoipa::path(
    post, path = "/login", tag = "session", operation_id = "loginByForm",
    request_body(content = Login, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Never: the answer sends on"),
        (status = 303, description = "Signed in; the answer sets the session's cookie"),
        (status = 429, description = "Too many failures; see Retry-After", body = ErrorBody),
        Refusals,
    ),
    security(()),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    // A page elsewhere must not sign anybody in as somebody else.
    if parts.headers.contains_key("sec-fetch-site") || parts.headers.contains_key(http::header::ORIGIN) {
        csrf::check(&parts.method, &parts.headers)?;
    }
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ApiError::too_large())?;
    let (cookie, _) = sign_in(&state, address, &parts.headers, read(&body)?).await?;
    let mut response = Redirect::to(&state.dashboard("login=success")).into_response();
    response.headers_mut().extend(cookie);
    Ok(response)
}

fn read(body: &[u8]) -> Result<Login, ApiError> {
    let invalid = |msg: String| {
        let loc = vec!["body".into()];
        ApiError::invalid(vec![InvalidField { kind: "value_error".into(), loc, msg, input: Value::Null }])
    };
    if body.windows(3).any(|window| window == b"%00") || body.contains(&0) {
        return Err(invalid("Input should not contain the NUL character".into()));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid("Input should be text".into()))?;
    let uri = format!("/?{text}").parse::<http::Uri>();
    let uri = uri.map_err(|_| invalid("Input should be an encoded form".into()))?;
    let form = axum::extract::Query::<Login>::try_from_uri(&uri);
    form.map(|form| form.0).map_err(|error| invalid(error.body_text()))
}

/// Refused: there is no single sign-on yet.
#[utoipa::path(
    get, path = "/sso/callback", tag = "session", operation_id = "ssoCallback",
    responses((status = 200, description = "Never: there is nobody to come back from"), Refusals), security(()),
)]
pub async fn callback() -> ApiError {
    ApiError::plain("code", "There is no single sign-on yet: sign in with a password.")
}

#[derive(Serialize, ToSchema)]
pub struct SsoReadiness {
    status: &'static str,
    sso_configured: bool,
    message: &'static str,
}

/// Whether single sign-on is configured: there is none yet.
#[utoipa::path(
    get, path = "/sso/readiness", tag = "session", operation_id = "ssoReadiness",
    responses((status = 200, body = SsoReadiness)), security(()),
)]
pub async fn readiness() -> Json<SsoReadiness> {
    Json(SsoReadiness { status: "healthy", sso_configured: false, message: "No SSO provider configured" })
}

/// What dashboards ask once somebody has signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct SsoUi {
    proxy_base_url: Option<String>,
    proxy_logout_url: Option<String>,
    litellm_ui_api_doc_base_url: Option<String>,
    default_team_disabled: bool,
    sso_enabled: bool,
    /// Not counted: 0.
    num_spend_logs_rows: u64,
    disable_expensive_db_queries: bool,
}

/// What dashboards ask once somebody has signed in.
#[utoipa::path(
    get, path = "/sso/get/ui_settings", tag = "session", operation_id = "getSsoUi",
    responses((status = 200, body = SsoUi), Refusals),
)]
pub async fn ui(_: Caller) -> Json<SsoUi> {
    Json(SsoUi {
        proxy_base_url: None,
        proxy_logout_url: None,
        litellm_ui_api_doc_base_url: None,
        default_team_disabled: false,
        sso_enabled: false,
        num_spend_logs_rows: 0,
        disable_expensive_db_queries: false,
    })
}
