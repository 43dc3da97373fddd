use kit::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::SecretMap;

/// An entry of `model_list` that is kept in the database: a [`crate::Deployment`] as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The deployment's id.
    pub id: String,
    /// The public name; that of a team's own model is in `model_info.team_public_model_name`.
    pub name: String,
    /// `litellm_params`.
    pub params: SecretMap,
    /// `model_info`.
    pub info: Map<String, Value>,
    /// Left out of routing.
    pub blocked: bool,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_at: Timestamp,
    pub updated_by: Option<String>,
}

impl Model {
    /// The team that alone may call it.
    pub fn team_id(&self) -> Option<&str> {
        text(&self.info, "team_id")
    }

    /// Puts it into an access group, or takes it out; returns whether that is new.
    pub fn set_group(&mut self, group: &str, belongs: bool) -> bool {
        let listed = self.info.get("access_groups").and_then(Value::as_array).cloned().unwrap_or_default();
        if listed.iter().any(|name| name == group) == belongs {
            return false;
        }
        let others = listed.into_iter().filter(|name| name != group);
        let groups = others.chain(belongs.then(|| group.into())).collect::<Vec<Value>>();
        self.info.insert("access_groups".into(), groups.into());
        true
    }

    /// The credential that fills in its parameters.
    pub fn credential_name(&self) -> Option<&str> {
        text(self.params.reveal(), "litellm_credential_name")
    }

    /// As an entry of `model_list`.
    pub fn entry(&self) -> Value {
        let mut info = self.info.clone();
        info.remove("blocked");
        info.insert("id".into(), self.id.as_str().into());
        json!({ "model_name": self.name, "litellm_params": self.params, "model_info": info })
    }
}

fn text<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    map.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
