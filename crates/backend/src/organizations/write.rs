use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::owner::{Budget, Limits, Organization, Stamps};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::StoreError;
use utoipa::ToSchema;

use super::fields::{OrganizationFields, unheeded};
use super::view::OrganizationView;
use super::{ORGANIZATIONS_MAX, check_leads, not_found};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::owner::fields::{LIMITS, Sent, check_id};
use crate::state::{Shared, State};

/// Make an organisation.
#[utoipa::path(
    post, path = "/organization/new", tag = "organizations", operation_id = "createOrganization",
    request_body = OrganizationFields,
    responses((status = 200, body = OrganizationView), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<OrganizationFields>,
) -> Result<(Names, Names, Json<OrganizationView>), ApiError> {
    let actor = caller.actor(&state);
    let fields = input.value;
    let id = fields.organization_id.clone().unwrap_or_else(|| state.new_id());
    check_id("organization_id", &id)?;
    let stamps = Stamps::new(&actor.id, actor.at);
    let mut organization =
        Organization { id, budget_id: state.new_id(), stamps: stamps.clone(), ..Organization::default() };
    let mut budget = Budget::own(organization.budget_id.clone(), Limits::default(), stamps);
    fields.apply(&input.raw, &mut organization)?;
    fields.limit(Sent(&input.raw), &mut budget.limits)?;
    let own = (organization.budget_id == budget.id).then_some(&budget);
    let made = state.store.organizations().create_with(&organization, own, &actor).await;
    let made = made.map_err(|error| refusal(error, &organization))?;
    Ok((input.ignored, unheeded(&input.raw), Json(OrganizationView::of(made))))
}

/// Change an organisation. Limits change its own budget; a budget that it shares is left to the others.
#[utoipa::path(
    patch, path = "/organization/update", tag = "organizations", operation_id = "updateOrganization",
    request_body = OrganizationFields,
    responses((status = 200, body = OrganizationView), (status = 404, description = "No such organization", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<OrganizationFields>,
) -> Result<(Names, Names, Json<OrganizationView>), ApiError> {
    let missing = || ApiError::plain("organization_id", "organization_id is required");
    let id = input.value.organization_id.clone().ok_or_else(missing)?;
    let view = change(&state, &caller, &id, &input.value, &input.raw).await?;
    Ok((input.ignored, unheeded(&input.raw), Json(view)))
}

/// The same with the organisation in the path; a field that is unknown is refused.
#[utoipa::path(
    patch, path = "/v2/organization/{organization_id}", tag = "organizations", operation_id = "patchOrganization",
    params(("organization_id" = String, Path)), request_body = OrganizationFields,
    responses((status = 200, body = OrganizationView), (status = 404, description = "No such organization", body = ErrorBody), Refusals),
)]
pub async fn patch(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    input: Input<OrganizationFields>,
) -> Result<(Names, Json<OrganizationView>), ApiError> {
    input.refuse_unknown()?;
    let view = change(&state, &caller, &id, &input.value, &input.raw).await?;
    Ok((unheeded(&input.raw), Json(view)))
}

async fn change(
    state: &State,
    caller: &Caller,
    id: &str,
    fields: &OrganizationFields,
    raw: &Map<String, Value>,
) -> Result<OrganizationView, ApiError> {
    check_leads(state, caller, id).await?;
    let limits = LIMITS.iter().any(|name| raw.contains_key(*name));
    if !caller.sees_all() && (limits || raw.contains_key("budget_id") || raw.contains_key("models")) {
        // Who is held to limits does not set them.
        let message = "Only a proxy admin can change the budget, limits and models of an organization.";
        return Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("max_budget"), message));
    }
    let limit = |budget: &mut Budget| fields.limit(Sent(raw), &mut budget.limits);
    let limit = limits.then_some(limit);
    let change = |organization: &mut Organization| fields.apply(raw, organization);
    let organizations = state.store.organizations();
    let changed = organizations.change(id, state.new_id(), &caller.actor(state), change, limit).await?;
    Ok(OrganizationView::of(changed.ok_or_else(|| not_found(id))?))
}

fn refusal(error: StoreError, organization: &Organization) -> ApiError {
    let Organization { id, budget_id, .. } = organization;
    match error {
        StoreError::Duplicate(_) => ApiError::plain(
            "organization_id",
            format!("Organization already exists, passed organization_id={id}"),
        ),
        StoreError::Missing(_) => {
            ApiError::plain("budget_id", format!("Budget not found, passed budget_id={budget_id}"))
        }
        other => other.into(),
    }
}

#[derive(Deserialize, ToSchema)]
pub struct DeleteOrganizations {
    /// At most 10.
    organization_ids: Vec<String>,
}

/// Delete organisations with their teams, members and keys.
#[utoipa::path(
    delete, path = "/organization/delete", tag = "organizations", operation_id = "deleteOrganizations",
    request_body = DeleteOrganizations,
    responses(
        (status = 200, body = Vec<OrganizationView>),
        (status = 404, description = "One of them does not exist; none was deleted", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteOrganizations>,
) -> Result<(Names, Json<Vec<OrganizationView>>), ApiError> {
    let ids = input.value.organization_ids;
    if ids.is_empty() || ids.len() > ORGANIZATIONS_MAX {
        let message = format!("Name 1 to {ORGANIZATIONS_MAX} organizations to delete.");
        return Err(ApiError::plain("organization_ids", message));
    }
    let deleted = state.store.organizations().delete_all(&ids, &caller.actor(&state)).await;
    let deleted = deleted.map_err(|error| match error {
        StoreError::Missing(_) => not_found(&ids.join(", ")),
        StoreError::InUse => ApiError::plain("organization_ids", "A team has projects: delete those first."),
        StoreError::TooMany(what) => ApiError::plain(
            "organization_ids",
            format!("Too many {what} to delete at once: delete some of them first."),
        ),
        other => other.into(),
    })?;
    Ok((input.ignored, Json(deleted.into_iter().map(OrganizationView::of).collect())))
}
