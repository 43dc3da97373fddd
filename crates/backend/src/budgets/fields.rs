use serde::Deserialize;
use utoipa::ToSchema;

use crate::owner::fields::limited;

limited! {
    /// A budget. A field that is left out keeps its value, or has none; null clears it.
    #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
    #[schema(example = json!({"budget_id": "free-tier", "max_budget": 10.0, "budget_duration": "30d"}))]
    pub struct BudgetFields {
        /// A new one is made when left out.
        pub budget_id: Option<String>,
    }
}
