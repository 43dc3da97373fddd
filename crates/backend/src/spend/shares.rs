//! Spend of everyone by team, provider, tag and customer.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Question};
use utoipa::{IntoParams, ToSchema};

use super::tags::{ENTRIES_MAX, dearest, whole};
use crate::activity::days::Days;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Params};
use crate::state::{Shared, State};
use crate::time::{day, day_start};

/// Days of the course by team.
const DAYS: i64 = 30;
/// Teams that are told apart in the course, the dearest.
const TEAMS_MAX: u32 = 50;
/// Customers of one list.
const CUSTOMERS_MAX: u32 = 100;
/// What is not told apart.
const OTHER: &str = "other";
/// Usage of no team.
const NO_TEAM: &str = "Unassigned";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RangeQuery {
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"provider": "openai", "spend": 0.0015}))]
pub struct ProviderSpend {
    provider: String,
    /// US dollars.
    spend: f64,
}

/// Providers by what was spent with them.
#[utoipa::path(
    get, path = "/global/spend/provider", tag = "spend", operation_id = "globalSpendByProvider", params(RangeQuery),
    responses((status = 200, body = Vec<ProviderSpend>), Refusals),
)]
pub async fn by_provider(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<RangeQuery>,
) -> Result<Json<Vec<ProviderSpend>>, ApiError> {
    let timeline = whole(&state, query.start_date.as_deref(), query.end_date.as_deref())?;
    let named = vec![Among::somebody(Dimension::Provider)];
    let providers = dearest(&state, timeline, Dimension::Provider, named, ENTRIES_MAX).await?;
    let spend =
        |(provider, totals): (String, Totals)| ProviderSpend { provider, spend: totals.spend().dollars() };
    Ok(Json(providers.into_iter().map(spend).collect()))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TagShareQuery {
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
    /// Only these, with commas between.
    tags: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"spend_per_tag": [{"name": "blue", "spend": 0.0015, "log_count": 12}]}))]
pub struct TagShares {
    spend_per_tag: Vec<TagShare>,
}

#[derive(Serialize, ToSchema)]
pub struct TagShare {
    name: String,
    /// US dollars.
    spend: f64,
    log_count: i64,
}

/// Tags by what requests with them cost, the dearest thousand. A request counts for each of its tags.
#[utoipa::path(
    get, path = "/global/spend/tags", tag = "spend", operation_id = "globalSpendByTag", params(TagShareQuery),
    responses((status = 200, body = TagShares), Refusals),
)]
pub async fn by_tag(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<TagShareQuery>,
) -> Result<Json<TagShares>, ApiError> {
    let timeline = whole(&state, query.start_date.as_deref(), query.end_date.as_deref())?;
    let asked = query.tags.as_deref().unwrap_or_default().split(',').map(str::trim);
    let asked =
        asked.filter(|tag| !tag.is_empty() && *tag != "all-tags").map(str::to_owned).collect::<Vec<_>>();
    let among = if asked.is_empty() { vec![] } else { vec![Among::these(Dimension::Tag, asked)] };
    let tags = dearest(&state, timeline, Dimension::Tag, among, ENTRIES_MAX).await?;
    let share = |(name, totals): (String, Totals)| TagShare {
        name,
        spend: totals.spend().dollars(),
        log_count: totals.requests,
    };
    Ok(Json(TagShares { spend_per_tag: tags.into_iter().map(share).collect() }))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"tag_names": ["blue", "green"]}))]
pub struct TagNames {
    tag_names: Vec<String>,
}

/// The tags of requests, the dearest thousand.
#[utoipa::path(
    get, path = "/global/spend/all_tag_names", tag = "spend", operation_id = "listTagNames",
    responses((status = 200, body = TagNames), Refusals),
)]
pub async fn tag_names(Extract(state): Extract<Shared>, _caller: Caller) -> Result<Json<TagNames>, ApiError> {
    let names = dearest(&state, whole(&state, None, None)?, Dimension::Tag, vec![], ENTRIES_MAX).await?;
    Ok(Json(TagNames { tag_names: names.into_iter().map(|(name, _)| name).collect() }))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"end_users": ["customer-1"]}))]
pub struct EndUserNames {
    end_users: Vec<String>,
}

/// The customers of requests, the dearest thousand.
#[utoipa::path(
    get, path = "/global/all_end_users", tag = "spend", operation_id = "listEndUserNames",
    responses((status = 200, body = EndUserNames), Refusals),
)]
pub async fn end_user_names(
    Extract(state): Extract<Shared>,
    _caller: Caller,
) -> Result<Json<EndUserNames>, ApiError> {
    let names = dearest(&state, whole(&state, None, None)?, Dimension::Customer, vec![], ENTRIES_MAX).await?;
    Ok(Json(EndUserNames { end_users: names.into_iter().map(|(name, _)| name).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"startTime": "2026-01-01", "endTime": "2026-01-31"}))]
pub struct EndUsersQuery {
    /// Customers are not told apart by key: 400 when sent.
    api_key: Option<String>,
    /// A day or a moment in UTC; whole days count.
    #[serde(rename = "startTime")]
    start_time: Option<String>,
    #[serde(rename = "endTime")]
    end_time: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"end_user": "customer-1", "total_count": 12, "total_spend": 0.0015}))]
