//! Spend of one key, user, team or organization, by key and model: everyone asks about their own.

use axum::Json;
use axum::extract::State as Extract;
use http::StatusCode;
use kit::KeyHash;
use serde::Deserialize;
use store::usage::{Dimension, Filter};
use utoipa::IntoParams;

use super::key_report::{ReportKey, key_report};
use super::logs::key_name;
use crate::activity::days::Days;
use crate::activity::reach::{Entity, Ids, Reach, own};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};

/// Days of one report: a leap year.
const DAYS_MAX: i64 = 366;

/// A report's query: its days, and whom it is about.
macro_rules! query {
    ($Query:ident, $id:ident, $what:literal) => {
        #[derive(Deserialize, IntoParams)]
        #[into_params(parameter_in = Query)]
        pub struct $Query {
            /// `YYYY-MM-DD`, UTC.
            start_date: Option<String>,
            /// `YYYY-MM-DD`, UTC, included; 366 days at most.
            end_date: Option<String>,
            #[doc = $what]
            $id: Option<String>,
        }
    };
}

query!(KeyReportQuery, api_key, "Raw key or hash; the caller's own without it, of administrators all.");
query!(UserReportQuery, internal_user_id, "The caller without it, of administrators everyone.");
query!(
    TeamReportQuery,
    team_id,
    "Without it the team of the caller's key, else the caller's teams; of administrators all."
);
query!(
    OrganizationReportQuery,
    organization_id,
    "Those that the caller administers without it, of administrators all."
);

/// What a key spent, by model.
#[utoipa::path(
    get, path = "/key/spend/report", tag = "spend", operation_id = "keySpendReport", params(KeyReportQuery),
    responses((status = 200, body = Vec<ReportKey>), Refusals),
)]
pub async fn of_key(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<KeyReportQuery>,
) -> Result<Json<Vec<ReportKey>>, ApiError> {
    let reach = key_reach(&state, &caller, query.api_key).await;
    report(&state, query.start_date, query.end_date, reach, false).await
}

/// What the keys of a user spent, by model.
#[utoipa::path(
    get, path = "/user/spend/report", tag = "spend", operation_id = "userSpendReport", params(UserReportQuery),
    responses((status = 200, body = Vec<ReportKey>), Refusals),
)]
pub async fn of_user(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<UserReportQuery>,
) -> Result<Json<Vec<ReportKey>>, ApiError> {
    let reach = reach_of(&state, &caller, Entity::User, query.internal_user_id, "internal_user_id").await;
    report(&state, query.start_date, query.end_date, reach, false).await
}

/// What the keys of a team spent, by model. Members who may not see all of it see their own part.
#[utoipa::path(
    get, path = "/team/spend/report", tag = "spend", operation_id = "teamSpendReport", params(TeamReportQuery),
    responses((status = 200, body = Vec<ReportKey>), Refusals),
)]
pub async fn of_team(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<TeamReportQuery>,
) -> Result<Json<Vec<ReportKey>>, ApiError> {
    let of_key = || caller.key().and_then(|key| key.team_id.clone());
    let team = query.team_id.or_else(of_key);
    let reach = reach_of(&state, &caller, Entity::Team, team, "team_id").await;
    report(&state, query.start_date, query.end_date, reach, false).await
}

/// What the keys of an organization and of its teams spent, by model.
#[utoipa::path(
    get, path = "/organization/spend/report", tag = "spend", operation_id = "organizationSpendReport",
    params(OrganizationReportQuery), responses((status = 200, body = Vec<ReportKey>), Refusals),
)]
pub async fn of_organization(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<OrganizationReportQuery>,
) -> Result<Json<Vec<ReportKey>>, ApiError> {
    let asked = query.organization_id;
    let reach = reach_of(&state, &caller, Entity::Organization, asked, "organization_id").await;
    report(&state, query.start_date, query.end_date, reach, true).await
}

async fn report(
    state: &State,
    first: Option<String>,
    last: Option<String>,
    reach: Result<Reach, ApiError>,
    with_team: bool,
) -> Result<Json<Vec<ReportKey>>, ApiError> {
    let days = Days::new(first.as_deref(), last.as_deref(), 0)
        .and_then(at_most)
        .map_err(ApiError::with_detail_text)?;
    let reach = reach.map_err(ApiError::with_detail_text)?;
    Ok(Json(key_report(state, days, &reach, with_team).await?))
}

fn at_most(days: Days) -> Result<Days, ApiError> {
    let message = || format!("The range is of {DAYS_MAX} days at most.");
    if days.count > DAYS_MAX { Err(ApiError::plain("end_date", message())) } else { Ok(days) }
}

async fn reach_of(
    state: &State,
    caller: &Caller,
    entity: Entity,
    asked: Option<String>,
    param: &'static str,
) -> Result<Reach, ApiError> {
    if entity == Entity::User
        && !caller.sees_all()
        && asked.as_deref().is_some_and(|id| Some(id) != caller.user_id())
    {
        return Err(not_yours(param));
    }
    let ids = Ids::new(None, None, param)?;
    entity.reach(state, caller, Ids { these: asked.into_iter().collect(), ..ids }).await
}

async fn key_reach(state: &State, caller: &Caller, asked: Option<String>) -> Result<Reach, ApiError> {
    let mut reach = Reach::default();
    match (asked.as_deref().map(key_name), caller.key()) {
        (Some(name), _) => {
            if !caller.sees_all() && !is_own(state, caller, &name).await? {
                return Err(not_yours("api_key"));
            }
            reach.only(Dimension::Key, name);
        }
        (None, _) if caller.sees_all() => {}
        (None, Some(key)) => reach.only(Dimension::Key, key.hash.to_hex()),
        (None, None) => {
            let Filter { dimension, is } = own(caller);
            reach.only(dimension, is);
        }
    }
    Ok(reach)
}

async fn is_own(state: &State, caller: &Caller, name: &str) -> Result<bool, ApiError> {
    let Ok(hash) = name.parse::<KeyHash>() else { return Ok(false) };
    if caller.key().is_some_and(|key| key.hash == hash) {
        return Ok(true);
    }
    Ok(state.store.keys().get(hash).await?.is_some_and(|key| caller.may(&key)))
}

fn not_yours(param: &'static str) -> ApiError {
    let message = format!("Not authorized to view spend for a {param} other than your own");
    ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some(param), message)
}
