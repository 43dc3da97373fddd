//! The fields of a key as clients send them, and what becomes of each.

use std::collections::BTreeMap;

use kit::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::keys::KeyPatch;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Names, has_effect, inactive, taken};
use crate::http::number::{Number, Whole, dollars};
use crate::owner::fields::{amount, check_duration, check_models, check_windows, raised_until};
use crate::time::after;

/// Shortest `key` that a caller may choose.
pub const KEY_CHARS_MIN: usize = 16;

/// Stored inside the metadata, as the compatible surface does.
pub const PROMOTED: &[&str] = &[
    "model_rpm_limit",
    "model_tpm_limit",
    "mcp_rpm_limit",
    "tag_rpm_limit",
    "guardrails",
    "policies",
    "prompts",
    "tags",
    "enforced_params",
    "allowed_passthrough_routes",
    "denied_passthrough_routes",
    "rpm_limit_type",
    "tpm_limit_type",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "throttle_on_budget_exceeded",
    "end_user_budget_id",
    "allowed_vector_store_indexes",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "temp_budget_increase",
    "temp_budget_expiry",
];

/// Stored beside the key and shown with it.
pub const KEPT: &[&str] = &[
    "agent_id",
    "project_id",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "budget_duration",
    "budget_limits",
    "allowed_cache_controls",
    "allowed_routes",
    "config",
    "permissions",
    "model_max_budget",
    "budget_fallbacks",
    "object_permission",
    "budget_id",
    "router_settings",
    "access_group_ids",
    "soft_budget",
    "key_type",
    "auto_rotate",
    "rotation_interval",
];

/// Those that already act: tags join the tags of each request.
const ACTIVE: &[&str] = &[
    "access_group_ids",
    "tags",
    "budget_duration",
    "budget_id",
    "budget_limits",
    "model_max_budget",
    "project_id",
    "soft_budget",
    "temp_budget_increase",
    "temp_budget_expiry",
    "allowed_routes",
    "key_type",
];

/// What a key can be made with or changed to. A field that is left out keeps its value, or its default;
/// null clears it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[allow(dead_code, reason = "fields that are only kept are typed here and read from the raw body")]
pub struct KeyFields {
    /// A raw key to use instead of a generated one (`sk-…`, 16 characters or more); for an update the key
    /// to change, raw or hashed.
    pub key: Option<String>,
    /// A unique name for people.
    pub key_alias: Option<String>,
    /// Time to live: `30s`, `15m`, `12h`, `30d`, `2w`, `1mo`. For an update null or `-1` removes the end.
    pub duration: Option<String>,
    /// Names, wildcards (`openai/*`) or access groups; empty means every model.
    pub models: Option<Vec<String>>,
    /// Requested model → real model.
    pub aliases: Option<BTreeMap<String, String>>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// US dollars.
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub max_budget: Option<Number>,
    /// US dollars; sets the counter.
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub spend: Option<Number>,
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    pub blocked: Option<bool>,
    /// Join the tags of each request.
    pub tags: Option<Vec<String>>,

    agent_id: Option<String>,
    project_id: Option<String>,
    #[schema(value_type = Option<i64>)]
    max_parallel_requests: Option<Whole>,
    #[schema(value_type = Option<i64>)]
    tpm_limit: Option<Whole>,
    #[schema(value_type = Option<i64>)]
    rpm_limit: Option<Whole>,
    #[schema(value_type = Option<i64>)]
    tpd_limit: Option<Whole>,
    budget_duration: Option<String>,
    /// Several budgets at once: `[{"budget_duration": "1d", "max_budget": 5.0}]`.
    #[schema(value_type = Option<Vec<Object>>)]
    budget_limits: Option<Vec<Map<String, Value>>>,
    allowed_cache_controls: Option<Vec<String>>,
    /// Paths, prefixes, wildcards (`/v1/*`) or groups such as `llm_api_routes`; empty means every route.
    allowed_routes: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    config: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    permissions: Option<Map<String, Value>>,
    /// Such as `{"gpt-4o": {"budget_limit": 5.0, "time_period": "1d"}}`, in US dollars.
    #[schema(value_type = Option<Object>)]
    model_max_budget: Option<Map<String, Value>>,
    budget_fallbacks: Option<BTreeMap<String, Vec<String>>>,
    #[schema(value_type = Option<Object>)]
    object_permission: Option<Map<String, Value>>,
    budget_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    router_settings: Option<Map<String, Value>>,
    /// Ids of `/v1/access_group`, whose models the key calls beside `models`.
    access_group_ids: Option<Vec<String>>,
    /// US dollars, beyond which somebody is told and nothing is refused.
    #[schema(value_type = Option<f64>, minimum = 0)]
    soft_budget: Option<Number>,
    key_type: Option<String>,
    auto_rotate: Option<bool>,
    rotation_interval: Option<String>,

