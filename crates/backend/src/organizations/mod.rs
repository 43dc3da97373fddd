//! Organisations and their members.

mod fields;
mod get;
mod members;
pub mod view;
mod write;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::http::error::ApiError;
use crate::state::{Shared, State};

/// Organisations of one request.
const ORGANIZATIONS_MAX: usize = 10;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(write::create))
        .routes(routes!(write::update))
        .routes(routes!(write::patch))
        .routes(routes!(write::delete))
        .routes(routes!(get::info, get::several))
        .routes(routes!(get::list))
        .routes(routes!(members::add))
        .routes(routes!(members::update))
        .routes(routes!(members::delete))
}

fn not_found(id: &str) -> ApiError {
    ApiError::missing("organization_id", format!("Organization not found, passed organization_id={id}"))
}

/// # Errors
/// 403 when the caller does not administer the organisation, whether there is one or not.
pub async fn check_leads(state: &State, caller: &Caller, id: &str) -> Result<(), ApiError> {
    if caller.leads(state, id).await? {
        return Ok(());
    }
    let message = format!("You are not an administrator of organization={id}.");
    Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("organization_id"), message))
}
