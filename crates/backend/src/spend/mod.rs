//! What was spent: single calls, and sums by day, model and key.

mod global;
mod keys;
mod logs;
mod row;

pub use logs::key_name;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(logs::logs))
        .routes(routes!(keys::keys))
        .routes(routes!(global::total))
        .routes(routes!(global::by_day))
        .routes(routes!(global::by_key))
        .routes(routes!(global::by_model))
}
