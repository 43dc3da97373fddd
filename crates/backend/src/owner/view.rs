//! Budgets as they are shown, alone or with those that have them.

use domain::owner::{Budget, Limits, Spent, Stamps};
use kit::Money;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::time::iso;

/// Limits, with amounts in US dollars.
#[derive(Serialize, ToSchema)]
pub struct LimitsView {
    pub max_budget: Option<f64>,
    pub soft_budget: Option<f64>,
    pub budget_duration: Option<String>,
    pub max_parallel_requests: Option<i64>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// Tokens per day.
    pub tpd_limit: Option<i64>,
    #[schema(value_type = Object)]
    pub model_max_budget: Map<String, Value>,
}

/// Who made a row and changed it last.
#[derive(Serialize, ToSchema)]
pub struct StampsView {
    pub created_at: String,
    pub created_by: Option<String>,
    pub updated_at: String,
    pub updated_by: Option<String>,
}

/// A budget's row.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"budget_id": "free-tier", "max_budget": 10.0, "budget_duration": "30d"}))]
pub struct BudgetView {
    pub budget_id: String,
    #[serde(flatten)]
    pub limits: LimitsView,
    /// When spend counts anew.
    pub budget_reset_at: Option<String>,
    /// US dollars that `max_budget` is larger by until `temp_budget_expiry`.
    pub temp_budget_increase: Option<f64>,
    pub temp_budget_expiry: Option<String>,
    #[serde(flatten)]
    pub stamps: StampsView,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            max_budget: limits.max_budget.map(Money::dollars),
            soft_budget: limits.soft_budget.map(Money::dollars),
            budget_duration: limits.budget_duration,
            max_parallel_requests: limits.max_parallel_requests,
            tpm_limit: limits.tpm_limit,
            rpm_limit: limits.rpm_limit,
            tpd_limit: limits.tpd_limit,
            model_max_budget: limits.model_max_budget,
        }
    }
}

impl From<Stamps> for StampsView {
    fn from(stamps: Stamps) -> Self {
        Self {
            created_at: iso(stamps.created_at),
            created_by: stamps.created_by,
            updated_at: iso(stamps.updated_at),
            updated_by: stamps.updated_by,
        }
    }
}

impl BudgetView {
    /// With the time at which the owner's spend counts anew.
    pub fn held(budget: Option<Budget>, spent: &Spent) -> Option<Self> {
        let budget_reset_at = spent.resets_at.map(iso);
        budget.map(|budget| Self { budget_reset_at, ..Self::of(budget) })
    }

    pub fn of(budget: Budget) -> Self {
        Self {
            budget_id: budget.id,
            limits: budget.limits.into(),
            budget_reset_at: None,
            temp_budget_increase: budget.raise.map(|raise| raise.by.dollars()),
            temp_budget_expiry: budget.raise.map(|raise| iso(raise.until)),
            stamps: budget.stamps.into(),
        }
    }
}
