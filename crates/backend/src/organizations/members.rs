use axum::Json;
use axum::extract::State as Extract;
use domain::Role;
use domain::owner::{Budget, Limits, OrganizationMember, Stamps};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::nouns::{MEMBERS_MAX, NewMember};
use utoipa::ToSchema;

use super::view::OrganizationMemberView;
use super::{check_leads, not_found};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::http::number::Number;
use crate::owner::fields::amount;
use crate::state::Shared;
use crate::teams::MEMBERS_AT_ONCE_MAX;
use crate::teams::fields::MemberFields;
use crate::teams::members::{Members, named};

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"organization_id": "acme", "member": {"role": "org_admin", "user_id": "ada"}}))]
pub struct AddOrganizationMembers {
    organization_id: String,
    /// With the role `org_admin`, `internal_user` or `internal_user_viewer`.
    member: Members,
    /// US dollars that each of them may spend in the organisation.
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget_in_organization: Option<Number>,
}

#[derive(Serialize, ToSchema)]
pub struct AddedOrganizationMembers {
    organization_id: String,
    updated_users: Vec<AddedOrganizationUser>,
    updated_organization_memberships: Vec<OrganizationMemberView>,
}

#[derive(Serialize, ToSchema)]
pub struct AddedOrganizationUser {
    user_id: String,
    user_email: Option<String>,
}

/// Add members to an organisation. Who is no user yet becomes one. All of them are added, or none.
#[utoipa::path(
    post, path = "/organization/member_add", tag = "organizations", operation_id = "addOrganizationMembers",
    request_body = AddOrganizationMembers,
    responses((status = 200, body = AddedOrganizationMembers), (status = 404, description = "No such organization", body = ErrorBody), Refusals),
)]
pub async fn add(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<AddOrganizationMembers>,
) -> Result<(Names, Json<AddedOrganizationMembers>), ApiError> {
    let AddOrganizationMembers { organization_id: id, member, max_budget_in_organization } = input.value;
    check_leads(&state, &caller, &id).await?;
    let members = member.list();
    if members.is_empty() || members.len() > MEMBERS_AT_ONCE_MAX {
        return Err(ApiError::plain("member", format!("Name 1 to {MEMBERS_AT_ONCE_MAX} members.")));
    }
    let actor = caller.actor(&state);
    let max_budget = amount("max_budget_in_organization", max_budget_in_organization)?;
    let budget = || {
        let limits = Limits { max_budget, ..Limits::default() };
        max_budget.map(|_| Budget::own(state.new_id(), limits, Stamps::new(&actor.id, actor.at)))
    };
    let new = members.into_iter().map(|member| {
        let role = role(member.role.as_deref())?;
        let member = MemberFields { role: None, ..member }.resolve(&state, &[], budget())?;
        Ok((member, role.to_owned()))
    });
    let new = new.collect::<Result<Vec<(NewMember, String)>, ApiError>>()?;
    let added = state.store.organization_members().add(&id, &new, &actor).await;
    let added = added.map_err(|error| match error {
        StoreError::Duplicate("organization_member") => ApiError::plain(
            "user_id",
            format!("A user is already in the organization, or was named twice. Organization={id}"),
        ),
        StoreError::Duplicate(_) => {
            ApiError::plain("user_email", "A user with this id or address already exists.")
        }
        StoreError::Missing(_) => not_found(&id),
        StoreError::TooMany(_) => {
            ApiError::plain("member", format!("An organization has at most {MEMBERS_MAX} members."))
        }
        other => other.into(),
    })?;
    let user = |member: &OrganizationMember| AddedOrganizationUser {
        user_id: member.user_id.clone(),
        user_email: member.email.clone(),
    };
    Ok((
        input.ignored,
        Json(AddedOrganizationMembers {
            organization_id: id,
            updated_users: added.iter().map(user).collect(),
            updated_organization_memberships: added.into_iter().map(OrganizationMemberView::of).collect(),
        }),
    ))
}

fn role(name: Option<&str>) -> Result<&'static str, ApiError> {
    let known = [Role::OrgAdmin, Role::InternalUser, Role::InternalUserViewer].map(Role::name);
    let asked = name.unwrap_or(Role::InternalUser.name());
    known.into_iter().find(|name| *name == asked).ok_or_else(|| {
        ApiError::plain("role", format!("The role of a member is one of {}.", known.join(", ")))
    })
}

#[derive(Deserialize, ToSchema)]
pub struct UpdateOrganizationMember {
    organization_id: String,
    user_id: Option<String>,
    user_email: Option<String>,
    role: Option<String>,
    /// US dollars; null removes the limit.
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget_in_organization: Option<Number>,
}

/// Change a member's role or budget in an organisation.
#[utoipa::path(
    patch, path = "/organization/member_update", tag = "organizations", operation_id = "updateOrganizationMember",
    request_body = UpdateOrganizationMember,
    responses((status = 200, body = OrganizationMemberView), (status = 404, description = "No such member", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<UpdateOrganizationMember>,
) -> Result<(Names, Json<OrganizationMemberView>), ApiError> {
    let fields = input.value;
    check_leads(&state, &caller, &fields.organization_id).await?;
    let user = named(&state, fields.user_id.as_deref(), fields.user_email.as_deref()).await?;
    let role = fields.role.as_deref().map(|name| role(Some(name))).transpose()?;
    let max_budget = amount("max_budget_in_organization", fields.max_budget_in_organization)?;
    let change = |member: &mut OrganizationMember| {
        member.role = role.map_or_else(|| member.role.clone(), str::to_owned);
        Ok::<_, ApiError>(())
    };
    let limit = |budget: &mut Budget| {
        budget.limits.max_budget = max_budget;
        Ok(())
    };
    let limit = input.raw.contains_key("max_budget_in_organization").then_some(limit);
    let name = (fields.organization_id.as_str(), user.as_str());
    let members = state.store.organization_members();
    let member = members.change(name, state.new_id(), &caller.actor(&state), change, limit).await?;
    let member = member.ok_or_else(|| no_member(&fields.organization_id, &user))?;
    Ok((input.ignored, Json(OrganizationMemberView::of(member))))
}

#[derive(Deserialize, ToSchema)]
pub struct DeleteOrganizationMember {
    organization_id: String,
    user_id: Option<String>,
    user_email: Option<String>,
}

/// Take a member out of an organisation.
#[utoipa::path(
    delete, path = "/organization/member_delete", tag = "organizations", operation_id = "deleteOrganizationMember",
    request_body = DeleteOrganizationMember,
    responses((status = 200, body = OrganizationMemberView), (status = 404, description = "No such member", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteOrganizationMember>,
) -> Result<(Names, Json<OrganizationMemberView>), ApiError> {
    let DeleteOrganizationMember { organization_id: id, user_id, user_email } = input.value;
    check_leads(&state, &caller, &id).await?;
    let user = named(&state, user_id.as_deref(), user_email.as_deref()).await?;
    let members = state.store.organization_members();
    let member = members.delete((id.as_str(), user.as_str()), &caller.actor(&state)).await?;
    let member = member.ok_or_else(|| no_member(&id, &user))?;
    Ok((input.ignored, Json(OrganizationMemberView::of(member))))
}

fn no_member(organization: &str, user: &str) -> ApiError {
    ApiError::missing("user_id", format!("User={user} is not a member of organization={organization}."))
}
