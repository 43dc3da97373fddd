use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names of values that are no secrets and are shown as they are. Everything else that is text is masked.
const PLAIN: [&str; 27] = [
    "additional_drop_params",
    "api_version",
    "aws_profile_name",
    "aws_region_name",
    "aws_role_name",
    "aws_session_name",
    "base_model",
    "budget_duration",
    "custom_llm_provider",
    "encoding_format",
    "gcs_bucket_name",
    "litellm_credential_name",
    "mock_response",
    "model",
    "organization",
    "reasoning_effort",
    "region_name",
    "role",
    "service_tier",
    "stop",
    "tags",
    "type",
    "verbosity",
    "vertex_location",
    "vertex_project",
    "voice",
    "watsonx_region_name",
];
/// Shown without what a URL may hide.
const URLS: [&str; 3] = ["api_base", "aws_bedrock_runtime_endpoint", "base_url"];
/// What a value begins with that names an environment variable instead of holding a secret.
const REFERENCE: &str = "os.environ/";
const MASK: &str = "****";
/// A shorter secret shows nothing of itself.
const TAIL_OF_CHARS_MIN: usize = 20;
/// How much a longer one shows, so that its owner knows it again.
const TAIL_CHARS: usize = 4;

/// Parameters of which some are secrets. It prints as their names alone.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretMap(Map<String, Value>);

impl SecretMap {
    pub const fn new(values: Map<String, Value>) -> Self {
        Self(values)
    }

    pub const fn reveal(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The same with every secret masked.
    pub fn shown(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
    }

    /// Sets `changes` one by one; null removes. What was shown of a secret and came back as it was shown is no
    /// change.
    pub fn merge(&mut self, changes: Map<String, Value>) {
        for (name, value) in changes {
            let unchanged = |old: &Value| value == shown(&name, old);
            if value.is_null() {
                self.0.remove(&name);
            } else if !self.0.get(&name).is_some_and(unchanged) {
                self.0.insert(name, value);
            }
        }
    }
}

impl fmt::Debug for SecretMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn shown(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(REFERENCE) => value.clone(),
        Value::String(text) if URLS.contains(&name) => without_credentials(text).into(),
        Value::String(text) if PLAIN.contains(&name) && !text.contains("://") => value.clone(),
        Value::String(text) => masked(text).into(),
        Value::Array(list) => list.iter().map(|item| shown(name, item)).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect(),
        plain => plain.clone(),
    }
}

fn masked(text: &str) -> String {
    let count = text.chars().count();
    let tail = if count < TAIL_OF_CHARS_MIN { count } else { count - TAIL_CHARS };
    MASK.chars().chain(text.chars().skip(tail)).collect()
}

/// Takes `user:password@` and the query out of a URL.
pub fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> SecretMap {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_masked_however_deep() {
        let secrets = map(json!({
            "api_key": "sk-provider-secret-0123456789", "short": "hunter2", "from_env": "os.environ/KEY",
            "api_base": "https://user:secret@host:1/v1?key=secret", "rpm": 5, "drop_params": true, "stop": ["x"],
            "extra_headers": {"x-auth": "secret"}, "vertex_credentials": [{"private_key": "secret"}],
        }));
        let shown = json!({
            "api_key": "****6789", "short": "****", "from_env": "os.environ/KEY", "api_base": "https://host:1/v1",
            "rpm": 5, "drop_params": true, "stop": ["x"], "extra_headers": {"x-auth": "****"},
            "vertex_credentials": [{"private_key": "****"}],
        });
        assert_eq!(Value::Object(secrets.shown()), shown);
        assert!(!format!("{secrets:?}").contains("secret-0"));
    }

    #[test]
    fn what_was_shown_and_came_back_changes_nothing() {
        let mut secrets =
            map(json!({"api_key": "sk-provider-secret-0123456789", "api_base": "https://u:p@h/v1", "a": 1}));
        let mut changes = secrets.shown();
        changes.insert("a".into(), Value::Null);
        changes.insert("b".into(), 2.into());
        secrets.merge(changes);
        let expected =
            json!({"api_key": "sk-provider-secret-0123456789", "api_base": "https://u:p@h/v1", "b": 2});
        assert_eq!(json!(secrets), expected);
        secrets.merge(map(json!({"api_key": "sk-new"})).0);
        assert_eq!(secrets.reveal()["api_key"], "sk-new");
    }

    #[test]
    fn a_url_shows_no_credentials() {
        for (url, shown) in [
            ("https://user:secret@host:1/v1?key=abc", "https://host:1/v1"),
            ("https://host/v1", "https://host/v1"),
            ("https://a@b@host", "https://host"),
            ("host/v1?sig=x", "host/v1"),
        ] {
            assert_eq!(without_credentials(url), shown, "{url}");
        }
    }
}
