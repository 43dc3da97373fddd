//! Reads and checks a chat completion request as OpenAI does.

use base64::Engine as _;
use serde_json::Value;

use super::asked::{Asked, Choice, Invalid, Tool, cache_marks, invalid, strings};

const ROLES: &[&str] = &["developer", "system", "user", "assistant", "tool", "function"];

pub fn read(body: &Value) -> Result<Asked, Invalid> {
    let Some(messages) = body["messages"].as_array() else {
        return Err(invalid("messages", "Missing required parameter: 'messages'."));
    };
    if messages.is_empty() {
        return Err(invalid(
            "messages",
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
        ));
    }
    let mut asked = Asked { turns: messages.len(), cache_marks: cache_marks(body), ..Asked::default() };
    check_tool_turns(messages)?;
    for (index, message) in messages.iter().enumerate() {
        read_message(&mut asked, index, message)?;
    }
    asked.ends_with_results = messages.last().is_some_and(|last| last["role"] == "tool");
    read_options(&mut asked, body)?;
    Ok(asked)
}

fn read_message(asked: &mut Asked, index: usize, message: &Value) -> Result<(), Invalid> {
    let role = message["role"].as_str().unwrap_or_default();
    if !ROLES.contains(&role) {
        return Err(invalid(
            &format!("messages[{index}].role"),
            format!(
                "Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."
            ),
        ));
    }
    let content = &message["content"];
    if content.is_null() && !(role == "assistant" && message["tool_calls"].is_array()) {
        return Err(invalid(
            &format!("messages[{index}].content"),
            "Invalid value for 'content': expected a string, got null.",
        ));
    }
    match role {
        "system" | "developer" => {
            let text = text_of(asked, index, content)?;
            asked.take_text(&text);
            asked.system.push(text);
        }
        "user" => {
            let text = text_of(asked, index, content)?;
            asked.take_user_text(&text);
        }
        "tool" => {
            let text = text_of(asked, index, content)?;
            asked.take_text(&text);
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            asked.results.push((id.to_owned(), text));
        }
        _ => {
            let text = text_of(asked, index, content)?;
            asked.take_text(&text);
        }
    }
    Ok(())
}

fn text_of(asked: &mut Asked, index: usize, content: &Value) -> Result<String, Invalid> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Null => return Ok(String::new()),
        Value::Array(parts) => parts,
        _ => {
            return Err(invalid(
                &format!("messages[{index}].content"),
                "Invalid type for 'content': expected one of a string or array of objects.",
            ));
        }
    };
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        let path = format!("messages[{index}].content[{at}]");
        match part["type"].as_str() {
            Some("text") => text.push_str(part["text"].as_str().unwrap_or_default()),
            Some("image_url") => asked.images.push(image(&path, &part["image_url"]["url"])?),
            Some("input_audio" | "file" | "refusal") => {}
            other => {
                return Err(invalid(
                    &format!("{path}.type"),
                    format!(
                        "Invalid value: '{}'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', and 'file'.",
                        other.unwrap_or_default()
                    ),
                ));
            }
        }
    }
    Ok(text)
}

fn image(path: &str, url: &Value) -> Result<String, Invalid> {
    let url = url.as_str().unwrap_or_default();
    let Some(data) = url.strip_prefix("data:") else {
        return if url.starts_with("http") {
            Ok(format!("url:{url}"))
        } else {
            Err(invalid(path, "Invalid 'image_url': expected a URL or a data URL."))
        };
    };
    let (kind, encoded) = data.split_once(";base64,").unwrap_or_default();
    match base64::engine::general_purpose::STANDARD.decode(encoded) {
        Ok(bytes) if kind.starts_with("image/") => Ok(format!("{kind}:{}", bytes.len())),
        _ => Err(invalid(path, "Invalid base64 image_url.")),
    }
}

/// Each assistant turn with calls must be followed by one result for each of them.
fn check_tool_turns(messages: &[Value]) -> Result<(), Invalid> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages[{index}].role");
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(at) = open.iter().position(|known| *known == id) else {
                return Err(invalid(
                    &path,
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                ));
            };
            open.remove(at);
        } else if !open.is_empty() {
            return Err(invalid(
                &path,
                format!(
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                     'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                    open.join(", ")
                ),
            ));
        }
        if let Some(calls) = message["tool_calls"].as_array() {
            for call in calls {
                check_call(index, call)?;
            }
            open = calls.iter().filter_map(|call| call["id"].as_str()).collect();
        }
    }
    Ok(())
}

fn check_call(index: usize, call: &Value) -> Result<(), Invalid> {
    let arguments = call["function"]["arguments"].as_str();
    if call["type"] == "function" && call["function"]["name"].is_string() && arguments.is_some() {
        return Ok(());
    }
    Err(invalid(
        &format!("messages[{index}].tool_calls"),
        "Invalid tool call: expected a function with string arguments.",
    ))
}

fn read_options(asked: &mut Asked, body: &Value) -> Result<(), Invalid> {
    for tool in body["tools"].as_array().into_iter().flatten() {
        let Some(name) = tool["function"]["name"].as_str() else {
            return Err(invalid("tools", "Missing required parameter: 'tools[0].function.name'."));
        };
        asked.tools.push(Tool { name: name.to_owned(), schema: tool["function"]["parameters"].clone() });
    }
    let choice = &body["tool_choice"];
    asked.choice = match choice.as_str() {
        Some("none") => Choice::None,
        Some("required") => Choice::Any,
        Some("auto") => Choice::Auto,
        Some(other) => return Err(invalid("tool_choice", format!("Invalid value: '{other}'."))),
        None => {
            choice["function"]["name"].as_str().map_or(Choice::Auto, |name| Choice::Named(name.to_owned()))
        }
    };
    asked.one_call_only = body["parallel_tool_calls"] == false;
    asked.json = match body["response_format"]["type"].as_str() {
        Some("json_schema") => Some(body["response_format"]["json_schema"]["schema"].clone()),
        Some("json_object") => Some(Value::Null),
        Some("text") | None => None,
        Some(other) => return Err(invalid("response_format.type", format!("Invalid value: '{other}'."))),
    };
    asked.stop = strings(&body["stop"]);
    asked.max_tokens = body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64());
    asked.thinking = body["reasoning_effort"].as_str().is_some_and(|effort| effort != "none");
    asked.choices = body["n"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1).clamp(1, 8);
    asked.end_user = body["user"].as_str().map(str::to_owned);
    if body["temperature"].as_f64().is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return Err(invalid(
            "temperature",
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
        ));
    }
    Ok(())
}
