//! What the audit log says of keys.

use domain::VirtualKey;
use serde_json::Value;

use super::Actor;
use super::remove::Removed;
use crate::StoreError;
use crate::audit::{Change, Object};
use crate::db::Tx;

/// The table's name on the compatible surface.
const TABLE: &str = "LiteLLM_VerificationToken";

/// A key's row with the names of the compatible surface.
fn facts(key: &VirtualKey) -> Result<Value, StoreError> {
    let value = serde_json::to_value(key).map_err(|error| StoreError::Other(error.to_string()))?;
    let Value::Object(fields) = value else { return Ok(value) };
    let mut facts = key.extra.clone();
    for (name, value) in fields {
        match name.as_str() {
            "hash" => facts.insert("token".into(), value),
            "name" => facts.insert("key_name".into(), value),
            "alias" => facts.insert("key_alias".into(), value),
            "extra" => None,
            _ => facts.insert(name, value),
        };
    }
    Ok(Value::Object(facts))
}

/// Entries about keys that were deleted. One whose row cannot be read is deleted all the same.
pub(crate) fn deleted(keys: &[Removed]) -> Result<Vec<Change>, StoreError> {
    let entry = |(hash, key): &Removed| {
        let object = Object {
            table: TABLE,
            id: hash.to_hex(),
            team_id: key.as_ref().and_then(|key| key.team_id.clone()),
            key_hash: Some(*hash),
        };
        let before = key.as_ref().map(facts).transpose()?;
        Ok(Change { action: "deleted", object, before, after: None })
    };
    keys.iter().map(entry).collect()
}

/// An entry about a key is found by the hash it had before and, in `key_hash`, by the one it has now.
pub(crate) fn changed(
    action: &'static str,
    before: Option<&VirtualKey>,
    after: Option<&VirtualKey>,
) -> Result<Option<Change>, StoreError> {
    let Some(key) = after.or(before) else { return Ok(None) };
    let object = Object {
        table: TABLE,
        id: before.unwrap_or(key).hash.to_hex(),
        team_id: key.team_id.clone(),
        key_hash: Some(key.hash),
    };
    let (before, after) = (before.map(facts).transpose()?, after.map(facts).transpose()?);
    Ok(Some(Change { action, object, before, after }))
}

impl Tx {
    pub(crate) async fn audit_deleted(&mut self, keys: &[Removed], actor: &Actor) -> Result<(), StoreError> {
        for change in deleted(keys)? {
            self.audit(change, actor).await?;
        }
        Ok(())
    }

    pub(crate) async fn audit_key(
        &mut self,
        action: &'static str,
        before: Option<&VirtualKey>,
        after: Option<&VirtualKey>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        match changed(action, before, after)? {
            Some(change) => self.audit(change, actor).await,
            None => Ok(()),
        }
    }
}
