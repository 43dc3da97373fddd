//! The fields of a team as clients send them, and what becomes of each.

use std::collections::BTreeMap;

use domain::owner::{Budget, Limits, Stamps, Team, TeamRole};
use kit::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Input, Names, inactive};
use crate::http::number::{Number, Whole};
use crate::owner::fields::{
    LIMITS, Sent, amount, check, check_id, check_name, check_windows, count, limited,
};

/// Stored inside the metadata, as the compatible surface does.
const PROMOTED: &[&str] = &[
    "tags",
    "guardrails",
    "prompts",
    "model_rpm_limit",
    "model_tpm_limit",
    "mcp_rpm_limit",
    "rpm_limit_type",
    "tpm_limit_type",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "team_member_key_duration",
    "allowed_passthrough_routes",
    "denied_passthrough_routes",
    "disable_global_guardrails",
    "allowed_vector_store_indexes",
    "enforced_batch_output_expires_after",
    "enforced_file_expires_after",
    "secret_manager_settings",
];

/// Stored beside the team and shown with it.
const KEPT: &[&str] = &[
    "router_settings",
    "access_group_ids",
    "default_team_member_models",
    "team_member_permissions",
    "policies",
    "object_permission",
];

/// Those of them that act.
const ACTIVE: [&str; 3] = ["access_group_ids", "default_team_member_models", "team_member_permissions"];

/// What an administrator of the team may change. The rest is decided by who is above the team.
const OF_TEAM_ADMINS: [&str; 10] = [
    "team_id",
    "team_alias",
    "tags",
    "model_aliases",
    "default_team_member_models",
    "team_member_permissions",
    "team_member_budget",
    "team_member_budget_duration",
    "team_member_rpm_limit",
    "team_member_tpm_limit",
];

/// A member as requests name them: by id or address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct MemberFields {
    /// `admin` or `user`.
    pub role: Option<String>,
    pub user_id: Option<String>,
    pub user_email: Option<String>,
}

limited! {
    /// A team. A field that is left out keeps its value, or has none; null clears it.
    #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
    #[schema(example = json!({"team_alias": "research", "models": ["gpt-4o"], "max_budget": 100.0, "budget_duration": "30d"}))]
    #[allow(dead_code, reason = "fields that are only kept are typed here and read from the raw body")]
    pub struct TeamFields {
        /// A new one is made when left out.
        pub team_id: Option<String>,
        pub team_alias: Option<String>,
        /// Must exist.
        pub organization_id: Option<String>,
        /// Names, wildcards (`openai/*`) or access groups; empty means every model.
        pub models: Option<Vec<String>>,
        /// Name that a request uses → model.
        pub model_aliases: Option<BTreeMap<String, String>>,
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map<String, Value>>,
        pub blocked: Option<bool>,
        /// Several budgets at once: `[{"budget_duration": "1d", "max_budget": 5.0}]`.
        #[schema(value_type = Option<Vec<Object>>)]
        budget_limits: Option<Vec<Map<String, Value>>>,
        /// US dollars that each member may spend who has no budget of their own.
        #[schema(value_type = Option<f64>, minimum = 0)]
        team_member_budget: Option<Number>,
        team_member_budget_duration: Option<String>,
        #[schema(value_type = Option<i64>, minimum = 0)]
        team_member_rpm_limit: Option<Whole>,
        #[schema(value_type = Option<i64>, minimum = 0)]
        team_member_tpm_limit: Option<Whole>,

        tags: Option<Vec<String>>,
        guardrails: Option<Vec<String>>,
        prompts: Option<Vec<String>>,
        #[schema(value_type = Option<Object>)]
        model_rpm_limit: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        model_tpm_limit: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        mcp_rpm_limit: Option<Map<String, Value>>,
        rpm_limit_type: Option<String>,
        tpm_limit_type: Option<String>,
        #[schema(value_type = Option<i64>)]
        default_estimated_output_tokens: Option<Whole>,
        #[schema(value_type = Option<Object>)]
        default_estimated_output_tokens_per_model: Option<Map<String, Value>>,
        team_member_key_duration: Option<String>,
        #[schema(value_type = Option<Vec<Object>>)]
        allowed_passthrough_routes: Option<Vec<Value>>,
        denied_passthrough_routes: Option<Vec<String>>,
        disable_global_guardrails: Option<bool>,
        #[schema(value_type = Option<Vec<Object>>)]
        allowed_vector_store_indexes: Option<Vec<Value>>,
        #[schema(value_type = Option<Object>)]
        enforced_batch_output_expires_after: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        enforced_file_expires_after: Option<Map<String, Value>>,
        #[schema(value_type = Option<Object>)]
        secret_manager_settings: Option<Map<String, Value>>,

        #[schema(value_type = Option<Object>)]
        router_settings: Option<Map<String, Value>>,
        /// Ids of `/v1/access_group`, whose models the team's keys call beside `models`.
        access_group_ids: Option<Vec<String>>,
        /// What new members may use.
        pub default_team_member_models: Option<Vec<String>>,
        /// Key routes that plain members may call for keys of the team.
        pub team_member_permissions: Option<Vec<String>>,
        policies: Option<Vec<String>>,
        #[schema(value_type = Option<Object>)]
        object_permission: Option<Map<String, Value>>,
    }
}

