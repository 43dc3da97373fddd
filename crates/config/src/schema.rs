//! JSON Schema of `config.yaml`, for editors, made from the tables of keys.

use serde_json::{Map, Value, json};

use crate::keys::{self, Key, Kind};

/// The schema (draft 2020-12). It is a little stricter than the reader, which also takes numbers in quotes.
pub fn schema() -> Value {
    let model = object(keys::MODEL, &["model_name", "litellm_params"], false);
    let mut root = object(keys::TOP, &[], false);
    let sections = [
        ("general_settings", object(keys::GENERAL_SETTINGS, &[], false)),
        ("litellm_settings", object(keys::LITELLM_SETTINGS, &[], false)),
        ("router_settings", object(keys::ROUTER_SETTINGS, &[], false)),
        ("bulkhead_settings", object(keys::BULKHEAD_SETTINGS, &[], false)),
        ("credential_list", list(object(keys::CREDENTIAL, &["credential_name"], false))),
        ("model_list", list(model)),
    ];
    for (name, section) in sections {
        put(&mut root["properties"][name], section);
    }
    let entry = &mut root["properties"]["model_list"]["items"]["properties"];
    put(&mut entry["litellm_params"], object(keys::LITELLM_PARAMS, &["model"], true));
    put(&mut entry["model_info"], object(keys::MODEL_INFO, &[], true));
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("config.yaml of Bulkhead");
    root["$defs"] = definitions();
    root
}

fn object(table: &[Key], required: &[&str], open: bool) -> Value {
    let properties = table.iter().map(|key| (key.name.to_owned(), property(key))).collect::<Map<_, _>>();
    json!({"type": ["object", "null"], "properties": properties, "required": required, "additionalProperties": open})
}

fn list(items: Value) -> Value {
    json!({"type": ["array", "null"], "items": items})
}

/// Replaces what a property takes, and keeps its description.
fn put(property: &mut Value, with: Value) {
    let description = property.get("description").cloned();
    *property = with;
    if let Some(description) = description {
        property["description"] = description;
    }
}

fn property(key: &Key) -> Value {
    let mut property = json!({"description": key.description()});
    if key.kind != Kind::Any {
        property["$ref"] = json!(format!("#/$defs/{}", definition(key.kind)));
    }
    property
}

const fn definition(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Bool => "boolean",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Seconds => "seconds",
        Kind::Texts => "texts",
        Kind::List => "list",
        Kind::Map => "map",
        Kind::Any => "any",
    }
}

fn definitions() -> Value {
    let or_variable =
        |shape: Value| json!({"anyOf": [shape, {"type": "null"}, {"$ref": "#/$defs/variable"}]});
    json!({
        "variable": {"type": "string", "pattern": "^os\\.environ/", "description": "The value of an environment variable."},
        "text": {"type": ["string", "number", "null"]},
        "boolean": or_variable(json!({"type": "boolean"})),
        "integer": or_variable(json!({"type": "integer"})),
        "number": or_variable(json!({"type": "number"})),
        "seconds": or_variable(json!({"type": "number", "minimum": 0})),
        "texts": {"type": ["array", "null"], "items": {"type": ["string", "number"]}},
        "list": {"type": ["array", "null"]},
        "map": {"type": ["object", "null"]},
    })
}
