//! Who calls: the master key, a signed-in browser, or a virtual key.

mod credential;
mod csrf;
mod refusal;

use axum::extract::FromRequestParts;
use domain::VirtualKey;
use domain::key::{MASTER_KEY_LABEL, MASTER_USER_ID};
use http::HeaderMap;
use http::request::Parts;
use kit::KeyHash;
use store::audit::Actor;
use store::sessions::Session;

use credential::{Credential, credential};
pub use credential::{SESSION_COOKIE, session_token};
pub use refusal::AuthError;

use crate::http::address::ClientAddress;
use crate::http::error::ApiError;
use crate::state::{Shared, State};

/// Role of the master key and of the dashboard's administrator.
pub const ADMIN_ROLE: &str = "proxy_admin";
/// Role of a key without a user.
const KEY_ROLE: &str = "internal_user";

/// Longest name of who is behind a change.
const CHANGED_BY_CHARS_MAX: usize = 256;

/// Whoever proved who they are.
pub enum Caller {
    Admin(Admin),
    Key(Box<VirtualKey>),
}

/// May do everything.
pub struct Admin {
    /// The browser's session; `None` for the master key.
    pub session: Option<Session>,
    changed_by: Option<String>,
    address: ClientAddress,
}

impl Admin {
    /// Who stands behind a write of this request.
    pub fn actor(&self, state: &State) -> Actor {
        Actor {
            id: MASTER_USER_ID.into(),
            changed_by: self.changed_by.clone(),
            api_key: if self.session.is_none() { MASTER_KEY_LABEL.into() } else { String::new() },
            ip: Some(self.address.0.to_string()),
            at: state.clock.now(),
        }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        match credential(&parts.headers)? {
            Credential::Key(key) if state.master_key.matches(&key) => Ok(Self::Admin(admin(parts, None))),
            Credential::Key(key) => identify(state, &key).await.map(Self::Key),
            Credential::Session(token) => {
                csrf::check(&parts.method, &parts.headers)?;
                let session = session(state, &token).await?.ok_or(AuthError::SessionEnded)?;
                Ok(Self::Admin(admin(parts, Some(session))))
            }
        }
    }
}

impl FromRequestParts<Shared> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Admin(admin) => Ok(admin),
            Caller::Key(key) => Err(AuthError::AdminOnly {
                route: parts.uri.path().to_owned(),
                role: KEY_ROLE,
                user_id: key.user_id.clone().unwrap_or_default(),
            }
            .into()),
        }
    }
}

fn admin(parts: &Parts, session: Option<Session>) -> Admin {
    let changed_by = header(&parts.headers, "litellm-changed-by");
    Admin { session, changed_by, address: ClientAddress::of(parts) }
}

/// The session of a browser's token, while it lasts.
pub async fn session(state: &State, token: &str) -> Result<Option<Session>, ApiError> {
    Ok(state.store.sessions().get(KeyHash::of(token), state.clock.now()).await?)
}

/// The virtual key behind a secret, when it may act now.
async fn identify(state: &State, secret: &str) -> Result<Box<VirtualKey>, ApiError> {
    if !secret.starts_with("sk-") {
        return Err(AuthError::NotAKey(secret.to_owned()).into());
    }
    let hash = KeyHash::of(secret);
    let key = state.store.keys().get(hash).await?;
    let key = key.ok_or_else(|| AuthError::Unknown { name: domain::key::display_name(secret), hash })?;
    if key.blocked {
        return Err(AuthError::Blocked.into());
    }
    let now = state.clock.now();
    match key.expires {
        Some(at) if at <= now => Err(AuthError::Expired { name: key.name, at, now }.into()),
        _ => Ok(Box::new(key)),
    }
}

/// A short text in a header.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.chars().take(CHANGED_BY_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
}
