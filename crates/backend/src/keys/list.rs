use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::keys::{KeyQuery, KeySort, KeyStatus};
use utoipa::{IntoParams, ToSchema};

use super::own::{confine, sees_team, within_team};
use super::view::KeyView;
use super::{DASHBOARD_TEAM, key_hash};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, asked};
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct KeyListQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    size: u32,
    user_id: Option<String>,
    team_id: Option<String>,
    organization_id: Option<String>,
    /// Deleted keys have none.
    project_id: Option<String>,
    key_hash: Option<String>,
    key_alias: Option<String>,
    /// Take `key_alias` as part of the alias.
    substring_matching: bool,
    /// Part of alias, user or team, or the whole hash.
    search: Option<String>,
    /// Rows instead of hashes.
    return_full_object: bool,
    /// `active`, `expired`, `revoked` or `deleted`.
    status: Option<String>,
    /// `active` or `expired`.
    expires: Option<String>,
    /// `created_at`, `updated_at`, `spend`, `max_budget`, `expires` or `key_alias`.
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_order: String,
}

impl Default for KeyListQuery {
    fn default() -> Self {
        Self {
            page: 1,
            size: 10,
            user_id: None,
            team_id: None,
            organization_id: None,
            project_id: None,
            key_hash: None,
            key_alias: None,
            substring_matching: false,
            search: None,
            return_full_object: false,
            status: None,
            expires: None,
            sort_by: None,
            sort_order: "desc".into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct KeyList {
    keys: Vec<KeyListEntry>,
    total_count: u64,
    current_page: u32,
    total_pages: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum KeyListEntry {
    Hash(String),
    Full(Box<KeyView>),
}

/// One page of keys, for others than administrators of their own; the dashboard's own short-lived keys are left out unless asked for by team.
#[utoipa::path(
    get, path = "/key/list", tag = "keys", operation_id = "listKeys", params(KeyListQuery),
    responses((status = 200, body = KeyList), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<KeyListQuery>,
) -> Result<Json<KeyList>, ApiError> {
    let now = state.clock.now();
    let full = query.return_full_object;
    let page = PageOf::new(query.page, query.size, PAGE_SIZE_MAX, "size")?;
    let mut query = query.resolve(page)?;
    if !sees_team(&state, &caller, query.team_id.as_deref(), "/key/list").await? {
        (query.user_id, query.hash) = confine(&caller, query.user_id.take(), query.hash)?;
        query.team_id = within_team(&caller, query.team_id.take());
    }
    let deleted = query.status == KeyStatus::Deleted;
    let found = state.store.keys().list(&query, now).await?;
    let entry = |key| match (full, deleted) {
        (true, true) => KeyListEntry::Full(Box::new(KeyView::of_deleted(key, now))),
        (true, false) => KeyListEntry::Full(Box::new(KeyView::of(key, now))),
        (false, _) => KeyListEntry::Hash(key.hash.to_hex()),
    };
    Ok(Json(KeyList {
        keys: found.rows.into_iter().map(entry).collect(),
        total_count: found.total,
        current_page: page.number,
        total_pages: page.pages(found.total),
    }))
}

impl KeyListQuery {
    fn resolve(self, page: PageOf) -> Result<KeyQuery, ApiError> {
        let status = self.status.as_deref().or(self.expires.as_deref());
        let status = match status {
            None | Some("") => KeyStatus::Any,
            Some("active") => KeyStatus::Active,
            Some("expired") => KeyStatus::Expired,
            Some("revoked") => KeyStatus::Revoked,
            Some("deleted") => KeyStatus::Deleted,
            Some(other) => {
                let message = format!("Unknown status `{other}`: use active, expired, revoked or deleted.");
                return Err(ApiError::bad("status", message));
            }
        };
        let sort = match self.sort_by.as_deref() {
            None | Some("" | "created_at") => KeySort::CreatedAt,
            Some("updated_at") => KeySort::UpdatedAt,
            Some("spend") => KeySort::Spend,
            Some("max_budget") => KeySort::MaxBudget,
            Some("expires") => KeySort::Expires,
            Some("key_alias") => KeySort::Alias,
            Some(other) => {
                let message = format!("Keys cannot be sorted by `{other}`.");
                return Err(ApiError::bad("sort_by", message));
            }
        };
        let team_id = asked(self.team_id);
        Ok(KeyQuery {
            without_team: team_id.is_none().then(|| DASHBOARD_TEAM.to_owned()),
            user_id: asked(self.user_id),
            team_id,
            organization_id: asked(self.organization_id),
            project_id: asked(self.project_id),
            hash: asked(self.key_hash).map(|text| key_hash(&text)).transpose()?,
            alias: asked(self.key_alias),
            alias_is_part: self.substring_matching,
            search: asked(self.search),
            status,
            sort,
            ascending: self.sort_order == "asc",
            page: page.index(),
            size: page.size,
        })
    }
}
