use kit::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Role;
use crate::key::durations;
use crate::model_budget::ModelBudget;

/// A person as the control plane knows them. Passwords are not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    /// Unique among users, whatever the case of its letters.
    pub email: Option<String>,
    pub alias: Option<String>,
    pub role: Role,
    /// At the identity provider; unique among users.
    pub sso_id: Option<String>,
    /// What keys of this user may be given; empty means every model.
    pub models: Vec<String>,
    pub metadata: Map<String, Value>,
    pub max_budget: Option<Money>,
    /// Of all keys of this user, since the budget's window began or it was last set.
    pub spend: Money,
    /// Read with the row: when what counts as spent begins anew.
    #[serde(skip)]
    pub resets_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_at: Timestamp,
    pub updated_by: Option<String>,
    /// Fields of the compatible surface that are kept as they were sent.
    pub extra: Map<String, Value>,
}

impl User {
    /// For how long the main budget is; `None` is for ever.
    pub fn budget_duration(&self) -> Option<&str> {
        self.extra.get("budget_duration").and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// What may be spent on some models.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn model_budgets(&self) -> Result<Vec<ModelBudget>, String> {
        crate::key::model_budgets(&self.extra)
    }

    /// For how long budgets beside the main one are.
    pub fn other_durations(&self) -> Vec<&str> {
        durations(&self.extra)
    }
}
