//! The audit log: who changed what.

mod get;
mod list;
mod retention;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use retention::keep_bounded;

use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(get::get))
}
