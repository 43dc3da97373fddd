//! Teams and members as they are shown.

use std::collections::BTreeMap;

use domain::owner::{Member, Team};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::owner::view::{BudgetView, LimitsView, StampsView};
use crate::time::iso;

/// A member as a team's row names them.
#[derive(Serialize, ToSchema)]
pub struct MemberEntry {
    pub user_id: String,
    pub user_email: Option<String>,
    /// `admin` or `user`.
    pub role: &'static str,
}

/// A team's row. Fields that are kept but not named here follow with their defaults.
#[derive(Serialize, ToSchema)]
pub struct TeamView {
    pub team_id: String,
    pub team_alias: Option<String>,
    pub organization_id: Option<String>,
    pub models: Vec<String>,
    /// Name that a request uses → model.
    pub model_aliases: BTreeMap<String, String>,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    #[serde(flatten)]
    pub limits: LimitsView,
    #[schema(value_type = Vec<Object>)]
    pub budget_limits: Vec<Value>,
    /// When spend counts anew.
    pub budget_reset_at: Option<String>,
    /// US dollars since the budget's window began.
    pub spend: f64,
    pub blocked: bool,
    /// A list of teams shows the first thousand members of all of them together.
    pub members_with_roles: Vec<MemberEntry>,
    pub members_count: u64,
    pub keys_count: u64,
    #[serde(flatten)]
    pub stamps: StampsView,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

impl TeamView {
    pub fn of(team: Team, members: &[Member]) -> Self {
        let mut rest = defaults();
        rest.insert("litellm_model_table".into(), json!({ "model_aliases": team.model_aliases }));
        rest.insert("team_member_budget_id".into(), json!(team.member_budget_id));
        rest.extend(team.extra);
        let mut metadata = team.metadata;
        if let Some(id) = team.member_budget_id {
            metadata.insert("team_member_budget_id".into(), id.into());
        }
        let entry = |member: &Member| MemberEntry {
            user_id: member.user_id.clone(),
            user_email: member.email.clone(),
            role: member.role.name(),
        };
        let of_team = members.iter().filter(|member| member.team_id == team.id);
        Self {
            members_with_roles: of_team.map(entry).collect(),
            team_id: team.id,
            team_alias: team.alias,
            organization_id: team.organization_id,
            models: team.models,
            model_aliases: team.model_aliases,
            metadata,
            limits: team.limits.into(),
            budget_limits: team.budget_limits,
            budget_reset_at: team.spent.resets_at.map(iso),
            spend: team.spent.now.dollars(),
            blocked: team.blocked,
            members_count: team.members,
            keys_count: team.keys,
            stamps: team.stamps.into(),
            rest,
        }
    }
}

/// The columns that a team has on the compatible surface besides those that act here.
fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "admins": [], "members": [], "team_member_permissions": null, "router_settings": null,
        "access_group_ids": null, "default_team_member_models": null, "model_id": null, "model_spend": {},
        "policies": null, "allow_team_guardrail_config": false, "object_permission": null,
        "object_permission_id": null,
    });
    match defaults {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What a member may spend in a team and has come to there.
#[derive(Serialize, ToSchema)]
pub struct MembershipView {
    pub user_id: String,
    pub team_id: String,
    /// `admin` or `user`.
    pub role: &'static str,
    pub budget_id: Option<String>,
    /// Empty means every model of the team.
    pub allowed_models: Vec<String>,
    /// US dollars since the budget's window began.
    pub spend: f64,
    /// US dollars, ever.
    pub total_spend: f64,
    pub litellm_budget_table: Option<BudgetView>,
    /// Whose the budget is: `member`, or `team` when it is the one of all members.
    pub budget_source: Option<&'static str>,
}

impl MembershipView {
    pub fn of(member: Member) -> Self {
        let own = member.budget_id.is_some();
        Self {
            user_id: member.user_id,
            team_id: member.team_id,
            role: member.role.name(),
            budget_source: member.budget.is_some().then_some(if own { "member" } else { "team" }),
            budget_id: member.budget.as_ref().map(|budget| budget.id.clone()),
            allowed_models: member.allowed_models,
            spend: member.spent.now.dollars(),
            total_spend: member.spent.total.dollars(),
            litellm_budget_table: BudgetView::held(member.budget, &member.spent),
        }
    }
}
