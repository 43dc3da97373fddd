use serde::Serialize;
use serde_json::{Value, json};
use store::audit::AuditEntry;
use utoipa::ToSchema;

use crate::time::iso;

/// Columns that the log keeps in nano-dollars.
const MONEY: [&str; 4] = ["spend", "max_budget", "soft_budget", "max_budget_in_team"];
/// Columns that the log keeps in microseconds since 1970.
const TIMES: [&str; 4] = ["expires", "created_at", "updated_at", "budget_reset_at"];

/// One change.
#[derive(Serialize, ToSchema)]
pub struct AuditLog {
    pub id: String,
    /// When it happened.
    pub updated_at: String,
    /// Who is behind it: the `litellm-changed-by` header, else the caller's user id.
    pub changed_by: String,
    /// Hash of the caller's key; empty for a signed-in browser.
    pub changed_by_api_key: String,
    /// The caller's user id, whatever the header says.
    pub user_id: String,
    /// The client's address.
    pub ip: Option<String>,
    /// `created`, `updated`, `deleted`, `blocked`, `unblocked` or `rotated`.
    pub action: String,
    pub table_name: String,
    pub object_id: String,
    /// The row before the change, without secrets.
    #[schema(value_type = Option<Object>)]
    pub before_value: Value,
    /// The row after the change, without secrets.
    #[schema(value_type = Option<Object>)]
    pub updated_values: Value,
}

impl AuditLog {
    pub fn of(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            updated_at: iso(kit::Timestamp(entry.at)),
            changed_by: entry.changed_by,
            changed_by_api_key: entry.api_key,
            user_id: entry.actor,
            ip: entry.ip,
            action: entry.action,
            table_name: entry.table_name,
            object_id: entry.object_id,
            before_value: row(entry.before_value),
            updated_values: row(entry.after_value),
        }
    }
}

/// A row as the surface writes it: dollars and ISO times.
fn row(text: Option<String>) -> Value {
    let row = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let Value::Object(fields) = row else { return row };
    let shown = fields.into_iter().map(|(name, value)| {
        let shown = match value.as_i64() {
            Some(nano) if MONEY.contains(&name.as_str()) => json!(kit::Money(nano).dollars()),
            Some(micros) if TIMES.contains(&name.as_str()) => json!(iso(kit::Timestamp(micros))),
            _ => value,
        };
        (name, shown)
    });
    Value::Object(shown.collect())
}
