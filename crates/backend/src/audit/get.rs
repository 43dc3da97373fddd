use axum::Json;
use axum::extract::{Path, State as Extract};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::AuditLog;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::state::Shared;

#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "only describes the answer for the document")]
pub struct AuditNotFound {
    detail: AuditNotFoundFacts,
}

#[derive(Serialize, ToSchema)]
pub struct AuditNotFoundFacts {
    message: String,
}

/// One entry of the audit log.
#[utoipa::path(
    get, path = "/audit/{id}", tag = "audit", operation_id = "getAuditLog",
    params(("id" = String, Path, description = "Id of the entry")),
    responses(
        (status = 200, body = AuditLog),
        (status = 404, description = "No such entry", body = AuditNotFound),
        Refusals,
    ),
)]
pub async fn get(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AuditLog>, ApiError> {
    let entry = state.store.audit().get(&id).await?;
    let missing = || ApiError::detail_not_found(format!("Audit log with ID {id} not found"));
    Ok(Json(AuditLog::of(entry.ok_or_else(missing)?)))
}
