use axum::Json;
use axum::extract::State as Extract;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{AuthError, session, session_token};
use crate::http::error::{ApiError, Refusals};
use crate::state::Shared;
use crate::time::iso;

#[derive(Serialize, ToSchema)]
pub struct SessionView {
    user_id: String,
    user_role: String,
    expires_at: String,
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/session", tag = "session", operation_id = "getSession",
    responses((status = 200, body = SessionView), Refusals),
)]
pub async fn get(Extract(state): Extract<Shared>, headers: HeaderMap) -> Result<Json<SessionView>, ApiError> {
    let token = session_token(&headers).ok_or(AuthError::Missing)?;
    let session = session(&state, &token).await?.ok_or(AuthError::SessionEnded)?;
    Ok(Json(SessionView {
        user_id: session.user_id,
        user_role: session.role,
        expires_at: iso(session.expires_at),
    }))
}
