use std::collections::BTreeMap;
use std::sync::Arc;

use kit::{KeyHash, Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Window;
use crate::account::Limits;
use crate::model_budget::ModelBudget;

/// The fixed label of the master key where rows name a key; it is never hashed nor stored.
pub const MASTER_KEY_LABEL: &str = "litellm_proxy_master_key";
/// The user id of the master key.
pub const MASTER_USER_ID: &str = "default_user_id";

/// A virtual key as the control plane knows it: the whole row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualKey {
    pub hash: KeyHash,
    /// For people: `sk-...` and the last four characters.
    pub name: String,
    /// Unique among keys.
    pub alias: Option<String>,
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    /// Names, wildcards and access groups; empty means every model.
    pub models: Vec<String>,
    /// Requested model → real model.
    pub aliases: BTreeMap<String, String>,
    pub metadata: Map<String, Value>,
    pub max_budget: Option<Money>,
    /// All that was ever spent, or what it was set to and what came since.
    pub spend: Money,
    /// Read with the row: the time of its main budget.
    #[serde(skip)]
    pub window: Option<Window>,
    pub blocked: bool,
    pub expires: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_at: Timestamp,
    pub updated_by: Option<String>,
    /// Fields of the compatible surface that are kept and echoed but do not act yet.
    pub extra: Map<String, Value>,
}

impl VirtualKey {
    /// The routes that it is held to; all of them where it names none.
    pub fn allowed_routes(&self) -> Vec<&str> {
        let routes = self.extra.get("allowed_routes").and_then(Value::as_array);
        routes.map(|routes| routes.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// What counts against its main budget.
    pub fn spent(&self) -> Money {
        self.spend - self.window.as_ref().map_or(Money::ZERO, |window| window.base)
    }

    /// When that begins anew.
    pub fn resets_at(&self) -> Option<Timestamp> {
        self.window.as_ref().filter(|window| !window.duration.is_empty()).map(|window| window.ends)
    }

    /// For how long its own main budget is; `None` is for ever.
    pub fn budget_duration(&self) -> Option<&str> {
        self.extra.get("budget_duration").and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// What may be spent on some models.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn model_budgets(&self) -> Result<Vec<ModelBudget>, String> {
        model_budgets(&self.extra)
    }

    /// For how long its budgets beside the main one are.
    pub fn other_durations(&self) -> Vec<&str> {
        durations(&self.extra)
    }
}

/// The budgets of `model_max_budget`.
pub(crate) fn model_budgets(extra: &Map<String, Value>) -> Result<Vec<ModelBudget>, String> {
    let budgets = extra.get("model_max_budget").and_then(Value::as_object);
    budgets.map_or_else(|| Ok(Vec::new()), crate::model_budget::model_budgets)
}

/// The times of `budget_limits`.
pub fn durations(extra: &Map<String, Value>) -> Vec<&str> {
    let limits = extra.get("budget_limits").and_then(Value::as_array);
    let durations = limits.into_iter().flatten().filter_map(|limit| limit.get("budget_duration")?.as_str());
    durations.collect()
}

/// Names in a list that many keys have alike, so that they can share it in memory.
pub type NameList = Arc<[Box<str>]>;

/// What the gateway must know of a key to decide about a request: compact, replicated to memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    pub hash: KeyHash,
    pub alias: Option<Box<str>>,
    pub user_id: Option<Box<str>>,
    pub team_id: Option<Box<str>>,
    pub organization_id: Option<Box<str>>,
    pub models: NameList,
    pub aliases: Box<[(Box<str>, Box<str>)]>,
    /// `metadata.tags`, joined to the tags of each request.
    pub tags: NameList,
    pub max_budget: Option<Money>,
    /// Spend known to the database when this was read.
    pub spend: Money,
    pub blocked: bool,
    pub expires: Option<Timestamp>,
    pub project_id: Option<Box<str>>,
    /// What few keys have.
    pub terms: Option<Box<KeyTerms>>,
}

/// What else limits a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTerms {
    /// Shared limits, in place of the key's main budget where it has none of its own.
    pub budget_id: Option<Box<str>>,
    /// The key's own, its `max_budget` included.
    pub limits: Limits,
    /// Models that have budgets of their own, which are accounts.
    pub budgeted_models: NameList,
    /// The routes that the key is held to; empty means every one.
    pub routes: NameList,
    /// What grants models beside the key's own.
    pub access_groups: NameList,
    pub windows: Box<[Window]>,
}

impl KeyPolicy {
    /// A key that may do everything.
    pub fn free(hash: KeyHash) -> Self {
        Self {
            hash,
            alias: None,
            user_id: None,
            team_id: None,
            organization_id: None,
            models: NameList::default(),
            aliases: Box::default(),
            tags: NameList::default(),
            max_budget: None,
            spend: Money::ZERO,
            blocked: false,
            expires: None,
            project_id: None,
            terms: None,
        }
    }
}

impl From<&VirtualKey> for KeyPolicy {
    fn from(key: &VirtualKey) -> Self {
        let boxed = |text: &Option<String>| text.as_deref().map(Box::from);
        Self {
            alias: boxed(&key.alias),
            user_id: boxed(&key.user_id),
            team_id: boxed(&key.team_id),
            organization_id: boxed(&key.organization_id),
            models: key.models.iter().map(|m| m.as_str().into()).collect(),
            aliases: key.aliases.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
            tags: key
                .metadata
                .get("tags")
                .and_then(Value::as_array)
                .map(|tags| tags.iter().filter_map(Value::as_str).map(Box::from).collect())
                .unwrap_or_default(),
            max_budget: key.max_budget,
            spend: key.spend,
            blocked: key.blocked,
            expires: key.expires,
            ..Self::free(key.hash)
        }
    }
}

/// How a key is shown: `sk-...` and its last four characters, or `sk-...` alone when it is short.
pub fn display_name(raw_key: &str) -> String {
    let tail = raw_key.char_indices().rev().nth(3).map_or("", |(at, _)| &raw_key[at..]);
    if raw_key.chars().count() < 16 { "sk-...".into() } else { format!("sk-...{tail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_its_last_four_characters() {
        assert_eq!(display_name("sk-0123456789abcdef"), "sk-...cdef");
        assert_eq!(display_name("sk-short"), "sk-...");
        assert_eq!(display_name("sk-0123456789abcéfg"), "sk-...céfg");
    }
}
