use std::collections::BTreeMap;

use domain::VirtualKey;
use kit::{Money, Timestamp};
use serde_json::{Map, Value};

/// What to change of a key. `None` leaves a field as it is; an inner `None` clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyPatch {
    pub alias: Option<Option<String>>,
    pub user_id: Option<Option<String>>,
    pub team_id: Option<Option<String>>,
    pub organization_id: Option<Option<String>>,
    pub models: Option<Vec<String>>,
    pub aliases: Option<BTreeMap<String, String>>,
    /// Takes the place of the whole metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Set one by one, after `metadata`; null removes.
    pub metadata_entries: Map<String, Value>,
    pub max_budget: Option<Option<Money>>,
    pub spend: Option<Money>,
    pub blocked: Option<bool>,
    pub expires: Option<Option<Timestamp>>,
    /// Set one by one; null removes.
    pub extra: Map<String, Value>,
}

impl KeyPatch {
    /// Makes the changes.
    pub fn apply(self, key: &mut VirtualKey) {
        set(&mut key.alias, self.alias);
        set(&mut key.user_id, self.user_id);
        set(&mut key.team_id, self.team_id);
        set(&mut key.organization_id, self.organization_id);
        set(&mut key.models, self.models);
        set(&mut key.aliases, self.aliases);
        set(&mut key.metadata, self.metadata);
        merge(&mut key.metadata, self.metadata_entries);
        set(&mut key.max_budget, self.max_budget);
        set(&mut key.spend, self.spend);
        set(&mut key.blocked, self.blocked);
        set(&mut key.expires, self.expires);
        merge(&mut key.extra, self.extra);
    }
}

pub(crate) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

pub(crate) fn merge(into: &mut Map<String, Value>, entries: Map<String, Value>) {
    for (name, value) in entries {
        if value.is_null() {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
}
