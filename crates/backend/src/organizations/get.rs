use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use store::PAGE_SIZE_MAX;
use store::nouns::{OrganizationMemberQuery, OrganizationQuery, TeamQuery};
use utoipa::{IntoParams, ToSchema};

use super::view::{OrganizationMemberView, OrganizationView};
use super::{ORGANIZATIONS_MAX, not_found};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::http::page::{PageOf, Total, asked};
use crate::state::{Shared, State};
use crate::teams::view::TeamView;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrganizationInfoQuery {
    organization_id: String,
}

/// Show an organisation with its members and teams, to those who are in it. Plain members see themselves and no teams.
#[utoipa::path(
    get, path = "/organization/info", tag = "organizations", operation_id = "getOrganization",
    params(OrganizationInfoQuery),
    responses((status = 200, body = OrganizationView), (status = 404, description = "No such organization", body = ErrorBody), Refusals),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<OrganizationInfoQuery>,
) -> Result<Json<OrganizationView>, ApiError> {
    Ok(Json(show(&state, &caller, query.organization_id).await?))
}

async fn show(state: &State, caller: &Caller, id: String) -> Result<OrganizationView, ApiError> {
    let leads = caller.leads(state, &id).await?;
    let own = caller.user_id().unwrap_or_default();
    if !leads && state.store.organization_members().get((id.as_str(), own)).await?.is_none() {
        let message = format!("You are not a member of organization={id}.");
        return Err(ApiError::new(
            http::StatusCode::FORBIDDEN,
            "auth_error",
            Some("organization_id"),
            message,
        ));
    }
    let organization = state.store.organizations().get(&id).await?;
    let mut view = OrganizationView::of(organization.ok_or_else(|| not_found(&id))?);
    let user_id = (!leads).then(|| own.to_owned());
    let members = OrganizationMemberQuery { organizations: vec![id.clone()], user_id };
    let members = state.store.organization_members().list(&members, 0, PAGE_SIZE_MAX).await?;
    view.members = members.rows.into_iter().map(OrganizationMemberView::of).collect();
    if leads {
        let teams = TeamQuery { organization_id: Some(id), ..TeamQuery::default() };
        let teams = state.store.teams().list(&teams, 0, PAGE_SIZE_MAX).await?;
        view.teams = teams.rows.into_iter().map(|team| TeamView::of(team, &[])).collect();
    }
    Ok(view)
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"organizations": ["org-1"]}))]
pub struct Organizations {
    /// Ids; 1 to 10.
    organizations: Vec<String>,
}

/// Show organisations. What `GET` says of one, for several.
#[utoipa::path(
    post, path = "/organization/info", tag = "organizations", operation_id = "getOrganizations",
    request_body = Organizations,
    responses(
        (status = 200, body = Vec<OrganizationView>),
        (status = 404, description = "One of them does not exist", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn several(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Organizations>,
) -> Result<(Names, Json<Vec<OrganizationView>>), ApiError> {
    let ids = input.value.organizations;
    if ids.is_empty() || ids.len() > ORGANIZATIONS_MAX {
        let message = format!("Name 1 to {ORGANIZATIONS_MAX} organizations.");
        return Err(ApiError::plain("organizations", message));
    }
    let mut views = Vec::new();
    for id in ids {
        views.push(show(&state, &caller, id).await?);
    }
    Ok((input.ignored, Json(views)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct OrganizationFilter {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    org_id: Option<String>,
    /// Part of the alias.
    org_alias: Option<String>,
}

impl Default for OrganizationFilter {
    fn default() -> Self {
        Self { page: 1, page_size: PAGE_SIZE_MAX, org_id: None, org_alias: None }
    }
}

/// Organisations, the newest first, for others than administrators those that they are in: one page of them, and how many
/// there are in `x-total-count`.
#[utoipa::path(
    get, path = "/organization/list", tag = "organizations", operation_id = "listOrganizations",
    params(OrganizationFilter),
    responses((status = 200, body = Vec<OrganizationView>), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<OrganizationFilter>,
) -> Result<(Total, Json<Vec<OrganizationView>>), ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let filter = OrganizationQuery {
        id: asked(query.org_id),
        alias: asked(query.org_alias),
        user_id: (!caller.sees_all()).then(|| caller.user_id().unwrap_or_default().to_owned()),
    };
    let found = state.store.organizations().list(&filter, page.index(), page.size).await?;
    Ok((Total(found.total), Json(found.rows.into_iter().map(OrganizationView::of).collect())))
}