pub struct EndUserSpend {
    end_user: String,
    total_count: i64,
    /// US dollars.
    total_spend: f64,
}

/// The hundred customers that cost most.
#[utoipa::path(
    post, path = "/global/spend/end_users", tag = "spend", operation_id = "globalSpendByEndUser", request_body = EndUsersQuery,
    responses((status = 200, body = Vec<EndUserSpend>), Refusals),
)]
pub async fn by_end_user(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    input: Input<EndUsersQuery>,
) -> Result<Json<Vec<EndUserSpend>>, ApiError> {
    let EndUsersQuery { api_key, start_time, end_time } = input.value;
    if api_key.is_some_and(|key| !key.is_empty()) {
        return Err(ApiError::plain("api_key", "Usage of customers is not told apart by key."));
    }
    let date = |text: Option<String>| text.map(|text| text.chars().take(10).collect::<String>());
    let timeline = whole(&state, date(start_time).as_deref(), date(end_time).as_deref())?;
    let customers = dearest(&state, timeline, Dimension::Customer, vec![], CUSTOMERS_MAX).await?;
    let spend = |(end_user, totals): (String, Totals)| EndUserSpend {
        end_user,
        total_count: totals.requests,
        total_spend: totals.spend().dollars(),
    };
    Ok(Json(customers.into_iter().map(spend).collect()))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "daily_spend": [{"date": "2026-01-31", "research": 0.0015}], "teams": ["research"],
    "total_spend_per_team": [{"team_id": "research", "total_spend": 0.0015}],
}))]
pub struct TeamShares {
    /// Days with spend of the last 30, with the spend of each team by its name.
    #[schema(value_type = Vec<Object>)]
    daily_spend: Vec<Map<String, Value>>,
    /// The dearest fifty; `other` is the rest.
    teams: Vec<String>,
    total_spend_per_team: Vec<TeamShare>,
}

#[derive(Serialize, ToSchema)]
pub struct TeamShare {
    team_id: String,
    /// US dollars.
    total_spend: f64,
}

/// Spend of the last 30 days by team and day.
#[utoipa::path(
    get, path = "/global/spend/teams", tag = "spend", operation_id = "globalSpendByTeam",
    responses((status = 200, body = TeamShares), Refusals),
)]
pub async fn by_team(Extract(state): Extract<Shared>, _caller: Caller) -> Result<Json<TeamShares>, ApiError> {
    let now = state.clock.now();
    let (first, last) = (day(day_start(now, DAYS)), day(now));
    let days = Days::new(Some(&first), Some(&last), 0)?;
    let teams = dearest(&state, days.whole()?, Dimension::Team, vec![], TEAMS_MAX).await?;
    let ids = teams.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let labels = state.store.usage().labels(Dimension::Team, &ids).await?;
    let name = |id: &str| match id {
        "" => NO_TEAM.to_owned(),
        id => labels.get(id).cloned().unwrap_or_else(|| id.to_owned()),
    };
    let by_team = [Some(Dimension::Team), None];
    let shown = by_day(&state, days, by_team, vec![Among::these(Dimension::Team, ids)]).await?;
    let totals = by_day(&state, days, [None; 2], vec![]).await?;
    let mut daily = BTreeMap::<i64, (Totals, Map<String, Value>)>::new();
    for answer in totals {
        daily.insert(answer.step, (answer.totals, Map::new()));
    }
    for answer in shown {
        let Some((rest, entry)) = daily.get_mut(&answer.step) else { continue };
        *rest = *rest - answer.totals;
        let sum = entry.entry(name(&answer.name)).or_insert(json!(0.0));
        *sum = json!(sum.as_f64().unwrap_or(0.0) + answer.totals.spend().dollars());
    }
    let is_other = daily.values().any(|(rest, _)| *rest != Totals::default());
    let entry = |(step, (rest, mut entry)): (i64, (Totals, Map<String, Value>))| {
        entry.insert("date".into(), json!(days.date(step).to_string()));
        if rest != Totals::default() {
            entry.insert(OTHER.into(), json!(rest.spend().dollars()));
        }
        entry
    };
    let mut names = teams.iter().map(|(id, _)| name(id)).collect::<Vec<_>>();
    names.extend(is_other.then(|| OTHER.to_owned()));
    let share =
        |(team_id, totals): (String, Totals)| TeamShare { team_id, total_spend: totals.spend().dollars() };
    Ok(Json(TeamShares {
        daily_spend: daily.into_iter().map(entry).collect(),
        teams: names,
        total_spend_per_team: teams.into_iter().map(share).collect(),
    }))
}

/// Sums of days, each with its index.
///
/// # Errors
/// When the database fails or takes too long.
pub async fn by_day(
    state: &State,
    days: Days,
    by: [Option<Dimension>; 2],
    among: Vec<Among>,
) -> Result<Vec<Answer>, ApiError> {
    let question = Question { timeline: days.steps()?, by, filters: vec![], among, limit: u32::MAX };
    Ok(state.store.usage().ask(&question).await?.rows)
}
