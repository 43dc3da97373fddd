use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
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
pub async fn get(caller: Caller) -> Result<Json<SessionView>, ApiError> {
    let session = caller.session()?;
    Ok(Json(SessionView {
        user_id: session.user_id.clone(),
        user_role: caller.role.name().into(),
        expires_at: iso(session.expires_at),
    }))
}
