use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::keys::KeyQuery;
use utoipa::{IntoParams, ToSchema};

use super::view::{MembershipView, TeamView};
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
use crate::keys::view::KeyView;
use crate::owner::used::used;
use crate::owner::view::BudgetView;
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TeamInfoQuery {
    /// The team of the caller's key when left out.
    team_id: Option<String>,
    /// How many keys to show.
    #[param(minimum = 0, maximum = 100)]
    key_limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub struct TeamInfo {
    team_id: String,
    team_info: TeamFacts,
    /// The newest hundred; `/key/list?team_id=…` has all. Plain members see their own.
    keys: Vec<KeyView>,
    /// The first thousand; plain members see their own.
    team_memberships: Vec<MembershipView>,
}

#[derive(Serialize, ToSchema)]
pub struct TeamFacts {
    #[serde(flatten)]
    row: TeamView,
    /// What members have who were given no budget of their own.
    team_member_budget_table: Option<BudgetView>,
    /// Whether the caller may change the team.
    caller_edit_access: bool,
}

/// Show a team with its members and keys, to those who are in it.
#[utoipa::path(
    get, path = "/team/info", tag = "teams", operation_id = "getTeam", params(TeamInfoQuery),
    responses(
        (status = 200, body = TeamInfo),
        (status = 403, description = "The caller is no member", body = ErrorBody),
        (status = 404, description = "No such team", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn get(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<TeamInfoQuery>,
) -> Result<Json<TeamInfo>, ApiError> {
    let own = || caller.key().and_then(|key| key.team_id.clone());
    let id = query.team_id.or_else(own);
    let id = id.ok_or_else(|| ApiError::bad("team_id", "Name a team: `/team/info?team_id=…`."))?;
    let team = caller.team(&state, &id, Standing::Member).await?;
    let leads = caller.standing(&state, &team).await? >= Standing::TeamAdmin;
    let mine = |user: &str| leads || caller.user_id() == Some(user);
    let members = state.store.members().of_teams(std::slice::from_ref(&id)).await?;
    let budget = match &team.member_budget_id {
        Some(id) => state.store.budgets().get(id).await?,
        None => None,
    };
    let times =
        team.budget_limits.iter().filter_map(|limit| limit["budget_duration"].as_str()).collect::<Vec<_>>();
    let used = used(&state, "team", &id, &times).await?;
    let now = state.clock.now();
    let size = query.key_limit.unwrap_or(PAGE_SIZE_MAX);
    let of_team = KeyQuery {
        team_id: Some(id.clone()),
        // A key without a user sees itself alone, in `/key/info`.
        user_id: (!leads).then(|| caller.user_id().unwrap_or_default().to_owned()),
        size,
        ..KeyQuery::default()
    };
    let keys = if size == 0 { Vec::new() } else { state.store.keys().list(&of_team, now).await?.rows };
    let mut row = TeamView::of(team, &members);
    row.rest.extend(used);
    Ok(Json(TeamInfo {
        team_id: id,
        team_info: TeamFacts {
            row,
            team_member_budget_table: budget.map(BudgetView::of),
            caller_edit_access: leads && caller.role != domain::Role::ProxyAdminViewer,
        },
        keys: keys.into_iter().map(|key| KeyView::of(key, now)).collect(),
        team_memberships: members
            .into_iter()
            .filter(|member| mine(&member.user_id))
            .map(MembershipView::of)
            .collect(),
    }))
}