impl TeamFields {
    /// Changes a team so.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn apply(&self, raw: &Map<String, Value>, team: &mut Team) -> Result<(), ApiError> {
        let sent = Sent(raw);
        check_name("team_alias", self.team_alias.as_deref())?;
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        sent.set("team_alias", &mut team.alias, named(&self.team_alias));
        sent.set("organization_id", &mut team.organization_id, named(&self.organization_id));
        sent.set("models", &mut team.models, self.models.clone().unwrap_or_default());
        sent.set("model_aliases", &mut team.model_aliases, self.model_aliases.clone().unwrap_or_default());
        sent.set("metadata", &mut team.metadata, self.metadata.clone().unwrap_or_default());
        sent.keep(PROMOTED, &mut team.metadata);
        sent.set("blocked", &mut team.blocked, self.blocked.unwrap_or_default());
        let budgets = self.budget_limits.iter().flatten().cloned().map(Value::Object);
        check_windows(self.budget_limits.iter().flatten())?;
        sent.set("budget_limits", &mut team.budget_limits, budgets.collect());
        self.limit(sent, &mut team.limits)?;
        super::permissions::check(self.team_member_permissions.as_deref())?;
        sent.keep(KEPT, &mut team.extra);
        Ok(())
    }

    /// # Errors
    /// 400 or 422 that names the field which makes no sense in a new team.
    pub fn check_defaults(values: &Map<String, Value>, at: Timestamp) -> Result<(), ApiError> {
        let fields = Input::<Self>::from_object(values.clone())?;
        fields.value.apply(&fields.raw, &mut fresh(String::new(), "", at))
    }

    /// Whether limits for all members were sent.
    pub fn limits_members(raw: &Map<String, Value>) -> bool {
        let names = [
            "team_member_budget",
            "team_member_budget_duration",
            "team_member_rpm_limit",
            "team_member_tpm_limit",
        ];
        names.iter().any(|name| raw.contains_key(*name))
    }

    /// Changes the limits of all members so.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn limit_members(&self, raw: &Map<String, Value>, limits: &mut Limits) -> Result<(), ApiError> {
        let sent = Sent(raw);
        let budget = amount("team_member_budget", self.team_member_budget)?;
        sent.set("team_member_budget", &mut limits.max_budget, budget);
        let duration = self.team_member_budget_duration.clone();
        sent.set("team_member_budget_duration", &mut limits.budget_duration, duration);
        let (rpm, tpm) = (self.team_member_rpm_limit, self.team_member_tpm_limit);
        sent.set("team_member_rpm_limit", &mut limits.rpm_limit, count("team_member_rpm_limit", rpm)?);
        sent.set("team_member_tpm_limit", &mut limits.tpm_limit, count("team_member_tpm_limit", tpm)?);
        check(limits)
    }

    /// Refuses what is not an administrator of the team's to change.
    ///
    /// # Errors
    /// 403 that names the field.
    pub fn check_team_admin(raw: &Map<String, Value>) -> Result<(), ApiError> {
        let known = PROMOTED.iter().chain(KEPT).chain(&LIMITS);
        let mut known = known.chain(&["organization_id", "models", "metadata", "blocked", "budget_limits"]);
        match known.find(|name| raw.contains_key(**name) && !OF_TEAM_ADMINS.contains(name)) {
            Some(name) => {
                let message = format!("A team admin cannot change `{name}` of the team.");
                Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some(name), message))
            }
            None => Ok(()),
        }
    }
}

/// Names the fields that are kept but change nothing yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, PROMOTED.iter().chain(KEPT).filter(|name| !ACTIVE.contains(name)))
}

/// An empty team.
pub fn fresh(id: String, by: &str, at: Timestamp) -> Team {
    Team { id, stamps: Stamps::new(by, at), ..Team::default() }
}

/// A budget of which nobody knows yet.
pub fn fresh_budget(id: String, by: &str, at: Timestamp) -> Budget {
    Budget::own(id, Limits::default(), Stamps::new(by, at))
}

impl MemberFields {
    /// # Errors
    /// 400 when it names nobody, or the role is none.
    pub fn checked(&self) -> Result<TeamRole, ApiError> {
        match (&self.user_id, &self.user_email) {
            (Some(id), _) => check_id("user_id", id)?,
            (None, Some(email)) if !email.trim().is_empty() => check_name("user_email", Some(email))?,
            _ => return Err(ApiError::bad("member", "Name the member: `user_id` or `user_email`.")),
        }
        role(self.role.as_deref())
    }
}

/// # Errors
/// 400 when it is none.
pub fn role(name: Option<&str>) -> Result<TeamRole, ApiError> {
    let known = TeamRole::parse(name.unwrap_or("user"));
    known.ok_or_else(|| ApiError::bad("role", "The role of a member is `admin` or `user`."))
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    /// The lists above name fields by text; each must be a field that is typed and documented.
    #[test]
    fn every_stored_field_is_described() {
        let schema = serde_json::to_value(TeamFields::schema()).unwrap();
        let described = schema["properties"].as_object().unwrap();
        for name in PROMOTED.iter().chain(KEPT).chain(&OF_TEAM_ADMINS).chain(&LIMITS) {
            assert!(described.contains_key(*name), "{name}");
        }
        let acting = 8 + 4; // `team_id` … `budget_limits`, and four for members
        assert_eq!(described.len(), PROMOTED.len() + KEPT.len() + LIMITS.len() + acting);
    }
}
