//! Reads and checks a messages request as Anthropic does, unknown fields included: those are refused, so
//! that a field of another dialect that leaks through a translation is seen.

use base64::Engine as _;
use serde_json::Value;

use super::asked::{Asked, Choice, Invalid, Tool, cache_marks, invalid, strings};

/// Top-level fields of the public API; those that begin with `x_` are let through for tests of unknown fields.
const FIELDS: &[&str] = &[
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

pub fn read(body: &Value, counting: bool) -> Result<Asked, Invalid> {
    for name in body.as_object().into_iter().flat_map(|map| map.keys()) {
        if !FIELDS.contains(&name.as_str()) && !name.starts_with("x_") {
            return Err(invalid(name, format!("{name}: Extra inputs are not permitted")));
        }
    }
    let Some(messages) = body["messages"].as_array() else {
        return Err(invalid("messages", "messages: Field required"));
    };
    if messages.is_empty() {
        return Err(invalid("messages", "messages: at least one message is required"));
    }
    if !counting && body["max_tokens"].as_u64().is_none_or(|max| max == 0) {
        return Err(invalid("max_tokens", "max_tokens: Field required"));
    }
    let mut asked =
        Asked { turns: messages.len(), cache_marks: cache_marks(body), choices: 1, ..Asked::default() };
    read_system(&mut asked, &body["system"])?;
    check_tool_turns(messages)?;
    for (index, message) in messages.iter().enumerate() {
        read_message(&mut asked, index, message)?;
    }
    read_options(&mut asked, body)?;
    Ok(asked)
}

fn read_system(asked: &mut Asked, system: &Value) -> Result<(), Invalid> {
    let texts = match system {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(blocks) => {
            if let Some(at) = blocks.iter().position(|block| block["type"] != "text") {
                return Err(invalid("system", format!("system.{at}.type: Input should be 'text'")));
            }
            blocks.iter().filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
        }
        _ => return Err(invalid("system", "system: Input should be a valid list")),
    };
    for text in texts {
        asked.take_text(&text);
        asked.system.push(text);
    }
    Ok(())
}

fn read_message(asked: &mut Asked, index: usize, message: &Value) -> Result<(), Invalid> {
    let role = message["role"].as_str().unwrap_or_default();
    if !["user", "assistant"].contains(&role) {
        return Err(invalid(
            "messages",
            format!("messages.{index}.role: Input should be 'user' or 'assistant'"),
        ));
    }
    asked.ends_with_results = false;
    let blocks = match &message["content"] {
        Value::String(text) if role == "user" => {
            asked.take_user_text(text);
            return Ok(());
        }
        Value::String(text) => {
            asked.take_text(text);
            return Ok(());
        }
        Value::Array(blocks) if !blocks.is_empty() => blocks,
        _ => {
            return Err(invalid(
                "messages",
                format!("messages.{index}: all messages must have non-empty content"),
            ));
        }
    };
    for (at, block) in blocks.iter().enumerate() {
        read_block(asked, role, &format!("messages.{index}.content.{at}"), block)?;
    }
    Ok(())
}

fn read_block(asked: &mut Asked, role: &str, path: &str, block: &Value) -> Result<(), Invalid> {
    match (block["type"].as_str().unwrap_or_default(), role) {
        ("text", _) => {
            let Some(text) = block["text"].as_str().filter(|text| !text.is_empty()) else {
                return Err(invalid("messages", format!("{path}: text content blocks must be non-empty")));
            };
            if role == "user" { asked.take_user_text(text) } else { asked.take_text(text) }
        }
        ("image", "user") => asked.images.push(image(path, &block["source"])?),
        ("document", "user") => asked.images.push("document".into()),
        ("thinking", "assistant") => {
            let Some(signature) =
                block["signature"].as_str().filter(|signature| signature.starts_with("sig-"))
            else {
                return Err(invalid("messages", format!("{path}: Invalid `signature` in `thinking` block")));
            };
            asked.signatures.push(signature.to_owned());
        }
        ("redacted_thinking", "assistant") => asked.signatures.push("redacted".into()),
        ("tool_use", "assistant") => {
            if !block["input"].is_object() || !block["id"].is_string() || !block["name"].is_string() {
                return Err(invalid(
                    "messages",
                    format!("{path}.tool_use.input: Input should be a valid dictionary"),
                ));
            }
        }
        ("tool_result", "user") => read_result(asked, path, block)?,
        (kind, _) => {
            return Err(invalid(
                "messages",
                format!("{path}: Input tag '{kind}' found using 'type' is not allowed here"),
            ));
        }
    }
    Ok(())
}

fn read_result(asked: &mut Asked, path: &str, block: &Value) -> Result<(), Invalid> {
    let mut text = block["content"].as_str().unwrap_or_default().to_owned();
    for part in block["content"].as_array().into_iter().flatten() {
        match part["type"].as_str() {
            Some("text") => text.push_str(part["text"].as_str().unwrap_or_default()),
            Some("image") => asked.images.push(image(path, &part["source"])?),
            _ => return Err(invalid("messages", format!("{path}.content: unknown kind of content"))),
        }
    }
    asked.take_text(&text);
    if block["is_error"] == true {
        text = format!("error:{text}");
    }
    asked.results.push((block["tool_use_id"].as_str().unwrap_or_default().to_owned(), text));
    asked.ends_with_results = true;
    Ok(())
}

fn image(path: &str, source: &Value) -> Result<String, Invalid> {
    match source["type"].as_str() {
        Some("url") => Ok(format!("url:{}", source["url"].as_str().unwrap_or_default())),
        Some("base64") => {
            let kind = source["media_type"].as_str().unwrap_or_default();
            let data = source["data"].as_str().unwrap_or_default();
            match base64::engine::general_purpose::STANDARD.decode(data) {
                Ok(bytes) if kind.starts_with("image/") => Ok(format!("{kind}:{}", bytes.len())),
                _ => Err(invalid("messages", format!("{path}.image.source.base64: invalid base64 data"))),
            }
        }
        _ => Err(invalid(
            "messages",
            format!("{path}.image.source: Input tag found using 'type' does not match"),
        )),
    }
}

/// Results must answer the calls of the turn before, all of them, and come first in their turn.
fn check_tool_turns(messages: &[Value]) -> Result<(), Invalid> {
    let ids = |message: &Value, kind: &str, field: &str| -> Vec<String> {
        let blocks = message["content"].as_array().into_iter().flatten();
        blocks
            .filter(|block| block["type"] == kind)
            .filter_map(|block| block[field].as_str().map(str::to_owned))
            .collect()
    };
    let mut open: Vec<String> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let results = ids(message, "tool_result", "tool_use_id");
        if let Some(id) = results.iter().find(|id| !open.contains(id)) {
            return Err(invalid(
                "messages",
                format!(
                    "messages.{index}.content: unexpected `tool_use_id` found in `tool_result` blocks: {id}"
                ),
            ));
        }
        if let Some(id) = open.iter().find(|id| !results.contains(id)) {
            return Err(invalid(
                "messages",
                format!(
                    "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}"
                ),
            ));
        }
        open = ids(message, "tool_use", "id");
    }
    Ok(())
}

