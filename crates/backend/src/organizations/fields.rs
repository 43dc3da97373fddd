use domain::owner::Organization;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Names, inactive};
use crate::owner::fields::{Sent, check_name, limited};

/// Stored inside the metadata, as the compatible surface does.
const PROMOTED: &[&str] = &["model_rpm_limit", "model_tpm_limit"];
/// Stored beside the organisation and shown with it.
const KEPT: &[&str] = &["object_permission"];

limited! {
    /// An organisation. A field that is left out keeps its value, or has none; null clears it. Limits are those of its
    /// budget: a budget of its own is made for them unless `budget_id` names one.
    #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
    #[schema(example = json!({"organization_alias": "acme", "models": ["gpt-4o"], "max_budget": 1000.0}))]
    #[allow(dead_code, reason = "fields that are only kept are typed here and read from the raw body")]
    pub struct OrganizationFields {
        /// A new one is made when left out.
        pub organization_id: Option<String>,
        pub organization_alias: Option<String>,
        /// A budget that exists.
        pub budget_id: Option<String>,
        /// Empty means every model.
        pub models: Option<Vec<String>>,
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        model_rpm_limit: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        model_tpm_limit: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        object_permission: Option<Map<String, Value>>,
    }
}

impl OrganizationFields {
    /// Changes an organisation so, but for its budget's limits.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn apply(&self, raw: &Map<String, Value>, organization: &mut Organization) -> Result<(), ApiError> {
        let sent = Sent(raw);
        check_name("organization_alias", self.organization_alias.as_deref())?;
        let alias = self.organization_alias.clone().unwrap_or_default();
        sent.set("organization_alias", &mut organization.alias, alias);
        if organization.alias.trim().is_empty() {
            return Err(ApiError::plain("organization_alias", "An organization needs an alias."));
        }
        if let Some(id) = &self.budget_id {
            organization.budget_id.clone_from(id);
        }
        sent.set("models", &mut organization.models, self.models.clone().unwrap_or_default());
        sent.set("metadata", &mut organization.metadata, self.metadata.clone().unwrap_or_default());
        sent.keep(PROMOTED, &mut organization.metadata);
        sent.keep(KEPT, &mut organization.extra);
        Ok(())
    }
}

/// Names the fields that are kept but change nothing yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, PROMOTED.iter().chain(KEPT))
}
