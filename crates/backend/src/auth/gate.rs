//! Every route passes here before its handler: who calls, and does the table let them.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State as Extract};
use axum::middleware::Next;
use axum::response::Response;
use domain::key::MASTER_USER_ID;
use domain::{Role, VirtualKey};
use http::HeaderMap;
use http::request::Parts;
use kit::KeyHash;
use store::sessions::Session;

use super::caller::{Caller, Identity};
use super::credential::{Credential, credential};
use super::csrf;
use super::refusal::AuthError;
use super::rules::{Grant, Rule, rule};
use crate::http::address::ClientAddress;
use crate::http::error::ApiError;
use crate::http::once;
use crate::settings::allowed_ips;
use crate::state::{Shared, State};

/// Longest name of who is behind a change.
const CHANGED_BY_CHARS_MAX: usize = 256;

/// Lets a request through to its handler with its [`Caller`], or refuses it.
pub async fn gate(
    Extract(state): Extract<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let rule = rule(parts.method.as_str(), path);
    if rule.is_none_or(|rule| !rule.public) {
        let address = ClientAddress::of(&parts, &state);
        allowed_ips::check(&state, address.0).await?;
        let caller = admit(&state, &parts, rule, address).await?;
        check_routes(&caller, parts.uri.path(), path)?;
        if let Some(name) = once::name(&parts, path)? {
            let path = path.to_owned();
            return once::run(&state, caller, (&name, &path), (parts, body), next).await;
        }
        parts.extensions.insert(caller);
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn admit(
    state: &State,
    parts: &Parts,
    rule: Option<&Rule>,
    address: ClientAddress,
) -> Result<Caller, ApiError> {
    let (identity, roles) = identify(state, parts).await?;
    let role = roles.first().copied().unwrap_or(Role::InternalUser);
    let grants = roles.iter().filter_map(|role| rule.map(|rule| rule.grant(*role)));
    let caller = Caller {
        identity,
        role,
        grant: grants.max().unwrap_or(Grant::No),
        changed_by: changed_by(&parts.headers),
        address,
        receipt: None,
    };
    if caller.grant > Grant::No {
        return Ok(caller);
    }
    let route = parts.uri.path().to_owned();
    if role == Role::ProxyAdminViewer {
        return Err(AuthError::ViewOnly { route }.into());
    }
    let user_id = caller.user_id().unwrap_or_default().to_owned();
    Err(AuthError::AdminOnly { route, role: role.name(), user_id }.into())
}

/// A key may be held to some routes.
fn check_routes(caller: &Caller, path: &str, pattern: &str) -> Result<(), AuthError> {
    let allowed = caller.key().map(VirtualKey::allowed_routes).unwrap_or_default();
    if domain::route_groups::allows(&allowed, path, pattern) {
        return Ok(());
    }
    let allowed = allowed.into_iter().map(str::to_owned).collect();
    Err(AuthError::RouteDenied { allowed, route: path.to_owned() })
}

/// Who calls, and what they are: first the role of their own, then what they are besides.
async fn identify(state: &State, parts: &Parts) -> Result<(Identity, Vec<Role>), ApiError> {
    match credential(&parts.headers)? {
        Credential::Key(key) if state.master_key.matches(&key) => {
            Ok((Identity::Master, vec![Role::ProxyAdmin]))
        }
        Credential::Key(secret) => {
            let key = key(state, &secret).await?;
            let mut roles = roles(state, key.user_id.as_deref()).await?;
            if roles.is_empty() {
                roles.push(Role::InternalUser);
            }
            Ok((Identity::Key(Arc::new(key)), roles))
        }
        Credential::Session(token) => {
            csrf::check(&parts.method, &parts.headers)?;
            let session = session(state, &token).await?.ok_or(AuthError::SessionEnded)?;
            // The dashboard's administrator has no row. Others have the role that they have now, not the one at
            // sign-in; who was deleted has none.
            let roles = match session.user_id.as_str() {
                MASTER_USER_ID => vec![Role::ProxyAdmin],
                id => roles(state, Some(id)).await?,
            };
            if roles.is_empty() {
                return Err(AuthError::SessionEnded.into());
            }
            Ok((Identity::Session(Arc::new(session)), roles))
        }
    }
}

/// What a user is, by id. Leading a team or an organisation adds to what users may do, and nothing to administrators.
async fn roles(state: &State, user: Option<&str>) -> Result<Vec<Role>, ApiError> {
    let Some(id) = user else { return Ok(Vec::new()) };
    let mut roles = state.store.users().roles(id).await?;
    if matches!(roles.first(), Some(Role::ProxyAdmin | Role::ProxyAdminViewer)) {
        roles.truncate(1);
    }
    Ok(roles)
}

/// The session of a browser's token, while it lasts.
async fn session(state: &State, token: &str) -> Result<Option<Session>, ApiError> {
    Ok(state.store.sessions().get(KeyHash::of(token), state.clock.now()).await?)
}

/// The virtual key behind a secret, when it may act now.
async fn key(state: &State, secret: &str) -> Result<VirtualKey, ApiError> {
    if !secret.starts_with("sk-") {
        return Err(AuthError::NotAKey(secret.to_owned()).into());
    }
    let hash = KeyHash::of(secret);
    let key = match state.store.keys().get(hash).await? {
        None => state.store.keys().opened_by(hash, state.clock.now()).await?,
        key => key,
    };
    let key = key.ok_or_else(|| AuthError::Unknown { name: domain::key::display_name(secret), hash })?;
    if key.blocked {
        return Err(AuthError::Blocked.into());
    }
    let now = state.clock.now();
    match key.expires {
        Some(at) if at <= now => Err(AuthError::Expired { name: key.name, at, now }.into()),
        _ => Ok(key),
    }
}

fn changed_by(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("litellm-changed-by")?.to_str().ok()?;
    Some(text.chars().take(CHANGED_BY_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
}
