use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::owner::{Budget, Member};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::members::no_member;
use super::view::MembershipView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::http::number::{Number, dollars};
use crate::state::Shared;

#[derive(Deserialize, ToSchema)]
pub struct ResetMemberSpend {
    /// US dollars: 0 or more, and no more than what was spent.
    #[schema(value_type = f64, minimum = 0)]
    pub reset_to: Number,
}

#[derive(Serialize, ToSchema)]
pub struct MemberSpend {
    team_id: String,
    user_id: String,
    spend: f64,
    previous_spend: f64,
    max_budget: Option<f64>,
}

/// Set what a member has come to in a team since their budget began.
#[utoipa::path(
    post, path = "/team/{team_id}/member/{user_id}/reset_spend", tag = "teams", operation_id = "resetMemberSpend",
    params(("team_id" = String, Path), ("user_id" = String, Path)), request_body = ResetMemberSpend,
    responses((status = 200, body = MemberSpend), (status = 404, description = "No such team or member", body = ErrorBody), Refusals),
)]
pub async fn reset_spend(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path((team_id, user_id)): Path<(String, String)>,
    input: Input<ResetMemberSpend>,
) -> Result<(Names, Json<MemberSpend>), ApiError> {
    let reset_to = dollars("reset_to", input.value.reset_to)?;
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    let name = (team_id.as_str(), user_id.as_str());
    let members = state.store.members();
    let member = members.get(name).await?.ok_or_else(|| no_member(&team_id, &user_id))?;
    if reset_to > member.spent.now {
        let message =
            format!("reset_to ({reset_to}) must not be more than the current spend ({}).", member.spent.now);
        return Err(ApiError::bad("reset_to", message));
    }
    let before = members.set_spend(name, reset_to, &caller.actor(&state)).await?;
    let before = before.ok_or_else(|| no_member(&team_id, &user_id))?;
    let max_budget = before.budget.and_then(|budget| budget.limits.max_budget);
    Ok((
        input.ignored,
        Json(MemberSpend {
            team_id,
            user_id,
            spend: reset_to.dollars(),
            previous_spend: before.spent.now.dollars(),
            max_budget: max_budget.map(kit::Money::dollars),
        }),
    ))
}

/// Take a member's own budget away: what holds is the budget of all members of the team, if it has one.
#[utoipa::path(
    post, path = "/team/{team_id}/member/{user_id}/reset_budget", tag = "teams", operation_id = "resetMemberBudget",
    params(("team_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = MembershipView), (status = 404, description = "No such team or member", body = ErrorBody), Refusals),
)]
pub async fn reset_budget(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path((team_id, user_id)): Path<(String, String)>,
) -> Result<Json<MembershipView>, ApiError> {
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    let change = |member: &mut Member| {
        member.budget_id = None;
        Ok::<_, ApiError>(())
    };
    let (members, name) = (state.store.members(), (team_id.as_str(), user_id.as_str()));
    let no_limit = None::<fn(&mut Budget) -> Result<(), ApiError>>;
    let changed = members.change(name, state.new_id(), &caller.actor(&state), change, no_limit).await?;
    Ok(Json(MembershipView::of(changed.ok_or_else(|| no_member(&team_id, &user_id))?)))
}
