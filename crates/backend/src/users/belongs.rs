use domain::owner::{Budget, Limits, Stamps};
use domain::{Role, User};
use serde::Deserialize;
use store::users::Places;
use utoipa::ToSchema;

use crate::auth::{Caller, Standing};
use crate::http::error::ApiError;
use crate::http::number::Number;
use crate::organizations::check_leads;
use crate::owner::fields::amount;
use crate::owner::within;
use crate::state::State;
use crate::teams::fields::MemberFields;

/// Teams, or organisations, of one new user.
const PLACES_MAX: usize = 50;

/// A team that a user joins.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TeamOfUser {
    Id(String),
    As {
        team_id: String,
        /// US dollars that the user may spend in the team.
        #[schema(value_type = Option<f64>, minimum = 0)]
        max_budget_in_team: Option<Number>,
        /// `admin` or `user`.
        user_role: Option<String>,
    },
}

/// Where a new user is a member.
#[derive(Default, Deserialize, ToSchema)]
pub struct Belongs {
    /// Ids, or `{"team_id", "max_budget_in_team", "user_role"}`; at most 50.
    teams: Option<Vec<TeamOfUser>>,
    /// Ids; at most 50.
    organizations: Option<Vec<String>>,
    /// Make an invitation. Nobody is written to: the link is in the answer.
    send_invite_email: Option<bool>,
}

impl Belongs {
    pub const NAMES: [&str; 3] = ["teams", "organizations", "send_invite_email"];

    pub fn invites(&self) -> bool {
        self.send_invite_email == Some(true)
    }

    /// The places that the caller may give.
    ///
    /// # Errors
    /// 400 and 404 when one does not exist, 403 when it is not the caller's to give.
    pub async fn resolve(self, state: &State, caller: &Caller, user: &User) -> Result<Places, ApiError> {
        let (teams, organizations) = (self.teams.unwrap_or_default(), self.organizations.unwrap_or_default());
        if teams.len() > PLACES_MAX || organizations.len() > PLACES_MAX {
            return Err(ApiError::bad(
                "teams",
                format!("Name at most {PLACES_MAX} teams and organizations."),
            ));
        }
        if self.send_invite_email == Some(true) && !caller.sees_all() {
            let message = "Only a proxy admin can invite a user: whoever has the link becomes the user.";
            let param = Some("send_invite_email");
            return Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", param, message));
        }
        let mut places = Places::default();
        let member =
            |role: Option<String>| MemberFields { role, user_id: Some(user.id.clone()), user_email: None };
        for team in teams {
            let (id, max_budget, role) = match team {
                TeamOfUser::Id(id) => (id, None, None),
                TeamOfUser::As { team_id, max_budget_in_team, user_role } => {
                    (team_id, amount("max_budget_in_team", max_budget_in_team)?, user_role)
                }
            };
            let team = caller.team(state, &id, Standing::TeamAdmin).await?;
            let budget = max_budget.map(|max_budget| {
                let limits = Limits { max_budget: Some(max_budget), ..Limits::default() };
                let stamps = Stamps::new(caller.user_id().unwrap_or_default(), state.clock.now());
                Budget::own(state.new_id(), limits, stamps)
            });
            let allowed = crate::teams::members::allowed_by_default(&team);
            places.teams.push((id, member(role).resolve(state, &allowed, budget)?));
        }
        let role = if user.role == Role::InternalUserViewer { user.role } else { Role::InternalUser };
        for id in organizations {
            check_leads(state, caller, &id).await?;
            within::organization(state, &id).await?;
            let member = member(None).resolve(state, &[], None)?;
            places.organizations.push((id, (member, role.name().to_owned())));
        }
        Ok(places)
    }
}
