use axum::Json;
use axum::extract::State as Extract;
use domain::owner::Team;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::nouns::{TeamQuery, TeamSort};
use utoipa::{IntoParams, ToSchema};

use super::view::TeamView;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, Total, asked};
use crate::state::{Shared, State};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TeamListQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    /// A member.
    user_id: Option<String>,
    organization_id: Option<String>,
    team_id: Option<String>,
    /// Part of the alias.
    team_alias: Option<String>,
    /// Part of id or alias.
    search: Option<String>,
    /// `exact`: `search` is the whole id, or part of the alias.
    search_team_id_match: Option<String>,
    /// `team_id`, `team_alias` or `created_at`.
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_order: String,
    /// `deleted`.
    status: Option<String>,
}

impl Default for TeamListQuery {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 10,
            user_id: None,
            organization_id: None,
            team_id: None,
            team_alias: None,
            search: None,
            search_team_id_match: None,
            sort_by: None,
            sort_order: "asc".into(),
            status: None,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct TeamList {
    teams: Vec<TeamView>,
    total: u64,
    page: u32,
    page_size: u32,
    total_pages: u64,
}

/// One page of teams; others than administrators see those that they are in.
#[utoipa::path(
    get, path = "/v2/team/list", tag = "teams", operation_id = "listTeams", params(TeamListQuery),
    responses((status = 200, body = TeamList), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<TeamListQuery>,
) -> Result<Json<TeamList>, ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let (teams, total) = find(&state, &caller, query.resolve()?, page).await?;
    Ok(Json(TeamList {
        teams,
        total,
        page: page.number,
        page_size: page.size,
        total_pages: page.pages(total),
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TeamFilter {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    /// A member; others than administrators name themselves.
    user_id: Option<String>,
    organization_id: Option<String>,
}

impl Default for TeamFilter {
    fn default() -> Self {
        Self { page: 1, page_size: PAGE_SIZE_MAX, user_id: None, organization_id: None }
    }
}

/// Teams as a bare list: one page of them, and how many there are in `x-total-count`. Keys and memberships are in
/// `/team/info`.
#[utoipa::path(
    get, path = "/team/list", tag = "teams", operation_id = "listTeamsBare", params(TeamFilter),
    responses((status = 200, body = Vec<TeamView>), Refusals),
)]
pub async fn list_bare(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<TeamFilter>,
) -> Result<(Total, Json<Vec<TeamView>>), ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let (user_id, organization_id) = (asked(query.user_id), asked(query.organization_id));
    let filter = TeamQuery { user_id, organization_id, ..TeamQuery::default() };
    let (teams, total) = find(&state, &caller, filter, page).await?;
    Ok((Total(total), Json(teams)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TeamSearch {
    team_id: Option<String>,
    /// Part of the alias.
    team_alias: Option<String>,
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
}

impl Default for TeamSearch {
    fn default() -> Self {
        Self { team_id: None, team_alias: None, page: 1, page_size: 50 }
    }
}

/// A team in a list to choose from.
#[derive(Serialize, ToSchema)]
pub struct FoundTeam {
    team_id: String,
    team_alias: Option<String>,
}

/// Teams to choose from, the newest first, for others than administrators those that they are in.
#[utoipa::path(
    get, path = "/team/filter/ui", tag = "teams", operation_id = "filterTeams", params(TeamSearch),
    responses((status = 200, body = Vec<FoundTeam>), Refusals),
)]
pub async fn filter(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<TeamSearch>,
) -> Result<Json<Vec<FoundTeam>>, ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let (id, alias) = (asked(query.team_id), asked(query.team_alias));
    let query = TeamQuery { id, alias, seen_by: caller.seen_by(), ..TeamQuery::default() };
    let found = state.store.teams().list(&query, page.index(), page.size).await?;
    let view = |team: Team| FoundTeam { team_id: team.id, team_alias: team.alias };
    Ok(Json(found.rows.into_iter().map(view).collect()))
}

/// Teams that the caller may join by themselves: none, since no setting names any yet.
#[utoipa::path(
    get, path = "/team/available", tag = "teams", operation_id = "listAvailableTeams",
    responses((status = 200, body = Vec<TeamView>), Refusals),
)]
pub async fn available() -> Json<Vec<TeamView>> {
    Json(Vec::new())
}

async fn find(
    state: &State,
    caller: &Caller,
    mut query: TeamQuery,
    page: PageOf,
) -> Result<(Vec<TeamView>, u64), ApiError> {
    if !caller.sees_all() {
        let user = caller.user_id().unwrap_or_default();
        if query.user_id.as_deref().is_some_and(|asked| asked != user) {
            let message = "Only an administrator can list the teams of another user.";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "auth_error", Some("user_id"), message));
        }
        if query.deleted {
            let message = "Only an administrator can list deleted teams.";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("status"), message));
        }
        query.seen_by = caller.seen_by();
    }
    let found = state.store.teams().list(&query, page.index(), page.size).await?;
    let ids = found.rows.iter().map(|team| team.id.clone()).collect::<Vec<_>>();
    let members = state.store.members().of_teams(&ids).await?;
    let teams = found.rows.into_iter().map(|team| TeamView::of(team, &members)).collect();
    Ok((teams, found.total))
}

impl TeamListQuery {
    fn resolve(self) -> Result<TeamQuery, ApiError> {
        let sort = match self.sort_by.as_deref() {
            None | Some("" | "created_at") => TeamSort::CreatedAt,
            Some("team_id") => TeamSort::Id,
            Some("team_alias") => TeamSort::Alias,
            Some(other) => {
                return Err(ApiError::bad("sort_by", format!("Teams cannot be sorted by `{other}`.")));
            }
        };
        let deleted = match self.status.as_deref() {
            None | Some("") => false,
            Some("deleted") => true,
            Some(other) => {
                return Err(ApiError::bad("status", format!("Unknown status `{other}`: use deleted.")));
            }
        };
        Ok(TeamQuery {
            user_id: asked(self.user_id),
            organization_id: asked(self.organization_id),
            id: asked(self.team_id),
            alias: asked(self.team_alias),
            search: asked(self.search),
            search_whole_id: self.search_team_id_match.as_deref() == Some("exact"),
            seen_by: None,
            deleted,
            sort,
            ascending: self.sort_order == "asc",
        })
    }
}
