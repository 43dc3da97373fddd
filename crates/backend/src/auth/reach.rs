//! How far "own" reaches: what a caller is in a team.

use domain::owner::{Team, TeamRole};

use super::Caller;
use crate::http::error::ApiError;
use crate::state::State;

/// What a caller is in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Stranger,
    /// Sees it.
    Member,
    /// Manages its members and keys.
    TeamAdmin,
    /// Decides on the team as well: an administrator of its organisation, or of everything.
    Owner,
}

impl Caller {
    /// What the caller is in a team.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(&self, state: &State, team: &Team) -> Result<Standing, ApiError> {
        if self.sees_all() {
            return Ok(Standing::Owner);
        }
        let mut standing = Standing::Stranger;
        if self.key().is_some_and(|key| key.user_id.is_none() && key.team_id.as_ref() == Some(&team.id)) {
            standing = Standing::Member;
        }
        let Some(user) = self.user_id() else { return Ok(standing) };
        if let Some(organization) = &team.organization_id
            && self.leads(state, organization).await?
        {
            return Ok(Standing::Owner);
        }
        Ok(match state.store.members().role(&team.id, user).await? {
            Some(TeamRole::Admin) => Standing::TeamAdmin,
            Some(TeamRole::User) => Standing::Member,
            None => standing,
        })
    }

    /// Whether the caller administers an organisation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leads(&self, state: &State, organization: &str) -> Result<bool, ApiError> {
        let Some(user) = self.user_id() else { return Ok(self.sees_all()) };
        Ok(self.sees_all() || state.store.users().leads(user, organization).await?)
    }

    /// The team of this name, when the caller is at least `standing` in it.
    ///
    /// # Errors
    /// 404 when there is no such team, which only administrators are told; 403 when the caller is less.
    pub async fn team(&self, state: &State, id: &str, standing: Standing) -> Result<Team, ApiError> {
        let team = state.store.teams().get(id).await?;
        let Some(team) = team else {
            return Err(if self.sees_all() { crate::teams::not_found(id) } else { refused(id, standing) });
        };
        if self.standing(state, &team).await? < standing {
            return Err(refused(id, standing));
        }
        Ok(team)
    }
}

fn refused(team: &str, standing: Standing) -> ApiError {
    let needed = match standing {
        Standing::Stranger | Standing::Member => "a member of it",
        Standing::TeamAdmin => "an administrator of it",
        Standing::Owner => "an administrator of its organization",
    };
    let message = format!("You are not allowed to do this with team={team}: you are not {needed}.");
    ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("team_id"), message)
}
