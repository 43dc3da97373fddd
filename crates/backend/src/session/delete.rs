use axum::Json;
use axum::extract::State as Extract;
use http::HeaderMap;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

use super::{cookie, key_alias};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
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
    Ok((cookie("", Duration::ZERO, &headers), Json(LoggedOut { message: "signed out" })))
}
