//! Access groups as they are shown.

use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::owner::AccessGroup;
use serde::Serialize;
use serde_json::Value;
use store::nouns::Assigned;
use utoipa::ToSchema;

use super::fields::KEPT;
use super::not_found;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
use crate::http::page::{Slice, Total};
use crate::owner::view::StampsView;
use crate::state::{Shared, State};

/// Something that a group names.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessGroupEntry)]
pub struct Named {
    id: String,
    name: Option<String>,
}

/// An access group. Of those in it, the first thousand teams and keys; of a list, the first thousand of all its groups together.
#[derive(Serialize, ToSchema)]
// Groups of deployments have a view of this name too, and a document has one of each name.
#[schema(as = UnifiedAccessGroup)]
pub struct GroupView {
    access_group_id: String,
    access_group_name: String,
    description: Option<String>,
    access_model_names: Vec<String>,
    access_mcp_server_ids: Vec<String>,
    access_agent_ids: Vec<String>,
    assigned_team_ids: Vec<String>,
    /// Hashes.
    assigned_key_ids: Vec<String>,
    access_mcp_servers: Vec<Named>,
    access_agents: Vec<Named>,
    assigned_teams: Vec<Named>,
    assigned_keys: Vec<Named>,
    #[serde(flatten)]
    stamps: StampsView,
}

impl GroupView {
    fn of(group: AccessGroup, (teams, keys): &(Vec<Assigned>, Vec<Assigned>)) -> Self {
        let within = |all: &[Assigned]| {
            let own = all.iter().filter(|one| one.groups.contains(&group.id));
            own.map(|one| Named { id: one.id.clone(), name: one.alias.clone() }).collect::<Vec<_>>()
        };
        let ids = |named: &[Named]| named.iter().map(|one| one.id.clone()).collect();
        let kept = |name: &str| {
            let list = group.extra.get(name).and_then(Value::as_array);
            let texts = list.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect::<Vec<_>>()
        };
        let (teams, keys) = (within(teams), within(keys));
        Self {
            access_mcp_server_ids: kept(KEPT[0]),
            access_agent_ids: kept(KEPT[1]),
            access_mcp_servers: Vec::new(),
            access_agents: Vec::new(),
            assigned_team_ids: ids(&teams),
            assigned_key_ids: ids(&keys),
            assigned_teams: teams,
            assigned_keys: keys,
            access_group_id: group.id,
            access_group_name: group.name,
            description: group.description,
            access_model_names: group.models,
            stamps: group.stamps.into(),
        }
    }
}

/// A group with those who are in it.
///
/// # Errors
/// When the database fails.
pub async fn shown(state: &State, group: AccessGroup) -> Result<GroupView, ApiError> {
    let assigned = state.store.access_groups().assigned(Some(&group.id)).await?;
    Ok(GroupView::of(group, &assigned))
}

/// Access groups by name: one page of them, and how many there are in `x-total-count`.
#[utoipa::path(
    get, path = "/v1/access_group", tag = "access groups", operation_id = "listUnifiedAccessGroups", params(Slice),
    responses((status = 200, body = Vec<GroupView>), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    Params(slice): Params<Slice>,
) -> Result<(Total, Json<Vec<GroupView>>), ApiError> {
    let page = slice.page()?;
    let found = state.store.access_groups().list(&(), page.index(), page.size).await?;
    let assigned = state.store.access_groups().assigned(None).await?;
    let groups = found.rows.into_iter().map(|group| GroupView::of(group, &assigned));
    Ok((Total(found.total), Json(groups.collect())))
}

/// One access group.
#[utoipa::path(
    get, path = "/v1/access_group/{access_group_id}", tag = "access groups", operation_id = "getUnifiedAccessGroup",
    params(("access_group_id" = String, Path)),
    responses((status = 200, body = GroupView), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn one(
    Extract(state): Extract<Shared>,
    Path(id): Path<String>,
) -> Result<Json<GroupView>, ApiError> {
    let group = state.store.access_groups().get(&id).await?.ok_or_else(|| not_found(&id))?;
    Ok(Json(shown(&state, group).await?))
}
