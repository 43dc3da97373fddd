//! Budgets as objects, which several owners may have.

mod fields;
mod get;
mod write;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(write::create))
        .routes(routes!(write::update))
        .routes(routes!(write::delete))
        .routes(routes!(get::info))
        .routes(routes!(get::list))
        .routes(routes!(get::settings))
}

fn not_found(id: &str) -> ApiError {
    ApiError::missing("budget_id", format!("Budget not found, passed budget_id={id}"))
}
