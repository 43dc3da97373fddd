//! Sign-in of the dashboard: a short-lived session in an HttpOnly cookie.

mod create;
mod delete;
mod form;
mod get;
mod key;
pub mod throttle;

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use kit::KeyHash;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use create::{LoginError, begin};

use crate::state::{Shared, State};

/// How long a sign-in lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// Where the dashboard lives.
pub const DASHBOARD_PATH: &str = "/ui/";

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(form::create))
        .routes(routes!(form::form))
        .routes(routes!(form::sso))
        .routes(routes!(form::callback))
        .routes(routes!(form::readiness))
        .routes(routes!(form::ui))
        .routes(routes!(get::get))
        .routes(routes!(key::create))
        .routes(routes!(delete::delete))
        .routes(routes!(delete::delete_all))
}

/// Alias of the playground key of a session; it has one at a time.
fn key_alias(session: KeyHash) -> String {
    format!("dashboard-session-{}", &session.to_hex()[..16])
}

/// The cookie's header; others on the same host do not get it. Over HTTPS it may never travel without.
fn cookie(state: &State, token: &str, lifetime: Duration, request: &HeaderMap) -> HeaderMap {
    let https = request.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes() == b"https");
    let secure = if https { "; Secure" } else { "" };
    let name = crate::auth::SESSION_COOKIE;
    let (path, seconds) = (state.root_path.outside("/"), lifetime.as_secs());
    let text = format!("{name}={token}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(SET_COOKIE, value);
    }
    headers
}
