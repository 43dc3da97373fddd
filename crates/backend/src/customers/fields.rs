use domain::owner::Customer;
use kit::Money;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Names, inactive};
use crate::owner::fields::{Sent, check_name, limited};
use crate::owner::view::{BudgetView, StampsView};

/// Stored beside the customer and shown with it.
const KEPT: &[&str] = &["object_permission"];
/// What acts nowhere yet, though it is typed.
const UNHEEDED: [&str; 3] = ["object_permission", "allowed_model_region", "default_model"];

limited! {
    /// A customer. A field that is left out keeps its value, or has none; null clears it. Limits are those of their budget:
    /// a budget of their own is made for them unless `budget_id` names one.
    #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
    #[schema(example = json!({"user_id": "customer-1", "max_budget": 10.0}))]
    #[allow(dead_code, reason = "fields that are only kept are typed here and read from the raw body")]
    pub struct CustomerFields {
        pub user_id: String,
        alias: Option<String>,
        blocked: Option<bool>,
        /// A budget that exists.
        pub budget_id: Option<String>,
        /// Empty means every model.
        models: Option<Vec<String>>,
        /// `eu` or `us`.
        allowed_model_region: Option<String>,
        default_model: Option<String>,
        #[schema(value_type = Option<Object>)]
        object_permission: Option<Map<String, Value>>,
    }
}

impl CustomerFields {
    /// Changes a customer so, but for the limits of their budget.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn apply(&self, raw: &Map<String, Value>, customer: &mut Customer) -> Result<(), ApiError> {
        let sent = Sent(raw);
        for (name, text) in [("alias", &self.alias), ("default_model", &self.default_model)] {
            check_name(name, text.as_deref())?;
        }
        if self.allowed_model_region.as_deref().is_some_and(|region| !["eu", "us"].contains(&region)) {
            return Err(ApiError::plain("allowed_model_region", "allowed_model_region is `eu` or `us`."));
        }
        sent.set("alias", &mut customer.alias, self.alias.clone());
        sent.set("blocked", &mut customer.blocked, self.blocked.unwrap_or_default());
        sent.set("budget_id", &mut customer.budget_id, self.budget_id.clone());
        sent.set("models", &mut customer.models, self.models.clone().unwrap_or_default());
        let region = self.allowed_model_region.clone();
        sent.set("allowed_model_region", &mut customer.allowed_model_region, region);
        sent.set("default_model", &mut customer.default_model, self.default_model.clone());
        sent.keep(KEPT, &mut customer.extra);
        Ok(())
    }
}

/// Names the fields that are kept but change nothing yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, UNHEEDED.iter())
}

/// A customer as they are shown.
#[derive(Serialize, ToSchema)]
pub struct CustomerView {
    pub user_id: String,
    pub alias: Option<String>,
    pub blocked: bool,
    /// US dollars since the budget's window began.
    pub spend: f64,
    pub models: Vec<String>,
    pub allowed_model_region: Option<String>,
    pub default_model: Option<String>,
    pub litellm_budget_table: Option<BudgetView>,
    #[serde(flatten)]
    pub stamps: StampsView,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

impl CustomerView {
    pub fn of(customer: Customer) -> Self {
        let mut rest = Map::from_iter([("object_permission".to_owned(), json!(null))]);
        rest.extend(customer.extra);
        Self {
            user_id: customer.id,
            alias: customer.alias,
            blocked: customer.blocked,
            spend: Money::dollars(customer.spent.now),
            models: customer.models,
            allowed_model_region: customer.allowed_model_region,
            default_model: customer.default_model,
            litellm_budget_table: BudgetView::held(customer.budget, &customer.spent),
            stamps: customer.stamps.into(),
            rest,
        }
    }
}
