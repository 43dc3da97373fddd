use axum::Json;
use axum::extract::State as Extract;
use http::HeaderMap;
use serde::Serialize;
use std::time::Duration;
use store::PAGE_SIZE_MAX;
use store::keys::KeyQuery;
use store::sessions::SESSIONS_MAX;
use utoipa::ToSchema;

use super::{cookie, key_alias};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::keys::DASHBOARD_TEAM;
use crate::state::Shared;

#[derive(Serialize, ToSchema)]
pub struct LoggedOut {
    message: &'static str,
}

/// Sign out: ends the session and its playground key.
#[utoipa::path(
    post, path = "/session/logout", tag = "session", operation_id = "logout",
    responses((status = 200, body = LoggedOut), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    headers: HeaderMap,
    caller: Caller,
) -> Result<(HeaderMap, Json<LoggedOut>), ApiError> {
    if let Ok(session) = caller.session() {
        let key = state.store.keys().by_alias(&key_alias(session.token)).await?;
        if let Some(key) = key {
            state.store.keys().delete(&[key.hash], &caller.actor(&state)).await?;
        }
        state.store.sessions().revoke(session.token).await?;
    }
    Ok((cookie(&state, "", Duration::ZERO, &headers), Json(LoggedOut { message: "signed out" })))
}

/// Sign out everywhere: ends all sessions of the caller's user, and their playground keys.
#[utoipa::path(
    post, path = "/session/logout_everywhere", tag = "session", operation_id = "logoutEverywhere",
    responses((status = 200, body = LoggedOut), Refusals),
)]
pub async fn delete_all(
    Extract(state): Extract<Shared>,
    headers: HeaderMap,
    caller: Caller,
) -> Result<(HeaderMap, Json<LoggedOut>), ApiError> {
    let user = caller.user_id().ok_or_else(|| ApiError::bad("user_id", "This key belongs to no user."))?;
    state.store.sessions().revoke_all(user).await?;
    let of_user = KeyQuery {
        team_id: Some(DASHBOARD_TEAM.into()),
        user_id: Some(user.to_owned()),
        size: PAGE_SIZE_MAX,
        ..KeyQuery::default()
    };
    // A key for each session, at most.
    for _ in 0..=SESSIONS_MAX / i64::from(PAGE_SIZE_MAX) {
        let keys = state.store.keys().list(&of_user, state.clock.now()).await?.rows;
        if keys.is_empty() {
            break;
        }
        let hashes = keys.iter().map(|key| key.hash).collect::<Vec<_>>();
        state.store.keys().delete(&hashes, &caller.actor(&state)).await?;
    }
    Ok((cookie(&state, "", Duration::ZERO, &headers), Json(LoggedOut { message: "signed out everywhere" })))
}
