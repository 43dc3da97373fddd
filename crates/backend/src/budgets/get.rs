use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::PAGE_SIZE_MAX;
use store::nouns::BudgetQuery;
use utoipa::{IntoParams, ToSchema};

use super::not_found;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::http::page::{Slice, Total};
use crate::owner::view::BudgetView;
use crate::state::Shared;

#[derive(Deserialize, ToSchema)]
pub struct NamedBudgets {
    /// Ids; at most 100.
    budgets: Vec<String>,
}

/// Show some budgets; those that are not there are left out.
#[utoipa::path(
    post, path = "/budget/info", tag = "budgets", operation_id = "getBudgets", request_body = NamedBudgets,
    responses((status = 200, body = Vec<BudgetView>), Refusals),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    input: Input<NamedBudgets>,
) -> Result<(Names, Json<Vec<BudgetView>>), ApiError> {
    let ids = input.value.budgets;
    if ids.is_empty() || ids.len() > PAGE_SIZE_MAX as usize {
        return Err(ApiError::plain("budgets", format!("Name 1 to {PAGE_SIZE_MAX} budgets.")));
    }
    let found = state.store.budgets().list(&BudgetQuery { ids }, 0, PAGE_SIZE_MAX).await?;
    Ok((input.ignored, Json(found.rows.into_iter().map(BudgetView::of).collect())))
}

/// Budgets, the newest first: one page of them, and how many there are in `x-total-count`.
#[utoipa::path(
    get, path = "/budget/list", tag = "budgets", operation_id = "listBudgets", params(Slice),
    responses((status = 200, body = Vec<BudgetView>), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    Params(slice): Params<Slice>,
) -> Result<(Total, Json<Vec<BudgetView>>), ApiError> {
    let page = slice.page()?;
    let found = state.store.budgets().list(&BudgetQuery::default(), page.index(), page.size).await?;
    Ok((Total(found.total), Json(found.rows.into_iter().map(BudgetView::of).collect())))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BudgetSettingsQuery {
    budget_id: String,
}

/// A field of a budget, for a form.
#[derive(Serialize, ToSchema)]
pub struct BudgetSetting {
    field_name: &'static str,
    field_type: &'static str,
    field_description: &'static str,
    field_value: Value,
    stored_in_db: bool,
    field_default_value: Value,
}

/// The fields that a budget has, with their values.
#[utoipa::path(
    get, path = "/budget/settings", tag = "budgets", operation_id = "getBudgetSettings", params(BudgetSettingsQuery),
    responses((status = 200, body = Vec<BudgetSetting>), (status = 404, description = "No such budget", body = ErrorBody), Refusals),
)]
pub async fn settings(
    Extract(state): Extract<Shared>,
    Params(query): Params<BudgetSettingsQuery>,
) -> Result<Json<Vec<BudgetSetting>>, ApiError> {
    let budget = state.store.budgets().get(&query.budget_id).await?;
    let row = json!(BudgetView::of(budget.ok_or_else(|| not_found(&query.budget_id))?));
    let setting = |(field_name, field_type, field_description)| BudgetSetting {
        field_name,
        field_type,
        field_description,
        field_value: row[field_name].clone(),
        stored_in_db: has_value(&row[field_name]),
        field_default_value: Value::Null,
    };
    Ok(Json(FORM.into_iter().map(setting).collect()))
}

fn has_value(value: &Value) -> bool {
    !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty())
}

const FORM: [(&str, &str, &str); 8] = [
    ("max_budget", "Float", "Requests fail when spend reaches this many US dollars."),
    ("soft_budget", "Float", "An alert is raised when spend reaches this many US dollars."),
    ("budget_duration", "String", "After which spend counts anew, such as 30d."),
    ("max_parallel_requests", "Integer", "Requests at once."),
    ("tpm_limit", "Integer", "Tokens per minute."),
    ("rpm_limit", "Integer", "Requests per minute."),
    ("tpd_limit", "Integer", "Tokens per day."),
    ("model_max_budget", "Object", "Model to budget and time."),
];
