use axum::Json;
use axum::extract::State as Extract;
use domain::owner::{TeamRole, access_groups};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::StoreError;
use store::nouns::NewMember;
use utoipa::ToSchema;

use super::fields::{MemberFields, TeamFields, fresh, fresh_budget, unheeded};
use super::view::TeamView;
use crate::access_groups::check_there;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::keys::DASHBOARD_TEAM;
use crate::owner::fields::check_id;
use crate::owner::within;
use crate::settings::defaults as settings;
use crate::state::{Shared, State};

/// Members of one request.
pub const MEMBERS_AT_ONCE_MAX: usize = 500;

/// Who is a member from the beginning.
#[derive(Default, Deserialize, ToSchema)]
pub struct FirstMembers {
    /// With a role each.
    members_with_roles: Option<Vec<MemberFields>>,
    /// Ids of administrators.
    admins: Option<Vec<String>>,
    /// Ids of others.
    members: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct NewTeam {
    #[serde(flatten)]
    fields: TeamFields,
    #[serde(flatten)]
    members: FirstMembers,
}

/// Make a team. Members who are no users yet become users; a maker who is no administrator of everything becomes an
/// administrator of the team. What is not said is as `/update/default_team_settings` has it.
#[utoipa::path(
    post, path = "/team/new", tag = "teams", operation_id = "createTeam", request_body = NewTeam,
    responses((status = 200, body = TeamView), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    mut input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<TeamView>), ApiError> {
    let actor = caller.actor(&state);
    let names = ["members_with_roles", "admins", "members"];
    let of_members = names.iter().filter_map(|name| input.raw.remove_entry(*name)).collect();
    let members = Input::<FirstMembers>::from_object(of_members)?.value;
    settings::fill(&state, &settings::OF_TEAMS, &mut input.raw).await?;
    let input = Input::<TeamFields>::from_object(input.raw)?;
    let fields = input.value;
    let id = fields.team_id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| state.new_id());
    check_id("team_id", &id)?;
    if id == DASHBOARD_TEAM {
        return Err(ApiError::bad(
            "team_id",
            format!("team_id `{DASHBOARD_TEAM}` is reserved for the dashboard."),
        ));
    }
    let mut team = fresh(id, &actor.id, actor.at);
    fields.apply(&input.raw, &mut team)?;
    check_there(&state, &access_groups(&team.extra)).await?;
    within::check_organization(&state, &caller, &team, None).await?;
    let mut budget = None;
    if TeamFields::limits_members(&input.raw) {
        let mut new = fresh_budget(state.new_id(), &actor.id, actor.at);
        fields.limit_members(&input.raw, &mut new.limits)?;
        team.member_budget_id = Some(new.id.clone());
        budget = Some(new);
    }
    let allowed = fields.default_team_member_models.clone().unwrap_or_default();
    let members = members.resolve(&state, &caller, &allowed)?;
    let made = state.store.teams().create_with(&team, budget.as_ref(), &members, &actor).await;
    let (made, members) = made.map_err(|error| match error {
        StoreError::Duplicate("team") => {
            let message = format!("Team id = {} already exists. Please use a different team id.", team.id);
            ApiError::bad("team_id", message)
        }
        other => super::members::refusal(other, &team.id),
    })?;
    Ok((input.ignored, unheeded(&input.raw), Json(TeamView::of(made, &members))))
}

impl FirstMembers {
    fn resolve(self, state: &State, caller: &Caller, allowed: &[String]) -> Result<Vec<NewMember>, ApiError> {
        let plain = |role: TeamRole| {
            move |id: String| MemberFields {
                role: Some(role.name().into()),
                user_id: Some(id),
                user_email: None,
            }
        };
        let mut all = self.members_with_roles.unwrap_or_default();
        all.extend(self.admins.unwrap_or_default().into_iter().map(plain(TeamRole::Admin)));
        all.extend(self.members.unwrap_or_default().into_iter().map(plain(TeamRole::User)));
        let is_new = |id: &str| !all.iter().any(|member| member.user_id.as_deref() == Some(id));
        if let Some(id) = caller.user_id().filter(|id| !caller.sees_all() && is_new(id)) {
            all.push(plain(TeamRole::Admin)(id.to_owned()));
        }
        if all.len() > MEMBERS_AT_ONCE_MAX {
            let message = format!("Name at most {MEMBERS_AT_ONCE_MAX} members at once.");
            return Err(ApiError::bad("members_with_roles", message));
        }
        all.into_iter().map(|member| member.resolve(state, allowed, None)).collect()
    }
}

impl MemberFields {
    /// The member that these fields describe.
    ///
    /// # Errors
    /// 400 when they make no sense.
    pub fn resolve(
        self,
        state: &State,
        allowed: &[String],
        budget: Option<domain::owner::Budget>,
    ) -> Result<NewMember, ApiError> {
        let role = self.checked()?;
        Ok(NewMember {
            role,
            user_id: self.user_id,
            email: self.user_email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty()),
            fresh_id: state.new_id(),
            allowed_models: allowed.to_vec(),
            budget,
        })
    }
}
