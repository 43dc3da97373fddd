//! The refusals of sign-in and keys, in the words of the compatible surface.

use http::StatusCode;
use kit::{KeyHash, Timestamp};

use crate::http::error::ApiError;
use crate::time::iso;

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("Authentication Error, No api key passed in.")]
    Missing,
    #[error("Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.")]
    Malformed,
    #[error("LiteLLM Virtual Key expected. Received={}, expected to start with 'sk-'.", masked(.0))]
    NotAKey(String),
    #[error(
        "Authentication Error, Invalid proxy server token passed. Received API Key = {name}, Key Hash (Token) \
         ={hash}. Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
    )]
    Unknown { name: String, hash: KeyHash },
    #[error("Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.")]
    Blocked,
    #[error("Authentication Error - Expired Key. Key Expiry time {} and current time {}", iso(*at), iso(*now))]
    Expired { name: String, at: Timestamp, now: Timestamp },
    #[error(
        "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
         keys/users/teams. Route={route}. Your role={role}. Your user_id={}",
        masked(user_id)
    )]
    AdminOnly { route: String, role: &'static str, user_id: String },
    #[error("user not allowed to access this route, role= proxy_admin_viewer. Trying to access: {route}")]
    ViewOnly { route: String },
    #[error(
        "Virtual key is not allowed to call this route. Only allowed to call routes: {allowed:?}. Tried to call \
         route: {route}"
    )]
    RouteDenied { allowed: Vec<String>, route: String },
    #[error("Authentication Error, Your session has ended. Sign in again.")]
    SessionEnded,
    #[error("Authentication Error, This request did not come from the dashboard's own pages.")]
    CrossSite,
}

/// The first and last four characters, or none of a short text.
fn masked(text: &str) -> String {
    let characters = text.chars().collect::<Vec<_>>();
    if characters.len() < 12 {
        return "****".into();
    }
    let ends = |range: &[char]| range.iter().collect::<String>();
    format!("{}****{}", ends(&characters[..4]), ends(&characters[characters.len() - 4..]))
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let message = error.to_string();
        let (status, kind, param) = match &error {
            AuthError::Unknown { .. } => (StatusCode::UNAUTHORIZED, "token_not_found_in_db", "key"),
            AuthError::Expired { name, .. } => (StatusCode::UNAUTHORIZED, "expired_key", name.as_str()),
            AuthError::CrossSite | AuthError::ViewOnly { .. } | AuthError::RouteDenied { .. } => {
                (StatusCode::FORBIDDEN, "auth_error", "None")
            }
            _ => (StatusCode::UNAUTHORIZED, "auth_error", "None"),
        };
        Self::new(status, kind, Some(param), message)
    }
}
