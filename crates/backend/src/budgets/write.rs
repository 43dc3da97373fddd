use axum::Json;
use axum::extract::State as Extract;
use domain::owner::{Budget, Stamps};
use serde::Deserialize;
use store::StoreError;
use utoipa::ToSchema;

use super::fields::BudgetFields;
use super::not_found;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::owner::fields::{Sent, check_id};
use crate::owner::view::BudgetView;
use crate::state::Shared;

/// Make a budget.
#[utoipa::path(
    post, path = "/budget/new", tag = "budgets", operation_id = "createBudget", request_body = BudgetFields,
    responses((status = 200, body = BudgetView), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<BudgetFields>,
) -> Result<(Names, Json<BudgetView>), ApiError> {
    let actor = caller.actor(&state);
    let id = input.value.budget_id.clone().unwrap_or_else(|| state.new_id());
    check_id("budget_id", &id)?;
    let mut budget = Budget { id, stamps: Stamps::new(&actor.id, actor.at), ..Budget::default() };
    input.value.limit(Sent(&input.raw), &mut budget.limits)?;
    state.store.budgets().create(&budget, &actor).await.map_err(|error| match error {
        StoreError::Duplicate(_) => {
            ApiError::plain("budget_id", format!("Budget already exists, passed budget_id={}", budget.id))
        }
        other => other.into(),
    })?;
    Ok((input.ignored, Json(BudgetView::of(budget))))
}

/// Change a budget for all that have it.
#[utoipa::path(
    post, path = "/budget/update", tag = "budgets", operation_id = "updateBudget", request_body = BudgetFields,
    responses((status = 200, body = BudgetView), (status = 404, description = "No such budget", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<BudgetFields>,
) -> Result<(Names, Json<BudgetView>), ApiError> {
    let missing = || ApiError::plain("budget_id", "budget_id is required");
    let id = input.value.budget_id.clone().ok_or_else(missing)?;
    let change = |budget: &mut Budget| input.value.limit(Sent(&input.raw), &mut budget.limits);
    let budget = state.store.budgets().update(&id, &caller.actor(&state), change).await?;
    let budget = budget.ok_or_else(|| not_found(&id))?;
    Ok((input.ignored, Json(BudgetView::of(budget))))
}

#[derive(Deserialize, ToSchema)]
pub struct DeleteBudget {
    id: String,
}

/// Delete a budget that nobody has.
#[utoipa::path(
    post, path = "/budget/delete", tag = "budgets", operation_id = "deleteBudget", request_body = DeleteBudget,
    responses((status = 200, body = BudgetView), (status = 404, description = "No such budget", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteBudget>,
) -> Result<(Names, Json<BudgetView>), ApiError> {
    let id = input.value.id;
    let deleted = state.store.budgets().delete(&id, &caller.actor(&state)).await;
    let deleted = deleted.map_err(|error| match error {
        StoreError::InUse => ApiError::plain(
            "id",
            format!("Budget {id} is in use. Give those that have it another one first: without it they would have no limit."),
        ),
        other => other.into(),
    })?;
    let budget = deleted.ok_or_else(|| not_found(&id))?;
    Ok((input.ignored, Json(BudgetView::of(budget))))
}