    #[schema(value_type = Option<Object>)]
    model_rpm_limit: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    model_tpm_limit: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    mcp_rpm_limit: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    tag_rpm_limit: Option<Map<String, Value>>,
    guardrails: Option<Vec<String>>,
    policies: Option<Vec<String>>,
    prompts: Option<Vec<String>>,
    enforced_params: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<Object>>)]
    allowed_passthrough_routes: Option<Vec<Value>>,
    denied_passthrough_routes: Option<Vec<String>>,
    rpm_limit_type: Option<String>,
    tpm_limit_type: Option<String>,
    disable_global_guardrails: Option<bool>,
    enable_prompt_caching: Option<bool>,
    throttle_on_budget_exceeded: Option<bool>,
    end_user_budget_id: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    allowed_vector_store_indexes: Option<Vec<Value>>,
    #[schema(value_type = Option<i64>)]
    default_estimated_output_tokens: Option<Whole>,
    #[schema(value_type = Option<Object>)]
    default_estimated_output_tokens_per_model: Option<Map<String, Value>>,
    /// US dollars that `max_budget` is larger by until `temp_budget_expiry`.
    #[schema(value_type = Option<f64>, minimum = 0)]
    temp_budget_increase: Option<Number>,
    /// A moment such as `2026-01-31T08:00:00Z`, in UTC where it names no zone.
    temp_budget_expiry: Option<String>,
}

impl KeyFields {
    /// What these fields change of a key; `raw` tells null from absent.
    pub fn patch(self, raw: &Map<String, Value>, now: Timestamp) -> Result<KeyPatch, ApiError> {
        let sent = |name: &str| raw.contains_key(name);
        let expires = self.expires(raw, now)?;
        let kept = self.kept(raw)?;
        self.check_budgets()?;
        let max_budget = self.max_budget.map(|amount| dollars("max_budget", amount)).transpose()?;
        let spend = self.spend.map(|amount| dollars("spend", amount)).transpose()?;
        Ok(KeyPatch {
            alias: sent("key_alias").then(|| self.key_alias.filter(|alias| !alias.is_empty())),
            user_id: sent("user_id").then_some(self.user_id),
            team_id: sent("team_id").then_some(self.team_id),
            organization_id: sent("organization_id").then_some(self.organization_id),
            models: sent("models").then(|| self.models.unwrap_or_default()),
            aliases: sent("aliases").then(|| self.aliases.unwrap_or_default()),
            metadata: sent("metadata").then(|| self.metadata.unwrap_or_default()),
            metadata_entries: taken(raw, PROMOTED),
            max_budget: sent("max_budget").then_some(max_budget),
            spend,
            blocked: sent("blocked").then(|| self.blocked.unwrap_or_default()),
            expires,
            extra: kept,
        })
    }

    fn check_budgets(&self) -> Result<(), ApiError> {
        check_duration(self.budget_duration.as_deref())?;
        check_windows(self.budget_limits.iter().flatten())?;
        check_models(self.model_max_budget.as_ref())?;
        amount("soft_budget", self.soft_budget)?;
        amount("temp_budget_increase", self.temp_budget_increase)?;
        raised_until(self.temp_budget_expiry.as_deref()).map(|_| ())
    }

    /// What is kept as it was sent; a type of key stands for the routes that it may call.
    fn kept(&self, raw: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
        let mut kept = taken(raw, KEPT);
        let Some(key_type) = self.key_type.as_deref() else { return Ok(kept) };
        let routes = domain::route_groups::of_key_type(key_type).ok_or_else(|| {
            ApiError::bad("key_type", "`key_type` is `default`, `llm_api`, `management` or `read_only`.")
        })?;
        if !raw.get("allowed_routes").is_some_and(has_effect) {
            kept.insert("allowed_routes".into(), routes.into());
        }
        Ok(kept)
    }

    fn expires(
        &self,
        raw: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Option<Option<Timestamp>>, ApiError> {
        match self.duration.as_deref() {
            None if raw.contains_key("duration") => Ok(Some(None)),
            None => Ok(None),
            Some("-1") => Ok(Some(None)),
            Some(duration) => ends(duration, now).map(|at| Some(Some(at))),
        }
    }
}

/// Names the fields that are kept but change nothing yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, PROMOTED.iter().chain(KEPT).filter(|name| !ACTIVE.contains(name)))
}

/// The moment that a time to live ends.
///
/// # Errors
/// 400 when it is not one.
pub fn ends(duration: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    after(now, duration).ok_or_else(|| {
        let message = format!(
            "Invalid duration `{duration}`: expected a number and one of s, m, h, d, w, mo, such as `30d`."
        );
        ApiError::bad("duration", message)
    })
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    /// The lists above name fields by text; each must be a field that is typed and documented.
    #[test]
    fn every_stored_field_is_described() {
        let schema = serde_json::to_value(KeyFields::schema()).unwrap();
        let described = schema["properties"].as_object().unwrap();
        for name in PROMOTED.iter().chain(KEPT) {
            assert!(described.contains_key(*name), "{name}");
        }
        let acting = 13; // `key` … `tags`, and tags are promoted too
        assert_eq!(described.len(), PROMOTED.len() + KEPT.len() + acting - 1);
    }
}
