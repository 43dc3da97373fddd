//! What is configured, and what of it acts. Settings come from `config.yaml` and the environment alone: what would change
//! them here is refused, and what Bulkhead does not have is told as not there.

mod cache;
mod callbacks;
mod config;
mod fallback;
mod router;
mod ui;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(config::list))
        .routes(routes!(config::info))
        .routes(routes!(config::update))
        .routes(routes!(config::set))
        .routes(routes!(config::unset))
        .routes(routes!(callbacks::configured))
        .routes(routes!(callbacks::list))
        .routes(routes!(callbacks::kinds))
        .routes(routes!(callbacks::active))
        .routes(routes!(callbacks::alerting))
        .routes(routes!(callbacks::delete))
        .routes(routes!(router::settings))
        .routes(routes!(router::fields))
        .routes(routes!(fallback::create))
        .routes(routes!(fallback::get, fallback::delete))
        .routes(routes!(cache::ping))
        .routes(routes!(cache::settings, cache::change))
        .routes(routes!(cache::test))
        .routes(routes!(cache::delete))
        .routes(routes!(cache::flush))
        .routes(routes!(ui::config))
        .routes(routes!(ui::config_of_litellm))
}

/// 400 of a write that would change nothing.
fn not_here(param: &str, what: &str) -> ApiError {
    ApiError::plain(param, format!("{what} Nothing was changed."))
}

/// What is only in the file.
const OF_THE_FILE: &str =
    "Settings come from config.yaml and the environment: change them there and start the gateways again.";
