use axum::Json;
use axum::extract::State as Extract;
use domain::alert::BudgetEvent;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::alerts::{AlertState, Told};
use utoipa::{IntoParams, ToSchema};

use super::words;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, Total, asked};
use crate::state::Shared;
use crate::time::iso;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AlertFilter {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    /// `waiting`, `sent` or `failed`.
    state: Option<String>,
}

impl Default for AlertFilter {
    fn default() -> Self {
        Self { page: 1, page_size: PAGE_SIZE_MAX, state: None }
    }
}

/// An alert of a budget, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "019a", "channel": "slack", "state": "sent", "attempts": 1, "event": "soft_budget_crossed"}))]
pub struct AlertView {
    id: String,
    /// `slack` or `webhook`, with a number when there are several.
    channel: String,
    /// `waiting`, `sent` or `failed`: not tried again.
    state: &'static str,
    attempts: u32,
    /// Why the last try failed.
    error: Option<String>,
    /// `soft_budget_crossed`, `threshold_crossed` (95 %) or `budget_crossed`.
    #[schema(value_type = String)]
    event: BudgetEvent,
    message: String,
    created_at: String,
}

impl From<Told> for AlertView {
    fn from(told: Told) -> Self {
        Self {
            id: told.id,
            channel: told.channel,
            state: told.state.as_str(),
            attempts: told.attempts,
            error: told.error,
            event: told.alert.event,
            message: words::text(&told.alert),
            created_at: iso(told.alert.at),
        }
    }
}

/// Alerts of budgets, the newest first: one page of them, and how many there are in `x-total-count`. Those that wait no
/// more are kept for 30 days.
#[utoipa::path(
    get, path = "/alerting/list", tag = "settings", operation_id = "listAlerts", params(AlertFilter),
    responses((status = 200, body = Vec<AlertView>), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    Params(query): Params<AlertFilter>,
) -> Result<(Total, Json<Vec<AlertView>>), ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let wanted = asked(query.state).map(|text| {
        let unknown = || ApiError::bad("state", format!("`{text}` is not `waiting`, `sent` or `failed`."));
        AlertState::parse(&text).ok_or_else(unknown)
    });
    let found = state.store.alerts().list(wanted.transpose()?, page.index(), page.size).await?;
    Ok((Total(found.total), Json(found.rows.into_iter().map(AlertView::from).collect())))
}
