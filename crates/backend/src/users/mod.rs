//! Users: made, shown, changed, deleted; their passwords.

mod available;
mod belongs;
mod bulk;
mod create;
mod delete;
mod fields;
mod filter;
mod get;
mod list;
mod password;
mod roles;
mod update;
pub mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use bulk::all_ids;
pub use fields::UserFields;
pub use password::{hash as hash_password, verify, waste_time};
pub use view::{UserView, shown};

use crate::http::error::ApiError;
use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(update::update))
        .routes(routes!(bulk::update))
        .routes(routes!(delete::delete))
        .routes(routes!(get::get))
        .routes(routes!(get::get_flat))
        .routes(routes!(list::list))
        .routes(routes!(filter::filter))
        .routes(routes!(roles::available))
        .routes(routes!(available::available))
        .routes(routes!(password::change))
}

pub fn not_found(name: &str) -> ApiError {
    let message = format!("User not found, passed user_id={name}");
    ApiError::new(http::StatusCode::NOT_FOUND, "not_found_error", Some("user_id"), message)
}
