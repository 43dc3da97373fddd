//! The fields of a user as clients send them, and what becomes of each.

use domain::Role;
use domain::key::MASTER_USER_ID;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::users::UserPatch;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Names, inactive, taken};
use crate::http::number::{Number, Whole, dollars};
use crate::owner::fields::{amount, check_duration, check_models, check_name, check_windows};

/// Stored beside the user and shown with it.
pub const KEPT: &[&str] = &[
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "budget_duration",
    "budget_limits",
    "allowed_cache_controls",
    "policies",
    "model_max_budget",
    "object_permission",
    "soft_budget",
];

/// Those that already act.
const ACTIVE: &[&str] = &["budget_duration", "budget_limits", "model_max_budget", "soft_budget"];

/// What a user can be made with or changed to. A field that is left out keeps its value, or its default; null
/// clears it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[allow(dead_code, reason = "fields that are only kept are typed here and read from the raw body")]
pub struct UserFields {
    /// A new one is made when left out.
    pub user_id: Option<String>,
    /// Unique, whatever the case of its letters.
    pub user_email: Option<String>,
    pub user_alias: Option<String>,
    /// `proxy_admin`, `proxy_admin_viewer`, `internal_user` (default) or `internal_user_viewer`.
    pub user_role: Option<String>,
    pub sso_user_id: Option<String>,
    /// For the dashboard: 8 characters or more.
    #[schema(format = Password)]
    pub password: Option<String>,
    /// What the user's own keys may be given; empty means every model.
    pub models: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// US dollars; keys that the user makes stay below it.
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub max_budget: Option<Number>,
    /// US dollars; sets the counter.
    #[schema(value_type = Option<f64>)]
    pub spend: Option<Number>,

    #[schema(value_type = Option<i64>)]
    max_parallel_requests: Option<Whole>,
    #[schema(value_type = Option<i64>)]
    tpm_limit: Option<Whole>,
    #[schema(value_type = Option<i64>)]
    rpm_limit: Option<Whole>,
    #[schema(value_type = Option<i64>)]
    tpd_limit: Option<Whole>,
    /// Such as `30d`: after it spend counts anew.
    budget_duration: Option<String>,
    /// Several budgets at once: `[{"budget_duration": "1d", "max_budget": 5.0}]`.
    #[schema(value_type = Option<Vec<Object>>)]
    budget_limits: Option<Vec<Map<String, Value>>>,
    allowed_cache_controls: Option<Vec<String>>,
    policies: Option<Vec<String>>,
    /// Such as `{"gpt-4o": {"budget_limit": 5.0, "time_period": "1d"}}`, in US dollars.
    #[schema(value_type = Option<Object>)]
    model_max_budget: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    object_permission: Option<Map<String, Value>>,
    /// US dollars, beyond which somebody is told and nothing is refused.
    #[schema(value_type = Option<f64>, minimum = 0)]
    soft_budget: Option<Number>,
}

impl UserFields {
    /// What these fields change of a user, but for the password; `raw` tells null from absent.
    pub fn patch(self, raw: &Map<String, Value>) -> Result<UserPatch, ApiError> {
        let sent = |name: &str| raw.contains_key(name);
        let max_budget = self.max_budget.map(|amount| dollars("max_budget", amount)).transpose()?;
        let spend = self.spend.map(|amount| dollars("spend", amount)).transpose()?;
        check_duration(self.budget_duration.as_deref())?;
        check_windows(self.budget_limits.iter().flatten())?;
        check_models(self.model_max_budget.as_ref())?;
        amount("soft_budget", self.soft_budget)?;
        for (name, text) in [
            ("user_email", &self.user_email),
            ("user_alias", &self.user_alias),
            ("sso_user_id", &self.sso_user_id),
        ] {
            check_name(name, text.as_deref())?;
        }
        let named = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(UserPatch {
            email: sent("user_email").then(|| named(self.user_email).map(|email| email.trim().to_owned())),
            alias: sent("user_alias").then(|| named(self.user_alias)),
            role: self.user_role.as_deref().filter(|role| !role.is_empty()).map(role).transpose()?,
            sso_id: sent("sso_user_id").then(|| named(self.sso_user_id)),
            models: sent("models").then(|| self.models.unwrap_or_default()),
            metadata: sent("metadata").then(|| self.metadata.unwrap_or_default()),
            max_budget: sent("max_budget").then_some(max_budget),
            spend,
            password_hash: None,
            keep_session: None,
            extra: taken(raw, KEPT),
        })
    }
}

fn role(name: &str) -> Result<Role, ApiError> {
    Role::of_user(name).ok_or_else(|| {
        let known = Role::OF_USERS.map(Role::name).join(", ");
        ApiError::bad("user_role", format!("Unknown role `{name}`: use {known}."))
    })
}

/// An id that a user may have: not the master key's, and without the comma that separates ids in lists.
pub fn check_id(id: &str) -> Result<(), ApiError> {
    check_name("user_id", Some(id))?;
    if id.is_empty() || id == MASTER_USER_ID || id.contains(',') {
        let message = "`user_id` must not be empty, `default_user_id`, or contain a comma.";
        return Err(ApiError::bad("user_id", message));
    }
    Ok(())
}

/// Names the fields that are kept but that no gateway heeds yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, KEPT.iter().filter(|name| !ACTIVE.contains(name)))
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    /// The list above names fields by text; each must be a field that is typed and documented.
    #[test]
    fn every_stored_field_is_described() {
        let schema = serde_json::to_value(UserFields::schema()).unwrap();
        let described = schema["properties"].as_object().unwrap();
        for name in KEPT {
            assert!(described.contains_key(*name), "{name}");
        }
        let acting = 10; // `user_id` … `spend`
        assert_eq!(described.len(), KEPT.len() + acting);
    }
}
