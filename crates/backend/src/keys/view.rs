//! A key as it is shown: the row of the compatible surface.

use std::collections::BTreeMap;

use domain::VirtualKey;
use kit::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::time::iso;

/// A key's row. Fields that are kept but not named here follow with their defaults.
#[derive(Serialize, ToSchema)]
pub struct KeyView {
    /// SHA-256 of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// `sk-...` and the last four characters.
    pub key_name: String,
    pub key_alias: Option<String>,
    /// US dollars in the current budget window.
    pub spend: f64,
    /// US dollars.
    pub max_budget: Option<f64>,
    pub expires: Option<String>,
    pub models: Vec<String>,
    pub aliases: BTreeMap<String, String>,
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    pub blocked: bool,
    /// `active`, `expired`, `revoked` or `deleted`.
    pub status: KeyState,
    pub created_at: String,
    pub created_by: Option<String>,
    pub updated_at: String,
    pub updated_by: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    Active,
    Expired,
    /// Blocked.
    Revoked,
    Deleted,
}

impl KeyView {
    pub fn of(key: VirtualKey, now: Timestamp) -> Self {
        let status = match (key.blocked, key.expires) {
            (true, _) => KeyState::Revoked,
            (false, Some(at)) if at <= now => KeyState::Expired,
            _ => KeyState::Active,
        };
        let mut rest = defaults();
        rest.insert("org_id".into(), json!(key.organization_id));
        rest.insert("budget_reset_at".into(), json!(key.resets_at().map(iso)));
        let spend = key.spent().dollars();
        rest.extend(key.extra);
        Self {
            token: Some(key.hash.to_hex()),
            key_name: key.name,
            key_alias: key.alias,
            spend,
            max_budget: key.max_budget.map(kit::Money::dollars),
            expires: key.expires.map(iso),
            models: key.models,
            aliases: key.aliases,
            user_id: key.user_id,
            team_id: key.team_id,
            organization_id: key.organization_id,
            metadata: key.metadata,
            blocked: key.blocked,
            status,
            created_at: iso(key.created_at),
            created_by: key.created_by,
            updated_at: iso(key.updated_at),
            updated_by: key.updated_by,
            rest,
        }
    }

    /// As it was before it was deleted.
    pub fn of_deleted(key: VirtualKey, now: Timestamp) -> Self {
        Self { status: KeyState::Deleted, ..Self::of(key, now) }
    }

    #[must_use]
    pub fn without_token(self) -> Self {
        Self { token: None, ..self }
    }
}

/// The columns that a key has on the compatible surface besides those that act here.
fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "config": {}, "permissions": {}, "model_spend": {}, "model_max_budget": {}, "budget_fallbacks": {},
        "allowed_cache_controls": [], "allowed_routes": [], "soft_budget_cooldown": false,
        "agent_id": null, "project_id": null, "max_parallel_requests": null, "tpm_limit": null,
        "rpm_limit": null, "tpd_limit": null, "budget_duration": null, "budget_reset_at": null,
        "budget_id": null, "litellm_budget_table": null, "key_type": null, "object_permission_id": null,
        "object_permission": null, "access_group_ids": null, "rotation_count": 0, "auto_rotate": false,
        "rotation_interval": null, "last_rotation_at": null, "key_rotation_at": null,
        "router_settings": null, "budget_limits": null, "last_active": null,
    });
    match defaults {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
