//! Customers: end users of the product, each under `/customer` and `/end_user`.

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
        .routes(routes!(write::block))
        .routes(routes!(write::unblock))
        .routes(routes!(get::info))
        .routes(routes!(get::list))
        .routes(routes!(write::end_users::create))
        .routes(routes!(write::end_users::update))
        .routes(routes!(write::end_users::delete))
        .routes(routes!(write::end_users::block))
        .routes(routes!(write::end_users::unblock))
        .routes(routes!(get::end_users::info))
        .routes(routes!(get::end_users::list))
}

fn not_found(id: &str) -> ApiError {
    ApiError::missing("user_id", format!("End User Id={id} does not exist in db"))
}
