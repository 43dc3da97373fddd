//! Calls that providers refused since they were too many.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::spend::TooManyCalls;
use utoipa::{IntoParams, ToSchema};

use crate::activity::days::Days;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};
use crate::time::parse_day;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExceptionsQuery {
    /// As clients name it.
    model_group: String,
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DayExceptions {
    /// Such as `Jan 05`.
    date: String,
    num_rate_limit_exceptions: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "daily_data": [{"date": "Jan 05", "num_rate_limit_exceptions": 3}], "sum_num_rate_limit_exceptions": 3,
}))]
pub struct Exceptions {
    /// Days with such calls.
    daily_data: Vec<DayExceptions>,
    sum_num_rate_limit_exceptions: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "deployment": "https://api.example/v1", "daily_data": [{"date": "Jan 05", "num_rate_limit_exceptions": 3}],
    "sum_num_rate_limit_exceptions": 3,
}))]
pub struct DeploymentExceptions {
    /// Where it is; its id where it has no address of its own.
    deployment: String,
    #[serde(flatten)]
    exceptions: Exceptions,
}

/// How often providers answered 429, each attempt counted, by day.
#[utoipa::path(
    get, path = "/global/activity/exceptions", tag = "spend", operation_id = "globalExceptions", params(ExceptionsQuery),
    responses((status = 200, body = Exceptions), Refusals),
)]
pub async fn exceptions(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<ExceptionsQuery>,
) -> Result<Json<Exceptions>, ApiError> {
    let mut days = BTreeMap::new();
    for TooManyCalls { day, calls, .. } in counted(&state, &query).await? {
        *days.entry(day).or_insert(0) += calls;
    }
    of_days(&query, days).map(Json)
}

/// The same for each deployment of the model group.
#[utoipa::path(
    get, path = "/global/activity/exceptions/deployment", tag = "spend", operation_id = "globalExceptionsByDeployment",
    params(ExceptionsQuery), responses((status = 200, body = Vec<DeploymentExceptions>), Refusals),
)]
pub async fn by_deployment(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<ExceptionsQuery>,
) -> Result<Json<Vec<DeploymentExceptions>>, ApiError> {
    let mut deployments = BTreeMap::<String, BTreeMap<i64, i64>>::new();
    for TooManyCalls { day, deployment_id, api_base, calls } in counted(&state, &query).await? {
        let name = if api_base.is_empty() { deployment_id } else { api_base };
        *deployments.entry(name).or_default().entry(day).or_insert(0) += calls;
    }
    let entry =
        |(deployment, days)| Ok(DeploymentExceptions { deployment, exceptions: of_days(&query, days)? });
    deployments.into_iter().map(entry).collect::<Result<_, _>>().map(Json)
}

async fn counted(state: &State, query: &ExceptionsQuery) -> Result<Vec<TooManyCalls>, ApiError> {
    let days = query.days()?;
    let range = (days.date(0).to_string(), days.date(days.count).to_string());
    let (Some(from), Some(until)) = (parse_day(&range.0), parse_day(&range.1)) else {
        return Err(ApiError::plain("end_date", "There is no such time."));
    };
    Ok(state.store.spend().too_many_calls(&query.model_group, from, until).await?)
}

impl ExceptionsQuery {
    fn days(&self) -> Result<Days, ApiError> {
        Days::new(self.start_date.as_deref(), self.end_date.as_deref(), 0)
    }
}

fn of_days(query: &ExceptionsQuery, counts: BTreeMap<i64, i64>) -> Result<Exceptions, ApiError> {
    let days = query.days()?;
    let entry = |(day, calls): (&i64, &i64)| DayExceptions {
        date: days.date(*day).strftime("%b %d").to_string(),
        num_rate_limit_exceptions: *calls,
    };
    Ok(Exceptions {
        sum_num_rate_limit_exceptions: counts.values().sum(),
        daily_data: counts.iter().map(entry).collect(),
    })
}
