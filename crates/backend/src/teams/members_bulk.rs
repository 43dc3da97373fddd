use axum::Json;
use axum::extract::State as Extract;
use domain::owner::Limits;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::create::MEMBERS_AT_ONCE_MAX;
use super::fields::MemberFields;
use super::members::{admit, show};
use super::view::TeamView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::http::number::Number;
use crate::owner::fields::amount;
use crate::state::Shared;
use crate::users::all_ids;

#[derive(Deserialize, ToSchema)]
pub struct BulkAddMembers {
    team_id: String,
    /// At most 500.
    members: Option<Vec<MemberFields>>,
    /// In place of `members`: every user, when they are at most 500.
    all_users: Option<bool>,
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget_in_team: Option<Number>,
}

#[derive(Serialize, ToSchema)]
pub struct BulkAdded {
    team_id: String,
    results: Vec<MemberResult>,
    total_requested: usize,
    successful_additions: usize,
    failed_additions: usize,
    updated_team: TeamView,
}

#[derive(Serialize, ToSchema)]
pub struct MemberResult {
    user_id: Option<String>,
    user_email: Option<String>,
    success: bool,
    /// Why not.
    error: Option<String>,
}

/// Add many members to a team, each by themselves: one who fails leaves the others in.
#[utoipa::path(
    post, path = "/team/bulk_member_add", tag = "teams", operation_id = "bulkAddTeamMembers", request_body = BulkAddMembers,
    responses((status = 200, body = BulkAdded), (status = 404, description = "No such team", body = ErrorBody), Refusals),
)]
pub async fn bulk_add(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<BulkAddMembers>,
) -> Result<(Names, Json<BulkAdded>), ApiError> {
    let BulkAddMembers { team_id, members, all_users, max_budget_in_team } = input.value;
    let members = match (members, all_users) {
        (Some(members), None | Some(false)) => members,
        (None, Some(true)) if caller.sees_all() => {
            let user = |id| MemberFields { role: None, user_id: Some(id), user_email: None };
            all_ids(&state, MEMBERS_AT_ONCE_MAX).await?.into_iter().map(user).collect()
        }
        (None, Some(true)) => {
            let message = "Only a proxy admin can add all users to a team.";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("all_users"), message));
        }
        _ => return Err(ApiError::bad("members", "Name either `members` or `all_users`.")),
    };
    if members.is_empty() || members.len() > MEMBERS_AT_ONCE_MAX {
        return Err(ApiError::bad("members", format!("Name 1 to {MEMBERS_AT_ONCE_MAX} members.")));
    }
    let limits =
        Limits { max_budget: amount("max_budget_in_team", max_budget_in_team)?, ..Limits::default() };
    caller.team(&state, &team_id, Standing::TeamAdmin).await?;
    let mut results = Vec::with_capacity(members.len());
    for member in members {
        let (user_id, user_email) = (member.user_id.clone(), member.user_email.clone());
        let added = admit(&state, &caller, &team_id, vec![member], &limits, None).await;
        let error = added.err().map(|error| error.text());
        results.push(MemberResult { user_id, user_email, success: error.is_none(), error });
    }
    let successful_additions = results.iter().filter(|result| result.success).count();
    Ok((
        input.ignored,
        Json(BulkAdded {
            updated_team: show(&state, &team_id).await?,
            team_id,
            total_requested: results.len(),
            successful_additions,
            failed_additions: results.len() - successful_additions,
            results,
        }),
    ))
}
