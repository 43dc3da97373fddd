//! Teams and their members.

mod block;
mod callbacks;
mod create;
mod delete;
pub mod fields;
mod get;
mod list;
pub mod members;
mod members_bulk;
mod members_reset;
mod models;
pub mod permissions;
mod spend;
mod update;
pub mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use create::MEMBERS_AT_ONCE_MAX;

use crate::http::error::ApiError;
use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(spend::by_user))
        .routes(routes!(spend::metadata_schema))
        .routes(routes!(update::update))
        .routes(routes!(update::patch))
        .routes(routes!(delete::delete))
        .routes(routes!(block::block))
        .routes(routes!(block::unblock))
        .routes(routes!(get::get))
        .routes(routes!(list::list))
        .routes(routes!(list::list_bare))
        .routes(routes!(list::available))
        .routes(routes!(models::add))
        .routes(routes!(models::delete))
        .routes(routes!(permissions::list))
        .routes(routes!(permissions::update))
        .routes(routes!(members::add))
        .routes(routes!(members_bulk::bulk_add))
        .routes(routes!(members::update))
        .routes(routes!(members::delete))
        .routes(routes!(members::me))
        .routes(routes!(members_reset::reset_spend))
        .routes(routes!(members_reset::reset_budget))
        .routes(routes!(permissions::update_many))
        .routes(routes!(list::filter))
        .routes(routes!(callbacks::get, callbacks::add))
        .routes(routes!(callbacks::remove))
        .routes(routes!(callbacks::disable))
}

pub fn not_found(id: &str) -> ApiError {
    ApiError::missing("team_id", format!("Team not found, passed team id: {id}."))
}
