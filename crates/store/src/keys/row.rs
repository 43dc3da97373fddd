use domain::VirtualKey;
use domain::owner::access_groups;
use kit::{Money, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::windows::window;

/// A row of `keys`, or of `deleted_keys`, as the database gives it.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub hash: String,
    pub name: String,
    pub alias: Option<String>,
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    pub models: String,
    pub aliases: String,
    pub metadata: String,
    pub max_budget_nano: Option<i64>,
    pub spend_nano: i64,
    pub blocked: i64,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub created_by: Option<String>,
    pub updated_at: i64,
    pub updated_by: Option<String>,
    pub extra: String,
    /// The last ones are written out of `extra`, for gateways; deleted keys have no such columns.
    #[sqlx(default)]
    pub budget_id: Option<String>,
    #[sqlx(default)]
    pub project_id: Option<String>,
    #[sqlx(default)]
    pub budget_duration: Option<String>,
    #[sqlx(default)]
    pub has_other_budgets: i64,
    #[sqlx(default)]
    pub has_access_groups: i64,
    /// The window of its main budget, where the row is read with it.
    #[sqlx(default)]
    pub window_duration: Option<String>,
    #[sqlx(default)]
    pub window_ends_at: Option<i64>,
    #[sqlx(default)]
    pub window_base_nano: Option<i64>,
}

impl TryFrom<KeyRow> for VirtualKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        Ok(Self {
            hash: row.hash.parse().map_err(|error| StoreError::corrupt("keys.hash", error))?,
            name: row.name,
            alias: row.alias,
            user_id: row.user_id,
            team_id: row.team_id,
            organization_id: row.organization_id,
            models: from_json("keys.models", &row.models)?,
            aliases: from_json("keys.aliases", &row.aliases)?,
            metadata: from_json("keys.metadata", &row.metadata)?,
            max_budget: row.max_budget_nano.map(Money),
            spend: Money(row.spend_nano),
            window: window(row.window_duration, row.window_ends_at, row.window_base_nano),
            blocked: row.blocked != 0,
            expires: row.expires_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
            extra: from_json("keys.extra", &row.extra)?,
        })
    }
}

impl KeyRow {
    /// What the key answers to.
    pub const fn owners(&self) -> [&Option<String>; 4] {
        [&self.team_id, &self.organization_id, &self.project_id, &self.budget_id]
    }
}

impl TryFrom<&VirtualKey> for KeyRow {
    type Error = StoreError;

    fn try_from(key: &VirtualKey) -> Result<Self, StoreError> {
        let extra = |name| Some(key.extra.get(name)?.as_str()?.to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            hash: key.hash.to_hex(),
            name: key.name.clone(),
            alias: key.alias.clone(),
            user_id: key.user_id.clone(),
            team_id: key.team_id.clone(),
            organization_id: key.organization_id.clone(),
            models: to_json(&key.models)?,
            aliases: to_json(&key.aliases)?,
            metadata: to_json(&key.metadata)?,
            max_budget_nano: key.max_budget.map(Money::nano),
            spend_nano: key.spend.nano(),
            blocked: i64::from(key.blocked),
            expires_at: key.expires.map(Timestamp::micros),
            created_at: key.created_at.micros(),
            created_by: key.created_by.clone(),
            updated_at: key.updated_at.micros(),
            updated_by: key.updated_by.clone(),
            extra: to_json(&key.extra)?,
            budget_id: extra("budget_id"),
            project_id: extra("project_id"),
            budget_duration: extra("budget_duration"),
            window_duration: None,
            window_ends_at: None,
            window_base_nano: None,
            has_access_groups: i64::from(!access_groups(&key.extra).is_empty()),
            has_other_budgets: i64::from(
                ["soft_budget", "budget_limits"].iter().any(|name| key.extra.contains_key(*name)),
            ),
        })
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(what, error))
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Other(error.to_string()))
}
