//! Virtual keys: made, shown, changed, blocked, deleted.

mod aliases;
mod block;
mod bulk;
mod create;
mod delete;
mod fields;
mod get;
mod get_many;
mod health;
mod list;
mod own;
mod reset;
mod rotate;
mod service_account;
pub mod team;
mod update;
pub mod view;

use kit::KeyHash;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::state::Shared;

pub use create::{CreateError, CreatedKey, fresh};
pub use fields::ends;
pub use own::confine;
pub use team::check_above;

/// Team of the dashboard's own short-lived keys, which lists leave out.
pub const DASHBOARD_TEAM: &str = "litellm-dashboard";

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(get::get))
        .routes(routes!(list::list))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(block::block))
        .routes(routes!(block::unblock))
        .routes(routes!(rotate::rotate))
        .routes(routes!(rotate::rotate_by_path))
        .routes(routes!(aliases::aliases))
        .routes(routes!(bulk::update))
        .routes(routes!(bulk::update_of_team))
        .routes(routes!(get_many::get_many))
        .routes(routes!(health::health))
        .routes(routes!(reset::reset_spend))
        .routes(routes!(service_account::create))
}

/// A raw key or a hash, as management routes name keys.
fn key_hash(text: &str) -> Result<KeyHash, ApiError> {
    KeyHash::from_key_or_hash(text).map_err(|_| {
        let message = "Invalid key format. Expected a key that starts with 'sk-', or its 64-digit hash.";
        ApiError::bad("key", message)
    })
}
