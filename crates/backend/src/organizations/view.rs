use domain::owner::{Organization, OrganizationMember};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::owner::view::{BudgetView, StampsView};
use crate::teams::view::TeamView;
use crate::time::iso;

/// An organisation's row.
#[derive(Serialize, ToSchema)]
pub struct OrganizationView {
    pub organization_id: String,
    pub organization_alias: String,
    pub budget_id: String,
    /// US dollars since the budget's window began.
    pub spend: f64,
    pub models: Vec<String>,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    pub blocked: bool,
    pub litellm_budget_table: Option<BudgetView>,
    /// The first hundred; in a list none.
    pub members: Vec<OrganizationMemberView>,
    /// The newest hundred; in a list none. `/v2/team/list?organization_id=…` has all.
    pub teams: Vec<TeamView>,
    #[serde(flatten)]
    pub stamps: StampsView,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

impl OrganizationView {
    pub fn of(organization: Organization) -> Self {
        let defaults = json!({"model_spend": {}, "users": null, "object_permission": null, "object_permission_id": null});
        let mut rest = match defaults {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        rest.extend(organization.extra);
        Self {
            organization_id: organization.id,
            organization_alias: organization.alias,
            budget_id: organization.budget_id,
            spend: organization.spent.now.dollars(),
            models: organization.models,
            metadata: organization.metadata,
            blocked: organization.blocked,
            litellm_budget_table: BudgetView::held(organization.budget, &organization.spent),
            members: Vec::new(),
            teams: Vec::new(),
            stamps: organization.stamps.into(),
            rest,
        }
    }
}

/// What a user is in an organisation, and may spend there.
#[derive(Serialize, ToSchema)]
pub struct OrganizationMemberView {
    pub organization_id: String,
    pub user_id: String,
    pub user_email: Option<String>,
    /// `org_admin`, `internal_user` or `internal_user_viewer`.
    pub user_role: String,
    pub budget_id: Option<String>,
    /// US dollars since the budget's window began.
    pub spend: f64,
    pub litellm_budget_table: Option<BudgetView>,
    pub created_at: String,
    pub updated_at: String,
}

impl OrganizationMemberView {
    pub fn of(member: OrganizationMember) -> Self {
        Self {
            organization_id: member.organization_id,
            user_id: member.user_id,
            user_email: member.email,
            user_role: member.role,
            budget_id: member.budget_id,
            spend: member.spent.now.dollars(),
            litellm_budget_table: BudgetView::held(member.budget, &member.spent),
            created_at: iso(member.stamps.created_at),
            updated_at: iso(member.stamps.updated_at),
        }
    }
}
