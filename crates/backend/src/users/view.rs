//! A user as they are shown: the row of the compatible surface.

use domain::User;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::PAGE_SIZE_MAX;
use store::nouns::OrganizationMemberQuery;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::organizations::view::OrganizationMemberView;
use crate::owner::used::used;
use crate::state::State;
use crate::time::iso;

/// A user's row. Fields that are kept but not named here follow with their defaults. Passwords are never shown.
#[derive(Serialize, ToSchema)]
pub struct UserView {
    pub user_id: String,
    pub user_email: Option<String>,
    pub user_alias: Option<String>,
    pub user_role: String,
    pub sso_user_id: Option<String>,
    /// US dollars that the user's keys spent since it was last set.
    pub spend: f64,
    /// US dollars.
    pub max_budget: Option<f64>,
    pub models: Vec<String>,
    pub teams: Vec<String>,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    pub created_at: String,
    pub updated_at: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

impl UserView {
    /// Without the user's teams.
    pub fn of(user: User) -> Self {
        let mut rest = defaults();
        rest.insert("budget_reset_at".into(), json!(user.resets_at.map(iso)));
        rest.extend(user.extra);
        Self {
            user_id: user.id,
            user_email: user.email,
            user_alias: user.alias,
            user_role: user.role.name().into(),
            sso_user_id: user.sso_id,
            spend: user.spend.dollars(),
            max_budget: user.max_budget.map(kit::Money::dollars),
            models: user.models,
            teams: Vec::new(),
            metadata: user.metadata,
            created_at: iso(user.created_at),
            updated_at: iso(user.updated_at),
            rest,
        }
    }
}

/// Users with their teams.
///
/// # Errors
/// When the database fails.
pub async fn all_shown(state: &State, users: Vec<User>) -> Result<Vec<UserView>, ApiError> {
    let ids = users.iter().map(|user| user.id.clone()).collect::<Vec<_>>();
    let teams = state.store.members().teams_of(&ids).await?;
    let view = |user: User| {
        let own = teams.iter().filter(|(id, _)| *id == user.id).map(|(_, team)| team.clone()).collect();
        UserView { teams: own, ..UserView::of(user) }
    };
    Ok(users.into_iter().map(view).collect())
}

/// A user with their teams, their places in organisations, a hundred at most, and what is spent of their budgets
/// beside the main one.
///
/// # Errors
/// When the database fails.
pub async fn shown(state: &State, user: User) -> Result<UserView, ApiError> {
    let own = state.store.members().teams_of(std::slice::from_ref(&user.id)).await?;
    let places = OrganizationMemberQuery { organizations: Vec::new(), user_id: Some(user.id.clone()) };
    let places = state.store.organization_members().list(&places, 0, PAGE_SIZE_MAX).await?.rows;
    let places = places.into_iter().map(OrganizationMemberView::of).collect::<Vec<_>>();
    let times = domain::key::durations(&user.extra);
    let used = used(state, "user", &user.id, &times).await?;
    let mut view = UserView::of(user);
    view.teams = own.into_iter().map(|(_, team)| team).collect();
    view.rest.insert("organization_memberships".into(), json!(places));
    view.rest.extend(used);
    Ok(view)
}

/// The columns that a user has on the compatible surface besides those that act here.
fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "organization_id": null, "object_permission_id": null, "object_permission": null,
        "max_parallel_requests": null, "tpm_limit": null, "rpm_limit": null, "tpd_limit": null,
        "budget_duration": null, "budget_reset_at": null, "allowed_cache_controls": [], "policies": [],
        "model_spend": {}, "model_max_budget": {}, "organization_memberships": [],
    });
    match defaults {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
