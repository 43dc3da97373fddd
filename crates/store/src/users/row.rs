use domain::{Role, User};
use kit::{Money, Timestamp};

use crate::StoreError;
use crate::keys::from_json;

/// A user as the database gives them.
#[derive(sqlx::FromRow)]
pub struct UserRow {
    pub id: String,
    pub email: Option<String>,
    pub alias: Option<String>,
    pub role: String,
    pub sso_id: Option<String>,
    pub models: String,
    pub metadata: String,
    pub max_budget_nano: Option<i64>,
    pub spend_nano: i64,
    pub resets_at: Option<i64>,
    pub created_at: i64,
    pub created_by: Option<String>,
    pub updated_at: i64,
    pub updated_by: Option<String>,
    pub extra: String,
    pub key_count: i64,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            email: row.email,
            alias: row.alias,
            role: role(&row.role)?,
            sso_id: row.sso_id,
            models: from_json("users.models", &row.models)?,
            metadata: from_json("users.metadata", &row.metadata)?,
            max_budget: row.max_budget_nano.map(Money),
            spend: Money(row.spend_nano),
            resets_at: row.resets_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
            extra: from_json("users.extra", &row.extra)?,
        })
    }
}

pub fn role(name: &str) -> Result<Role, StoreError> {
    Role::of_user(name).ok_or_else(|| StoreError::corrupt("users.role", name))
}
