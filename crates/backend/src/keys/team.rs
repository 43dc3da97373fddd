//! Keys of teams: who may do what with them, and what they may have.

use domain::owner::{Limits, Team, access_groups};
use domain::{Role, VirtualKey};
use http::StatusCode;
use serde_json::Value;
use store::keys::KeyPatch;

use crate::access_groups::check_there;
use crate::auth::{Caller, Standing};
use crate::http::error::ApiError;
use crate::owner::within::{Extent, organization};
use crate::projects;
use crate::state::State;
use crate::teams::permissions;

use super::DASHBOARD_TEAM;

/// A new key of a project is of the project's team.
///
/// # Errors
/// 400 when there is no such project, 403 when it is not of a team of the caller's, which others are not told.
pub async fn join_project(state: &State, caller: &Caller, patch: &mut KeyPatch) -> Result<(), ApiError> {
    let Some(id) = patch.extra.get("project_id").and_then(Value::as_str) else { return Ok(()) };
    if patch.team_id.as_ref().is_some_and(Option::is_some) {
        return Ok(());
    }
    patch.team_id = Some(Some(projects::project_of_key(state, caller, id).await?.team_id));
    Ok(())
}

/// Why a caller may do something with a key.
pub enum Over {
    /// Administers everything.
    Everything,
    /// It is theirs.
    Own,
    /// Of a team or an organisation that they administer, or whose members may do this.
    Team,
}

/// What the caller may do with `key` by this route; `None` is nothing.
///
/// # Errors
/// When the database fails.
pub async fn over(
    state: &State,
    caller: &Caller,
    key: &VirtualKey,
    route: &str,
) -> Result<Option<Over>, ApiError> {
    if caller.sees_all() {
        return Ok(Some(Over::Everything));
    }
    // What an administrator blocked, its user does not unblock.
    let decides = matches!(route, "/key/block" | "/key/unblock" | "/key/{key_id}/reset_spend");
    if !decides && caller.may(key) {
        return Ok(Some(Over::Own));
    }
    let may = match (&key.team_id, &key.organization_id) {
        (Some(id), _) => match state.store.teams().get(id).await? {
            Some(team) => may(state, caller, &team, route).await?,
            None => false,
        },
        (None, Some(organization)) => caller.leads(state, organization).await?,
        (None, None) => false,
    };
    Ok(may.then_some(Over::Team))
}

/// Whether the caller may use a key route for keys of a team.
pub async fn may(state: &State, caller: &Caller, team: &Team, route: &str) -> Result<bool, ApiError> {
    let standing = caller.standing(state, team).await?;
    Ok(standing >= Standing::TeamAdmin || (standing == Standing::Member && permissions::allows(team, route)))
}

/// The team of this name.
///
/// # Errors
/// 400 when there is none.
pub async fn team(state: &State, id: &str) -> Result<Team, ApiError> {
    state.store.teams().get(id).await?.ok_or_else(|| {
        let message = format!("Team doesn't exist in db. Team={id}. Create team via `/team/new` call.");
        ApiError::bad("team_id", message)
    })
}

/// The team for which the caller wants to make a key.
///
/// # Errors
/// 403 when they may not, whether there is such a team or not.
pub async fn team_for_key(state: &State, caller: &Caller, id: &str, route: &str) -> Result<Team, ApiError> {
    let user = caller.user_id().unwrap_or_default();
    let found = state.store.teams().get(id).await?;
    let standing = match &found {
        Some(team) => caller.standing(state, team).await?,
        None => Standing::Stranger,
    };
    match found {
        Some(team)
            if standing >= Standing::TeamAdmin
                || (standing == Standing::Member && permissions::allows(&team, route)) =>
        {
            Ok(team)
        }
        Some(_) if standing == Standing::Member => {
            let message = format!("Team member does not have permissions for endpoint: {route}. Team={id}");
            Err(forbidden("team_id", message))
        }
        _ => Err(forbidden("team_id", format!("User={user} not assigned to team={id}"))),
    }
}

/// Whether a caller who is not `user` may hold a key of theirs: whoever holds a key acts as its user.
///
/// # Errors
/// 403 when the user is more than a plain member of the team.
pub async fn check_holder(
    state: &State,
    caller: &Caller,
    team: Option<&str>,
    user: Option<&str>,
) -> Result<(), ApiError> {
    let Some(user) = user.filter(|user| caller.user_id() != Some(user)) else { return Ok(()) };
    let roles = state.store.users().roles(user).await?;
    let plain = matches!(roles[..], [Role::InternalUser | Role::InternalUserViewer]);
    let member = match team {
        Some(team) => state.store.members().role(team, user).await?.is_some(),
        None => false,
    };
    if plain && member {
        return Ok(());
    }
    Err(forbidden("user_id", "You can only hold keys of your own, or of plain members of the team."))
}

/// Whether a key has no more than its team, organisation and project, and access groups that there are.
///
/// # Errors
/// 400 that names the field.
pub async fn check_above(
    state: &State,
    key: &VirtualKey,
    before: Option<&VirtualKey>,
) -> Result<(), ApiError> {
    let groups = access_groups(&key.extra);
    if before.is_none_or(|before| access_groups(&before.extra) != groups) {
        check_there(state, &groups).await?;
    }
    let same = |before: &VirtualKey| {
        before.models == key.models && limits(before) == limits(key) && owners(before) == owners(key)
    };
    if before.is_some_and(same) {
        return Ok(());
    }
    let limits = limits(key);
    let own = Extent { noun: "key", id: &key.name, models: &key.models, limits: Some(&limits) };
    if let Some(id) = key.team_id.as_deref().filter(|id| *id != DASHBOARD_TEAM) {
        let team = team(state, id).await?;
        own.check(&Extent::of_team(&team))?;
        if let Some(id) = &team.organization_id {
            own.check(&Extent::of_organization(&organization(state, id).await?))?;
        }
    }
    if let Some(id) = &key.organization_id {
        own.check(&Extent::of_organization(&organization(state, id).await?))?;
    }
    if let Some(id) = project_id(key) {
        let project = state.store.projects().get(id).await?;
        let of_team = project.filter(|project| Some(&project.team_id) == key.team_id.as_ref());
        let missing = || {
            let team = key.team_id.as_deref().unwrap_or("none");
            let message =
                format!("Project doesn't exist in db, or not in the key's team. Project={id}, team={team}.");
            ApiError::bad("project_id", message)
        };
        own.check(&Extent::of_project(&of_team.ok_or_else(missing)?))?;
    }
    Ok(())
}

fn project_id(key: &VirtualKey) -> Option<&str> {
    key.extra.get("project_id").and_then(Value::as_str)
}

fn owners(key: &VirtualKey) -> [Option<&str>; 3] {
    [key.team_id.as_deref(), key.organization_id.as_deref(), project_id(key)]
}

/// A key's limits, of which most are stored as they were sent.
fn limits(key: &VirtualKey) -> Limits {
    let number = |name: &str| {
        let value = key.extra.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    Limits {
        max_budget: key.max_budget,
        max_parallel_requests: number("max_parallel_requests"),
        tpm_limit: number("tpm_limit"),
        rpm_limit: number("rpm_limit"),
        tpd_limit: number("tpd_limit"),
        ..Limits::default()
    }
}

fn forbidden(param: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some(param), message)
}
