use domain::User;
use serde_json::Value;

use crate::StoreError;
use crate::audit::{Change, Object};

/// An entry about a user.
pub(crate) fn change(
    action: &'static str,
    before: Option<&User>,
    after: Option<&User>,
    password: bool,
) -> Result<Change, StoreError> {
    let id = after.or(before).map(|user| user.id.clone()).unwrap_or_default();
    let object = Object { table: "LiteLLM_UserTable", id, team_id: None, key_hash: None };
    let before = before.map(facts).transpose()?;
    let mut after = after.map(facts).transpose()?;
    // That it changed is told, not what it is: the log masks it.
    if let (true, Some(Value::Object(after))) = (password, &mut after) {
        after.insert("password".into(), "changed".into());
    }
    Ok(Change { action, object, before, after })
}

/// A user's row with the names of the compatible surface.
fn facts(user: &User) -> Result<Value, StoreError> {
    let value = serde_json::to_value(user).map_err(|error| StoreError::Other(error.to_string()))?;
    let Value::Object(fields) = value else { return Ok(value) };
    let mut facts = user.extra.clone();
    for (name, value) in fields {
        match name.as_str() {
            "id" => facts.insert("user_id".into(), value),
            "email" => facts.insert("user_email".into(), value),
            "alias" => facts.insert("user_alias".into(), value),
            "role" => facts.insert("user_role".into(), value),
            "sso_id" => facts.insert("sso_user_id".into(), value),
            "extra" => None,
            _ => facts.insert(name, value),
        };
    }
    Ok(Value::Object(facts))
}
