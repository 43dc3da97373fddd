use domain::Model;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::time::iso;

/// A model of the database as it is stored, without its secrets.
#[derive(Serialize, ToSchema)]
pub struct ModelRow {
    model_id: String,
    model_name: String,
    /// Secrets are masked.
    #[schema(value_type = Object)]
    litellm_params: Map<String, Value>,
    #[schema(value_type = Object)]
    model_info: Map<String, Value>,
    blocked: bool,
    created_at: String,
    created_by: Option<String>,
    updated_at: String,
    updated_by: Option<String>,
}

impl ModelRow {
    pub fn of(model: Model) -> Self {
        let mut info = model.info;
        info.insert("id".into(), model.id.as_str().into());
        info.insert("db_model".into(), true.into());
        Self {
            model_id: model.id,
            model_name: model.name,
            litellm_params: model.params.shown(),
            model_info: info,
            blocked: model.blocked,
            created_at: iso(model.created_at),
            created_by: model.created_by,
            updated_at: iso(model.updated_at),
            updated_by: model.updated_by,
        }
    }
}