fn read_options(asked: &mut Asked, body: &Value) -> Result<(), Invalid> {
    for tool in body["tools"].as_array().into_iter().flatten() {
        let name = tool["name"].as_str().filter(|name| !name.is_empty());
        let Some(name) = name else { return Err(invalid("tools", "tools.0.custom.name: Field required")) };
        if tool["type"].as_str().is_none_or(|kind| kind == "custom")
            && tool["input_schema"]["type"] != "object"
        {
            return Err(invalid("tools", "tools.0.custom.input_schema.type: Field required"));
        }
        asked.tools.push(Tool { name: name.to_owned(), schema: tool["input_schema"].clone() });
    }
    let choice = &body["tool_choice"];
    asked.choice = match choice["type"].as_str() {
        Some("none") => Choice::None,
        Some("any") => Choice::Any,
        Some("tool") => Choice::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        Some("auto") => Choice::Auto,
        Some(other) => {
            return Err(invalid("tool_choice", format!("tool_choice: Input tag '{other}' is not known")));
        }
        None if choice.is_null() => Choice::Auto,
        None => return Err(invalid("tool_choice", "tool_choice: Input should be an object")),
    };
    if !choice.is_null() && asked.tools.is_empty() {
        return Err(invalid("tool_choice", "tool_choice may only be specified while providing tools"));
    }
    asked.one_call_only = choice["disable_parallel_tool_use"] == true;
    let format = if body["output_config"]["format"].is_object() {
        &body["output_config"]["format"]
    } else {
        &body["output_format"]
    };
    if format["type"] == "json_schema" {
        asked.json = Some(format["schema"].clone());
    }
    asked.stop = strings(&body["stop_sequences"]);
    if asked.stop.iter().any(|stop| stop.trim().is_empty()) {
        return Err(invalid(
            "stop_sequences",
            "stop_sequences: each stop sequence must contain non-whitespace",
        ));
    }
    asked.max_tokens = body["max_tokens"].as_u64();
    asked.end_user = body["metadata"]["user_id"].as_str().map(str::to_owned);
    if body["temperature"].as_f64().is_some_and(|temperature| !(0.0..=1.0).contains(&temperature)) {
        return Err(invalid("temperature", "temperature: range: 0..1"));
    }
    read_thinking(asked, &body["thinking"])
}

fn read_thinking(asked: &mut Asked, thinking: &Value) -> Result<(), Invalid> {
    asked.thinking = matches!(thinking["type"].as_str(), Some("enabled" | "adaptive"));
    if thinking["type"] != "enabled" {
        return Ok(());
    }
    let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
    if budget < 1024 {
        return Err(invalid(
            "thinking",
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ));
    }
    if asked.max_tokens.is_some_and(|max| max <= budget) {
        return Err(invalid("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`."));
    }
    if matches!(asked.choice, Choice::Any | Choice::Named(_)) {
        return Err(invalid("thinking", "Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}
