use domain::owner::Project;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Names, inactive};
use crate::owner::fields::{Sent, check_name, limited};
use crate::owner::view::{BudgetView, StampsView};

/// Longest description.
const DESCRIPTION_CHARS_MAX: usize = 4096;
/// Stored inside the metadata, as the compatible surface does.
const PROMOTED: &[&str] = &["tags"];
/// Stored beside the project and shown with it.
const KEPT: &[&str] = &["model_rpm_limit", "model_tpm_limit", "object_permission"];

limited! {
    /// A project. A field that is left out keeps its value, or has none; null clears it. Limits are those of its budget:
    /// a budget of its own is made for them unless `budget_id` names one.
    #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
    #[schema(example = json!({"project_alias": "search", "team_id": "research", "models": ["gpt-4o"], "max_budget": 10.0}))]
    #[allow(dead_code, reason = "fields that are only kept are typed here and read from the raw body")]
    pub struct ProjectFields {
        /// A new one is made when left out.
        pub project_id: Option<String>,
        project_alias: Option<String>,
        description: Option<String>,
        /// Its team, for good.
        pub team_id: Option<String>,
        /// A budget that exists; for proxy admins.
        budget_id: Option<String>,
        /// Of those of the team; empty means every one.
        models: Option<Vec<String>>,
        #[schema(value_type = Option<Object>)]
        metadata: Option<Map<String, Value>>,
        blocked: Option<bool>,
        tags: Option<Vec<String>>,
        #[schema(value_type = Option<Object>)]
        model_rpm_limit: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        model_tpm_limit: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        object_permission: Option<Map<String, Value>>,
    }
}

impl ProjectFields {
    /// Changes a project so, but for the limits of its budget.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn apply(&self, raw: &Map<String, Value>, project: &mut Project) -> Result<(), ApiError> {
        let sent = Sent(raw);
        check_name("project_alias", self.project_alias.as_deref())?;
        if self.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            let message = format!("`description` has more than {DESCRIPTION_CHARS_MAX} characters.");
            return Err(ApiError::plain("description", message));
        }
        if sent.has("team_id") && self.team_id.as_ref() != Some(&project.team_id) {
            return Err(ApiError::plain("team_id", "A project stays in its team: make another one there."));
        }
        sent.set("project_alias", &mut project.alias, self.project_alias.clone());
        sent.set("description", &mut project.description, self.description.clone());
        sent.set("budget_id", &mut project.budget_id, self.budget_id.clone());
        sent.set("models", &mut project.models, self.models.clone().unwrap_or_default());
        sent.set("metadata", &mut project.metadata, self.metadata.clone().unwrap_or_default());
        sent.keep(PROMOTED, &mut project.metadata);
        sent.set("blocked", &mut project.blocked, self.blocked.unwrap_or_default());
        sent.keep(KEPT, &mut project.extra);
        Ok(())
    }
}

/// Names the fields that are kept but change nothing yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, PROMOTED.iter().chain(KEPT))
}

/// A project as it is shown.
#[derive(Serialize, ToSchema)]
pub struct ProjectView {
    project_id: String,
    project_alias: Option<String>,
    description: Option<String>,
    team_id: String,
    budget_id: Option<String>,
    models: Vec<String>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    blocked: bool,
    /// US dollars since the budget's window began.
    spend: f64,
    litellm_budget_table: Option<BudgetView>,
    #[serde(flatten)]
    stamps: StampsView,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    rest: Map<String, Value>,
}

impl ProjectView {
    pub fn of(project: Project) -> Self {
        let defaults = ["model_spend", "model_rpm_limit", "model_tpm_limit"].map(|name| (name, json!({})));
        let nulls = ["object_permission", "object_permission_id"].map(|name| (name, Value::Null));
        let rest = defaults.into_iter().chain(nulls).map(|(name, value)| (name.to_owned(), value));
        Self {
            project_id: project.id,
            project_alias: project.alias,
            description: project.description,
            team_id: project.team_id,
            budget_id: project.budget_id,
            models: project.models,
            metadata: project.metadata,
            blocked: project.blocked,
            spend: project.spent.now.dollars(),
            litellm_budget_table: BudgetView::held(project.budget, &project.spent),
            stamps: project.stamps.into(),
            rest: rest.chain(project.extra).collect(),
        }
    }
}
