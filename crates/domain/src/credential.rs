use kit::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::SecretMap;

/// Values that deployments share: what `litellm_credential_name` refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    pub id: String,
    /// Unique among credentials; it never changes.
    pub name: String,
    pub display_name: Option<String>,
    /// What is told of it: provider, description, ….
    pub info: Map<String, Value>,
    /// Fill in what a deployment's parameters do not set.
    pub values: SecretMap,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_at: Timestamp,
    pub updated_by: Option<String>,
}
