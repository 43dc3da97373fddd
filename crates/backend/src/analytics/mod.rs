//! What was used and what it cost, read from roll-ups only.

mod export;
mod forecast;
mod frame;
mod latency;
mod metrics;
mod overview;
mod usage;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(overview::overview))
        .routes(routes!(usage::usage))
        .routes(routes!(export::export))
}
