use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::Raise;
use domain::owner::{Budget, Limits, Member, Stamps, Team};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::StoreError;
use store::nouns::{KEYS_MAX, MEMBERS_MAX};
use utoipa::ToSchema;

use super::create::MEMBERS_AT_ONCE_MAX;
use super::fields::{MemberFields, role};
use super::not_found;
use super::view::{MembershipView, TeamView};
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::http::number::{Number, Whole};
use crate::owner::fields::{Sent, amount, check, count, raised_until};
use crate::state::{Shared, State};
use crate::time::iso;

/// One member, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Members {
    Several(Vec<MemberFields>),
    One(MemberFields),
}

impl Members {
    pub fn list(self) -> Vec<MemberFields> {
        match self {
            Self::One(member) => vec![member],
            Self::Several(members) => members,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"team_id": "t1", "member": {"role": "user", "user_id": "ada"}, "max_budget_in_team": 10.0}))]
pub struct AddMembers {
    team_id: String,
    member: Members,
    /// US dollars that each of them may spend in the team.
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget_in_team: Option<Number>,
    budget_duration: Option<String>,
    /// Models of the team that they may use; empty means all of them.
    allowed_models: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct AddedMembers {
    #[serde(flatten)]
    team: TeamView,
    updated_users: Vec<AddedUser>,
    updated_team_memberships: Vec<MembershipView>,
}

#[derive(Serialize, ToSchema)]
pub struct AddedUser {
    user_id: String,
    user_email: Option<String>,
}

/// Add members to a team. Who is no user yet becomes one. All of them are added, or none.
#[utoipa::path(
    post, path = "/team/member_add", tag = "teams", operation_id = "addTeamMembers", request_body = AddMembers,
    responses((status = 200, body = AddedMembers), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn add(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<AddMembers>,
) -> Result<(Names, Json<AddedMembers>), ApiError> {
    let AddMembers { team_id, member, max_budget_in_team, budget_duration, allowed_models } = input.value;
    let members = member.list();
    let limits = Limits {
        max_budget: amount("max_budget_in_team", max_budget_in_team)?,
        budget_duration,
        ..Limits::default()
    };
    let added = admit(&state, &caller, &team_id, members, &limits, allowed_models).await?;
    let team = show_with(&state, &team_id, &added).await?;
    let user =
        |member: &Member| AddedUser { user_id: member.user_id.clone(), user_email: member.email.clone() };
    Ok((
        input.ignored,
        Json(AddedMembers {
            team,
            updated_users: added.iter().map(user).collect(),
            updated_team_memberships: added.into_iter().map(MembershipView::of).collect(),
        }),
    ))
}

/// Adds members with a budget of their own each, when limits are given.
pub async fn admit(
    state: &State,
    caller: &Caller,
    team_id: &str,
    members: Vec<MemberFields>,
    limits: &Limits,
    allowed: Option<Vec<String>>,
) -> Result<Vec<Member>, ApiError> {
    if members.is_empty() || members.len() > MEMBERS_AT_ONCE_MAX {
        return Err(ApiError::bad("member", format!("Name 1 to {MEMBERS_AT_ONCE_MAX} members.")));
    }
    check(limits)?;
    let actor = caller.actor(state);
    let team = caller.team(state, team_id, Standing::TeamAdmin).await?;
    let allowed = allowed.unwrap_or_else(|| allowed_by_default(&team));
    let budget = || {
        let own = limits != &Limits::default();
        own.then(|| Budget::own(state.new_id(), limits.clone(), Stamps::new(&actor.id, actor.at)))
    };
    let new = members.into_iter().map(|member| member.resolve(state, &allowed, budget()));
    let new = new.collect::<Result<Vec<_>, _>>()?;
    state.store.members().add(team_id, &new, &actor).await.map_err(|error| refusal(error, team_id))
}

/// Models that new members may use who are given none.
pub fn allowed_by_default(team: &Team) -> Vec<String> {
    let stored = || serde_json::from_value(team.extra.get("default_team_member_models")?.clone()).ok();
    stored().unwrap_or_default()
}

/// Why members could not be added.
pub fn refusal(error: StoreError, team: &str) -> ApiError {
    match error {
        StoreError::Duplicate("member") => ApiError::new(
            http::StatusCode::BAD_REQUEST,
            "team_member_already_in_team",
            Some("user_id"),
            format!("A user is already in the team, or was named twice. Team={team}"),
        ),
        StoreError::Duplicate(_) => {
            ApiError::bad("user_email", "A user with this id or address already exists.")
        }
        StoreError::Missing("organization") => {
            ApiError::bad("organization_id", "The organization was deleted meanwhile.")
        }
        StoreError::Missing(_) => not_found(team),
        StoreError::TooMany(_) => {
            ApiError::bad("member", format!("A team has at most {MEMBERS_MAX} members. Team={team}"))
        }
        other => other.into(),
    }
}

pub async fn show(state: &State, id: &str) -> Result<TeamView, ApiError> {
    show_with(state, id, &[]).await
}

/// With new members who may not be seen yet: what was added under a name is held back until its answer is known.
async fn show_with(state: &State, id: &str, added: &[Member]) -> Result<TeamView, ApiError> {
    let team = state.store.teams().get(id).await?.ok_or_else(|| not_found(id))?;
    let mut members = state.store.members().of_teams(std::slice::from_ref(&team.id)).await?;
    for member in added {
        if !members.iter().any(|known| known.user_id == member.user_id) {
            members.push(member.clone());
        }
    }
    Ok(TeamView::of(team, &members))
}

#[derive(Deserialize, ToSchema)]
pub struct UpdateMember {
    team_id: String,
    user_id: Option<String>,
    user_email: Option<String>,
    /// `admin` or `user`.
    role: Option<String>,
    /// US dollars; null removes the limit.
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget_in_team: Option<Number>,
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Whole>,
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Whole>,
    budget_duration: Option<String>,
    /// Models of the team that they may use; empty means all of them.
    allowed_models: Option<Vec<String>>,
    /// US dollars that their budget is larger by until `temp_budget_expiry`: both, or null for none.
    #[schema(value_type = Option<f64>, minimum = 0)]
    temp_budget_increase: Option<Number>,
    /// A moment such as `2026-01-31T08:00:00Z`, in UTC where it names no zone.
    temp_budget_expiry: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct UpdatedMember {
    user_id: String,
    user_email: Option<String>,
    team_id: String,
    role: &'static str,
    max_budget_in_team: Option<f64>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    budget_duration: Option<String>,
    allowed_models: Vec<String>,
    temp_budget_increase: Option<f64>,
    temp_budget_expiry: Option<String>,
}

/// Change a member's role or limits in a team.
#[utoipa::path(
    post, path = "/team/member_update", tag = "teams", operation_id = "updateTeamMember", request_body = UpdateMember,
    responses((status = 200, body = UpdatedMember), (status = 404, description = "No such team or member", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<UpdateMember>,
) -> Result<(Names, Json<UpdatedMember>), ApiError> {
    let fields = input.value;
    caller.team(&state, &fields.team_id, Standing::TeamAdmin).await?;
    let user = named(&state, fields.user_id.as_deref(), fields.user_email.as_deref()).await?;
    let sent = Sent(&input.raw);
    let role = fields.role.as_deref().map(|name| role(Some(name))).transpose()?;
    let change = |member: &mut Member| {
        member.role = role.unwrap_or(member.role);
        sent.set(
            "allowed_models",
            &mut member.allowed_models,
            fields.allowed_models.clone().unwrap_or_default(),
        );
        Ok(())
    };
    let limits = |raw: &Map<String, Value>| {
        ["max_budget_in_team", "tpm_limit", "rpm_limit", "budget_duration", "temp_budget_increase"]
            .iter()
            .any(|name| raw.contains_key(*name))
    };
    let raise = fields.raise()?;
    let limit = |budget: &mut Budget| {
        sent.set("temp_budget_increase", &mut budget.raise, raise);
        let limits = &mut budget.limits;
        sent.set(
            "max_budget_in_team",
            &mut limits.max_budget,
            amount("max_budget_in_team", fields.max_budget_in_team)?,
        );
        sent.set("tpm_limit", &mut limits.tpm_limit, count("tpm_limit", fields.tpm_limit)?);
        sent.set("rpm_limit", &mut limits.rpm_limit, count("rpm_limit", fields.rpm_limit)?);
        sent.set("budget_duration", &mut limits.budget_duration, fields.budget_duration.clone());
        check(limits)
    };
    let limit = limits(&input.raw).then_some(limit);
    let name = (fields.team_id.as_str(), user.as_str());
    let actor = caller.actor(&state);
    let member = state.store.members().change(name, state.new_id(), &actor, change, limit).await?;
    let member = member.ok_or_else(|| no_member(&fields.team_id, &user))?;
    let Budget { limits, raise, .. } = member.budget.unwrap_or_default();
    Ok((
        input.ignored,
        Json(UpdatedMember {
            user_id: member.user_id,
            user_email: member.email,
            team_id: member.team_id,
            role: member.role.name(),
            max_budget_in_team: limits.max_budget.map(kit::Money::dollars),
            tpm_limit: limits.tpm_limit,
            rpm_limit: limits.rpm_limit,
            budget_duration: limits.budget_duration,
            allowed_models: member.allowed_models,
            temp_budget_increase: raise.map(|raise| raise.by.dollars()),
            temp_budget_expiry: raise.map(|raise| iso(raise.until)),
        }),
    ))
}

impl UpdateMember {
    fn raise(&self) -> Result<Option<Raise>, ApiError> {
        let by = amount("temp_budget_increase", self.temp_budget_increase)?;
        match (by, raised_until(self.temp_budget_expiry.as_deref())?) {
            (Some(by), Some(until)) => Ok(Some(Raise { by, until })),
            (None, None) => Ok(None),
            _ => Err(ApiError::bad(
                "temp_budget_expiry",
                "`temp_budget_increase` and `temp_budget_expiry` go together.",
            )),
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct DeleteMember {
    team_id: String,
    user_id: Option<String>,
    user_email: Option<String>,
}

/// Take a member out of a team, with the keys that they have in it.
#[utoipa::path(
    post, path = "/team/member_delete", tag = "teams", operation_id = "deleteTeamMember", request_body = DeleteMember,
    responses((status = 200, body = TeamView), (status = 404, description = "No such team or member", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteMember>,
) -> Result<(Names, Json<TeamView>), ApiError> {
    let DeleteMember { team_id, user_id, user_email } = input.value;
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    let user = named(&state, user_id.as_deref(), user_email.as_deref()).await?;
    let removed = state.store.members().remove((&team_id, &user), &caller.actor(&state)).await;
    let removed = removed.map_err(|error| match error {
        StoreError::TooMany(_) => {
            let message = format!("The member has more than {KEYS_MAX} keys in the team: delete keys first.");
            ApiError::bad("user_id", message)
        }
        other => other.into(),
    })?;
    removed.ok_or_else(|| no_member(&team_id, &user))?;
    Ok((input.ignored, Json(show(&state, &team_id).await?)))
}

/// Show the caller's own place in a team: budget, spend, models.
#[utoipa::path(
    get, path = "/team/{team_id}/members/me", tag = "teams", operation_id = "getOwnMembership",
    params(("team_id" = String, Path)),
    responses((status = 200, body = MembershipView), (status = 404, description = "The caller is no member", body = ErrorBody), Refusals),
)]
pub async fn me(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(team_id): Path<String>,
) -> Result<Json<MembershipView>, ApiError> {
    let user = caller.user_id().unwrap_or_default();
    let member = state.store.members().get((team_id.as_str(), user)).await?;
    Ok(Json(MembershipView::of(member.ok_or_else(|| no_member(&team_id, user))?)))
}

/// The id of a user who is named by id or address.
///
/// # Errors
/// 400 when neither is given, 404 when nobody has the address.
pub async fn named(state: &State, id: Option<&str>, email: Option<&str>) -> Result<String, ApiError> {
    match (id, email) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(email)) => {
            let user = state.store.users().by_email(email.trim()).await?;
            let missing = || ApiError::missing("user_email", "No user has this address.");
            Ok(user.ok_or_else(missing)?.id)
        }
        (None, None) => Err(ApiError::bad("user_id", "Name the member: `user_id` or `user_email`.")),
    }
}

pub fn no_member(team: &str, user: &str) -> ApiError {
    ApiError::missing("user_id", format!("User={user} is not a member of team={team}."))
}
