//! What was spent: single calls, and sums by day, model and key.

mod cache_hits;
mod calculate;
mod capture_rate;
mod exceptions;
mod export;
mod global;
mod key_report;
mod keys;
mod logs;
mod report;
mod requests;
mod reset;
mod row;
mod scoped;
mod search;
mod shares;
mod tags;
mod users;

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
        .routes(routes!(search::ui))
        .routes(routes!(search::v2))
        .routes(routes!(search::session))
        .routes(routes!(search::bodies))
        .routes(routes!(tags::tags))
        .routes(routes!(users::users))
        .routes(routes!(calculate::calculate))
        .routes(routes!(capture_rate::capture_rate))
        .routes(routes!(shares::by_provider))
        .routes(routes!(shares::by_tag))
        .routes(routes!(shares::tag_names))
        .routes(routes!(shares::end_user_names))
        .routes(routes!(shares::by_end_user))
        .routes(routes!(shares::by_team))
        .routes(routes!(requests::requests))
        .routes(routes!(requests::by_model))
        .routes(routes!(report::report))
        .routes(routes!(scoped::of_key))
        .routes(routes!(scoped::of_user))
        .routes(routes!(scoped::of_team))
        .routes(routes!(scoped::of_organization))
        .routes(routes!(cache_hits::cache_hits))
        .routes(routes!(exceptions::exceptions))
        .routes(routes!(exceptions::by_deployment))
        .routes(routes!(reset::refresh))
        .routes(routes!(reset::reset))
        .routes(routes!(export::calls))
}
