use std::collections::{BTreeMap, HashMap};

use domain::{Deployment, SecretMap};
use serde_json::Value;

use super::entry::Reader;
use crate::diagnostic::{ConfigErrors, Diagnostic};
use crate::environment::{self, Environment};
use crate::node::{Content, Entry, Node, Place, Text};
use crate::problems::Problems;
use crate::settings::Settings;

/// What models are read with that stand in no file.
#[derive(Clone, Copy)]
pub struct ModelRules<'r> {
    pub settings: &'r Settings,
    /// What `litellm_credential_name` may refer to, by name.
    pub credentials: &'r BTreeMap<String, SecretMap>,
    /// The process's environment under the configuration's `environment_variables`.
    pub env: &'r dyn Fn(&str) -> Option<String>,
}

/// A model that can be called, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedModel {
    pub deployment: Deployment,
    pub warnings: Vec<Diagnostic>,
}

/// Reads an entry of `model_list` that was written as JSON, by the rules of the file. Paths of problems begin at
/// the entry: `litellm_params.rpm`.
///
/// # Errors
/// When something is missing, of a wrong type or without sense. All of it is told at once.
pub fn read_model(entry: &Value, rules: ModelRules<'_>) -> Result<LoadedModel, ConfigErrors> {
    let env = Environment::new(rules.env);
    let mut problems = Problems::default();
    let mut node = Node::of_json(entry);
    env.resolve(&mut node);
    environment::warn_unset(&node, "", &mut problems);
    let named = entry["litellm_params"]["litellm_credential_name"].as_str();
    let credential = named.and_then(|name| Some((name, rules.credentials.get(name)?)));
    let credential = credential.map(|(name, values)| {
        let mut values = Node::of_json(&Value::Object(values.reveal().clone()));
        env.resolve(&mut values);
        (name, values)
    });
    let credentials = credential.iter();
    let credentials =
        credentials.map(|(name, values)| (*name, values.entries().unwrap_or_default())).collect();
    let mut reader = Reader {
        settings: rules.settings,
        env: &env,
        credentials,
        skip_invalid: false,
        seen: HashMap::new(),
    };
    let deployment = reader.deployment_at("", 0, &node, &mut problems);
    match (problems.finish()?, deployment) {
        (warnings, Some(deployment)) => Ok(LoadedModel { deployment, warnings }),
        (warnings, None) => Err(ConfigErrors { errors: Vec::new(), warnings, more: 0 }),
    }
}

impl Node {
    fn of_json(value: &Value) -> Self {
        let plain = |text: String| Content::Text(Text { text, plain: true });
        let content = match value {
            Value::Null => plain("null".into()),
            Value::Bool(flag) => plain(flag.to_string()),
            Value::Number(number) => plain(number.to_string()),
            Value::String(text) => Content::Text(Text { text: text.clone(), plain: false }),
            Value::Array(items) => Content::List(items.iter().map(Self::of_json).collect()),
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| Entry {
                    key: key.clone(),
                    key_place: Place::default(),
                    value: Self::of_json(value),
                };
                Content::Map(map.iter().map(entry).collect())
            }
        };
        Self { content, place: Place::default() }
    }
}
