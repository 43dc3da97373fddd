//! What members of teams spent.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::usage::{Dimension, Filter, MICROS_PER_QUARTER, Question, Timeline};
use store::users::UserQuery;
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::Shared;
use crate::time::{after, parse_day};

/// Teams of one request.
const TEAMS_MAX: usize = 20;
/// Users of one team in one answer, the dearest.
const USERS_MAX: u32 = PAGE_SIZE_MAX;
/// Longest range.
const DAYS_MAX: i64 = 366;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpendByUserQuery {
    /// Ids with commas between, at most 20.
    team_ids: String,
    /// First UTC day, `YYYY-MM-DD`.
    start_date: String,
    /// Last UTC day, included.
    end_date: String,
}

#[derive(Serialize, ToSchema)]
pub struct SpendByUser {
    /// The dearest of each team first, 100 of each at most.
    results: Vec<UserSpend>,
}

#[derive(Serialize, ToSchema)]
pub struct UserSpend {
    team_id: String,
    /// Empty for keys that belong to nobody.
    user_id: String,
    user_email: Option<String>,
    /// US dollars.
    spend: f64,
    api_requests: i64,
    successful_requests: i64,
    failed_requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    total_tokens: i64,
}

/// What each user spent with keys of teams. Others than administrators ask for teams that they lead.
#[utoipa::path(
    get, path = "/team/spend/by_user", tag = "teams", operation_id = "teamSpendByUser", params(SpendByUserQuery),
    responses((status = 200, body = SpendByUser), Refusals),
)]
pub async fn by_user(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<SpendByUserQuery>,
) -> Result<Json<SpendByUser>, ApiError> {
    let timeline = days(&query.start_date, &query.end_date)?;
    let teams = query.team_ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect::<Vec<_>>();
    if teams.is_empty() || teams.len() > TEAMS_MAX {
        return Err(ApiError::bad("team_ids", format!("Name 1 to {TEAMS_MAX} teams.")));
    }
    let mut results = Vec::new();
    for team in teams {
        if !caller.sees_all() {
            caller.team(&state, team, Standing::TeamAdmin).await?;
        }
        let question = Question {
            timeline: timeline.clone(),
            by: [Some(Dimension::User), None],
            filters: vec![Filter { dimension: Dimension::Team, is: team.to_owned() }],
            among: vec![],
            limit: USERS_MAX,
        };
        let rows = state.store.usage().ask(&question).await?.rows;
        let ids = rows.iter().map(|row| row.name.clone()).collect();
        let known = UserQuery { ids, size: USERS_MAX, ..UserQuery::default() };
        let known = state.store.users().list(&known).await?.rows.into_iter();
        let emails = known.filter_map(|(user, _)| Some((user.id, user.email?))).collect::<BTreeMap<_, _>>();
        results.extend(rows.into_iter().map(|row| UserSpend {
            team_id: team.to_owned(),
            user_email: emails.get(&row.name).cloned(),
            user_id: row.name,
            spend: row.totals.spend().dollars(),
            api_requests: row.totals.requests,
            successful_requests: row.totals.requests - row.totals.failures - row.totals.refusals,
            failed_requests: row.totals.failures + row.totals.refusals,
            prompt_tokens: row.totals.input_tokens,
            completion_tokens: row.totals.output_tokens,
            total_tokens: row.totals.input_tokens + row.totals.output_tokens,
        }));
    }
    Ok(Json(SpendByUser { results }))
}

/// One step of whole days.
fn days(first: &str, last: &str) -> Result<Timeline, ApiError> {
    let bad = |name: &str| ApiError::bad(name, format!("`{name}` is a day such as 2026-01-31."));
    let since = parse_day(first).ok_or_else(|| bad("start_date"))?;
    let until = parse_day(last).and_then(|day| after(day, "1d")).ok_or_else(|| bad("end_date"))?;
    let quarter = |at: kit::Timestamp| at.micros().div_euclid(MICROS_PER_QUARTER);
    let days = (quarter(until) - quarter(since)) / store::usage::QUARTERS_PER_DAY;
    if !(1..=DAYS_MAX).contains(&days) {
        let message =
            format!("`end_date` is not before `start_date`, and at most {DAYS_MAX} days are asked for.");
        return Err(ApiError::bad("end_date", message));
    }
    Ok(Timeline::new([quarter(since), quarter(until)])?)
}

#[derive(Serialize, ToSchema)]
pub struct MetadataSchema {
    #[schema(value_type = Vec<Object>)]
    fields: Vec<serde_json::Value>,
}

/// Fields that the metadata of teams should have: none are declared.
#[utoipa::path(
    get, path = "/team/metadata_schema", tag = "teams", operation_id = "getTeamMetadataSchema",
    responses((status = 200, body = MetadataSchema), Refusals),
)]
pub async fn metadata_schema() -> Json<MetadataSchema> {
    Json(MetadataSchema { fields: Vec::new() })
}
