//! The control plane about itself: probes, its description, its paths.

mod details;
mod docs;
mod health;
mod openapi;
mod paths;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(health::liveliness, health::liveliness_options))
        .routes(routes!(health::liveness, health::liveness_options))
        .routes(routes!(health::readiness, health::readiness_options))
        .routes(routes!(details::readiness))
        .routes(routes!(details::services))
        .routes(routes!(details::shared))
        .routes(routes!(details::backlog))
        .routes(routes!(details::drain))
        .routes(routes!(details::license))
        .routes(routes!(openapi::openapi))
        .routes(routes!(docs::docs))
        .routes(routes!(paths::paths))
}
