//! The fields of an access group as clients send them.

use domain::owner::AccessGroup;
use kit::KeyHash;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::nouns::{ASSIGNED_MAX, Assignment};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::input::{Names, inactive};
use crate::owner::fields::{Sent, check_name};

/// Kept and shown: there are no such servers and agents yet.
pub const KEPT: [&str; 2] = ["access_mcp_server_ids", "access_agent_ids"];
/// Most names in one list of a group.
const NAMES_MAX: usize = 1_000;
/// Longest description.
const DESCRIPTION_CHARS_MAX: usize = 4_096;

/// An access group. A field that is left out keeps its value, or has none; null clears it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"access_group_name": "research", "access_model_names": ["gpt-4o", "claude-*"], "assigned_team_ids": []}))]
pub struct GroupFields {
    /// Unique.
    pub access_group_name: Option<String>,
    description: Option<String>,
    /// Names, wildcards (`openai/*`) or access groups of models; none grants none.
    access_model_names: Option<Vec<String>>,
    access_mcp_server_ids: Option<Vec<String>>,
    access_agent_ids: Option<Vec<String>>,
    /// The teams that are in the group, all of them: others leave it.
    assigned_team_ids: Option<Vec<String>>,
    /// The same of keys: hashes, or raw keys.
    assigned_key_ids: Option<Vec<String>>,
}

/// Names the fields that are kept but change nothing yet.
pub fn unheeded(raw: &Map<String, Value>) -> Names {
    inactive(raw, KEPT.iter())
}

impl GroupFields {
    /// # Errors
    /// 400 that names the field.
    pub fn check(&self, raw: &Map<String, Value>) -> Result<(), ApiError> {
        let name = self.access_group_name.as_deref();
        check_name("access_group_name", name)?;
        let is_blank = name.is_some_and(|name| name.trim().is_empty());
        if is_blank || (name.is_none() && raw.contains_key("access_group_name")) {
            return Err(ApiError::bad("access_group_name", "`access_group_name` must not be empty."));
        }
        if self.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            let message = format!("`description` has more than {DESCRIPTION_CHARS_MAX} characters.");
            return Err(ApiError::bad("description", message));
        }
        let lists = [
            ("access_model_names", &self.access_model_names, NAMES_MAX),
            (KEPT[0], &self.access_mcp_server_ids, NAMES_MAX),
            (KEPT[1], &self.access_agent_ids, NAMES_MAX),
            ("assigned_team_ids", &self.assigned_team_ids, ASSIGNED_MAX),
            ("assigned_key_ids", &self.assigned_key_ids, ASSIGNED_MAX),
        ];
        for (field, list, most) in lists {
            if list.as_ref().is_some_and(|list| list.len() > most) {
                return Err(ApiError::bad(field, format!("`{field}` takes {most} entries at most.")));
            }
        }
        Ok(())
    }

    /// Changes a group so.
    pub fn apply(&self, raw: &Map<String, Value>, group: &mut AccessGroup) {
        let sent = Sent(raw);
        sent.set("access_group_name", &mut group.name, self.access_group_name.clone().unwrap_or_default());
        sent.set("description", &mut group.description, self.description.clone());
        sent.set(
            "access_model_names",
            &mut group.models,
            self.access_model_names.clone().unwrap_or_default(),
        );
        sent.keep(&KEPT, &mut group.extra);
    }

    /// Who is to be in the group, as far as that was sent.
    ///
    /// # Errors
    /// 400 when a key is named by what is no key.
    pub fn assignment(&self, raw: &Map<String, Value>) -> Result<Assignment, ApiError> {
        let bad = || {
            let message = "Keys are named by their hash, or by the key itself.";
            ApiError::bad("assigned_key_ids", message)
        };
        let keys = self.assigned_key_ids.iter().flatten();
        let keys = keys.map(|key| KeyHash::from_key_or_hash(key).map_err(|_| bad()));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ok(Assignment {
            teams: raw
                .contains_key("assigned_team_ids")
                .then(|| self.assigned_team_ids.clone().unwrap_or_default()),
            keys: raw.contains_key("assigned_key_ids").then_some(keys),
        })
    }
}
