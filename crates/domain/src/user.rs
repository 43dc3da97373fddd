use kit::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Role;

/// A person as the control plane knows them. Passwords are not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    /// Unique among users, whatever the case of its letters.
    pub email: Option<String>,
    pub alias: Option<String>,
    pub role: Role,
    /// At the identity provider; unique among users.
    pub sso_id: Option<String>,
    /// What keys of this user may be given; empty means every model.
    pub models: Vec<String>,
    pub metadata: Map<String, Value>,
    pub max_budget: Option<Money>,
    /// Of all keys of this user, since it was last set.
    pub spend: Money,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_at: Timestamp,
    pub updated_by: Option<String>,
    /// Fields of the compatible surface that are kept and echoed but do not act yet.
    pub extra: Map<String, Value>,
}
