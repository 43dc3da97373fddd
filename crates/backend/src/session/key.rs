use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use kit::Money;
use store::PAGE_SIZE_MAX;
use store::keys::{KeyPatch, KeyQuery, KeyStatus};

use super::key_alias;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::keys::{CreateError, CreatedKey, DASHBOARD_TEAM, fresh};
use crate::state::{Shared, State};

/// How long a playground key works.
const LIFETIME: Duration = Duration::from_secs(3600);
/// What it may spend: one dollar.
const BUDGET: Money = Money(1_000_000_000);

/// A key for the playground, to be kept in the page's memory only. It takes the place of the session's
/// earlier one.
#[utoipa::path(
    post, path = "/session/key", tag = "session", operation_id = "createSessionKey",
    responses((status = 200, body = CreatedKey), Refusals),
)]
pub async fn create(Extract(state): Extract<Shared>, caller: Caller) -> Result<Json<CreatedKey>, ApiError> {
    let session = caller.session()?;
    let actor = caller.actor(&state);
    let alias = key_alias(session.token);
    let mut stale = expired(&state).await?;
    stale.extend(state.store.keys().by_alias(&alias).await?.map(|key| key.hash));
    if !stale.is_empty() {
        state.store.keys().delete(&stale, &actor).await?;
    }
    // The dashboard's administrator has no row, and no limits.
    let user = state.store.users().get(&session.user_id).await?;
    let budget = user.as_ref().and_then(|user| user.max_budget).map_or(BUDGET, |limit| limit.min(BUDGET));
    let patch = KeyPatch {
        alias: Some(Some(alias)),
        user_id: Some(Some(session.user_id.clone())),
        team_id: Some(Some(DASHBOARD_TEAM.into())),
        models: user.map(|user| user.models),
        max_budget: Some(Some(budget)),
        expires: Some(Some(actor.at.plus(LIFETIME).min(session.expires_at))),
        ..KeyPatch::default()
    };
    let (secret, key) = fresh(&state, None, patch, &actor)?;
    state.store.keys().create(&key, &actor).await.map_err(CreateError::from)?;
    Ok(Json(CreatedKey::of(secret, key, actor.at)))
}

/// Playground keys that nobody can use any more.
async fn expired(state: &State) -> Result<Vec<kit::KeyHash>, ApiError> {
    let query = KeyQuery {
        team_id: Some(DASHBOARD_TEAM.into()),
        status: KeyStatus::Expired,
        size: PAGE_SIZE_MAX,
        ..KeyQuery::default()
    };
    let page = state.store.keys().list(&query, state.clock.now()).await?;
    Ok(page.rows.into_iter().map(|key| key.hash).collect())
}
