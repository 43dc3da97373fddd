//! What is configured, and what of it acts. Settings of gateways come from `config.yaml` and the environment alone: what would
//! change them here is refused, and what Bulkhead does not have is told as not there. What the control plane itself goes by is
//! kept in the database.

mod absent;
pub mod allowed_ips;
mod cache;
mod callbacks;
mod config;
pub mod defaults;
mod documents;
mod fallback;
mod look;
mod router;
mod ui;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(allowed_ips::list))
        .routes(routes!(allowed_ips::add))
        .routes(routes!(allowed_ips::delete))
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
        .routes(routes!(callbacks::settings))
        .routes(routes!(defaults::of_users))
        .routes(routes!(defaults::set_of_users))
        .routes(routes!(defaults::of_teams))
        .routes(routes!(defaults::set_of_teams))
        .routes(routes!(look::theme))
        .routes(routes!(look::set_theme))
        .routes(routes!(look::logo_url))
        .routes(routes!(look::logo))
        .routes(routes!(look::favicon))
        .routes(routes!(look::upload))
        .routes(routes!(look::pages))
        .routes(routes!(look::set_pages))
        .routes(routes!(look::banner))
        .routes(routes!(look::set_banner))
        .routes(routes!(look::latest_release))
        .routes(routes!(absent::sso))
        .routes(routes!(absent::set_sso))
        .routes(routes!(absent::mcp_filter))
        .routes(routes!(absent::set_mcp_filter))
        .routes(routes!(absent::mcp_search))
        .routes(routes!(absent::set_mcp_search))
        .routes(routes!(absent::web_search))
        .routes(routes!(absent::set_web_search))
        .routes(routes!(absent::discounts, absent::set_discounts))
        .routes(routes!(absent::margins, absent::set_margins))
        .routes(routes!(absent::unpriced, absent::set_unpriced))
        .routes(routes!(absent::endpoints, absent::create_endpoint, absent::delete_endpoint))
        .routes(routes!(absent::endpoints_of_team))
        .routes(routes!(absent::update_endpoint))
        .routes(routes!(absent::yaml))
        .routes(routes!(absent::provider_budgets))
        .routes(routes!(absent::coordination, absent::set_coordination))
        .routes(routes!(absent::test_coordination))
        .routes(routes!(absent::cache_redis))
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
