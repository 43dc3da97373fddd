//! The form of the answer: natively (`output_config.format`), or by a tool that the model must call.

use serde_json::Value;
use serde_json::value::RawValue;

use super::models::Abilities;
use crate::hub::{Format, Request, Tool, ToolChoice};

/// The tool by which a model without structured outputs gives its answer as JSON. No client may use
/// this name: the answer's call of it is turned back into text.
pub(crate) const JSON_TOOL: &str = "bulkhead_json_answer";

/// How to say `format`.
#[derive(Debug)]
pub(super) enum FormatPlan<'a> {
    Free,
    Native(&'a RawValue),
    /// By [`JSON_TOOL`], with this schema of its input.
    Tool {
        schema: &'a str,
        description: Option<&'a str>,
    },
}

/// The schema of any JSON object.
const ANY_OBJECT: &str = r#"{"type":"object","additionalProperties":true}"#;

pub(super) fn plan<'r>(request: &'r Request<'_>, abilities: Abilities) -> FormatPlan<'r> {
    match &request.format {
        None => FormatPlan::Free,
        Some(Format::Json) => FormatPlan::Tool { schema: ANY_OBJECT, description: None },
        Some(Format::Schema { schema, .. }) if abilities.schema && is_native(schema) => {
            FormatPlan::Native(schema)
        }
        Some(Format::Schema { schema, description, .. }) => {
            FormatPlan::Tool { schema: schema.get(), description: description.as_deref() }
        }
    }
}

/// What tool choice a forced JSON answer needs. A model that thinks cannot be forced, only offered.
pub(super) fn tool_choice<'r>(request: &'r Request<'_>, thinks: bool) -> ToolChoice<'r> {
    let others = request.tools.iter().any(|tool| matches!(tool, Tool::Function { .. } | Tool::Native { .. }));
    match &request.tool_choice {
        Some(ToolChoice::Named(name)) => ToolChoice::Named(name.clone()),
        _ if thinks => ToolChoice::Auto,
        Some(ToolChoice::None) => ToolChoice::Named(JSON_TOOL.into()),
        _ if others => ToolChoice::Any,
        _ => ToolChoice::Named(JSON_TOOL.into()),
    }
}

/// Keywords that structured outputs refuse (Anthropic's guide, "JSON Schema limitations").
const REFUSED: &[&str] = &[
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Would structured outputs take this schema as it is? Each object must forbid further properties, and no
/// keyword may be one of [`REFUSED`]. Other schemas go by the tool, which takes any.
pub(super) fn is_native(schema: &RawValue) -> bool {
    serde_json::from_str::<Value>(schema.get()).is_ok_and(|schema| fits(&schema))
}

fn fits(schema: &Value) -> bool {
    let Value::Object(schema) = schema else { return true };
    let is_object = schema.get("type").is_some_and(|kind| {
        kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
    });
    if is_object && schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return false;
    }
    schema.iter().all(|(key, value)| match key.as_str() {
        "minItems" => value.as_u64().is_some_and(|least| least <= 1),
        "properties" | "$defs" | "definitions" => {
            value.as_object().is_some_and(|members| members.values().all(fits))
        }
        "anyOf" | "allOf" => value.as_array().is_some_and(|list| list.iter().all(fits)),
        "items" => fits(value),
        key => REFUSED.binary_search(&key).is_err(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(schema: &str) -> bool {
        is_native(serde_json::from_str(schema).unwrap())
    }

    #[test]
    fn the_list_is_sorted_since_it_is_searched_by_halves() {
        assert!(REFUSED.is_sorted());
    }

    #[test]
    fn only_schemas_that_are_taken_whole_are_native() {
        assert!(native(
            r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#
        ));
        assert!(!native(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#));
        let nested = |inner: &str| {
            format!(r#"{{"type":"object","additionalProperties":false,"properties":{{"minimum":{inner}}}}}"#)
        };
        assert!(native(&nested(r#"{"type":"integer"}"#)), "a property may have a keyword's name");
        assert!(!native(&nested(r#"{"type":"integer","minimum":1}"#)));
        assert!(!native(&nested(r#"{"type":"array","items":{"oneOf":[]}}"#)));
    }
}
