//! What administrators do with all spend at once.

use axum::Json;
use axum::extract::State as Extract;
use kit::Money;
use serde::Serialize;
use store::PAGE_SIZE_MAX;
use store::keys::{KeyPatch, KeyQuery};
use tokio::time::{Duration, Instant};
use utoipa::ToSchema;

use crate::auth::{Caller, Identity};
use crate::http::error::{ApiError, Refusals};
use crate::state::{Shared, State};

/// How long one request sets spend anew; asked again, it goes on with the rest.
const RESET_MAX: Duration = Duration::from_secs(20);

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "Spend of 12 keys and 3 teams is 0", "status": "success"}))]
pub struct Done {
    message: String,
    status: &'static str,
}

/// Nothing to do: sums are kept while usage is written.
#[utoipa::path(
    post, path = "/global/spend/refresh", tag = "spend", operation_id = "refreshGlobalSpend",
    responses((status = 200, body = Done), Refusals),
)]
pub async fn refresh(_caller: Caller) -> Json<Done> {
    Json(Done { message: "Sums of spend are always up to date".into(), status: "success" })
}

/// Make what keys and teams have spent 0, each in a change of its own that the audit log shows; for the master key alone. What
/// was used stays in all reports. After 20 seconds it answers 503: sent again, it goes on.
#[utoipa::path(
    post, path = "/global/spend/reset", tag = "spend", operation_id = "resetGlobalSpend",
    responses((status = 200, body = Done), Refusals),
)]
pub async fn reset(Extract(state): Extract<Shared>, caller: Caller) -> Result<Json<Done>, ApiError> {
    if !matches!(caller.identity, Identity::Master) {
        let message = "Only the master key may set all spend to 0.";
        return Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", None, message));
    }
    let until = Instant::now() + RESET_MAX;
    let keys = keys(&state, &caller, until).await?;
    let teams = teams(&state, &caller, until).await?;
    let message = format!("Spend of {keys} keys and {teams} teams is 0");
    Ok(Json(Done { message, status: "success" }))
}

async fn keys(state: &State, caller: &Caller, until: Instant) -> Result<u32, ApiError> {
    let (actor, mut count) = (caller.actor(state), 0);
    for page in 0.. {
        let query = KeyQuery { page, size: PAGE_SIZE_MAX, ascending: true, ..KeyQuery::default() };
        let found = state.store.keys().list(&query, state.clock.now()).await?.rows;
        if found.is_empty() {
            break;
        }
        for key in found.iter().filter(|key| key.spent() != Money::ZERO) {
            in_time(until)?;
            let patch = KeyPatch { spend: Some(Money::ZERO), ..KeyPatch::default() };
            state.store.keys().update(key.hash, patch, &actor).await?;
            count += 1;
        }
    }
    Ok(count)
}

async fn teams(state: &State, caller: &Caller, until: Instant) -> Result<u32, ApiError> {
    let (actor, mut count) = (caller.actor(state), 0);
    for page in 0.. {
        let found = state.store.teams().list(&Default::default(), page, PAGE_SIZE_MAX).await?.rows;
        if found.is_empty() {
            break;
        }
        for team in found.iter().filter(|team| team.spent.now != Money::ZERO) {
            in_time(until)?;
            state.store.teams().set_spend(team.id.as_str(), Money::ZERO, &actor).await?;
            count += 1;
        }
    }
    Ok(count)
}

fn in_time(until: Instant) -> Result<(), ApiError> {
    if Instant::now() < until { Ok(()) } else { Err(ApiError::timed_out()) }
}
