//! Reads the text out of a request in OpenAI's dialects.

use serde_json::Value;

/// The text of the last message of the user, or the whole prompt of a legacy completion.
pub(super) fn last_user_text(request: &Value) -> String {
    let mut text = String::new();
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    match messages.iter().rev().find(|message| message["role"] == "user") {
        Some(message) => append_text(&message["content"], &mut text),
        None => append_text(&request["prompt"], &mut text),
    }
    text
}

/// Characters of all that the request says.
pub(super) fn chars(request: &Value) -> u64 {
    let mut text = String::new();
    for message in request["messages"].as_array().into_iter().flatten() {
        append_text(&message["content"], &mut text);
    }
    append_text(&request["prompt"], &mut text);
    text.chars().count() as u64
}

/// Appends a string, or the text of each part of a list.
pub(super) fn append_text(content: &Value, text: &mut String) {
    match content {
        Value::String(plain) => text.push_str(plain),
        Value::Array(parts) => parts.iter().for_each(|part| append_text(part, text)),
        Value::Object(part) => append_text(part.get("text").unwrap_or(&Value::Null), text),
        Value::Number(token) => text.push_str(&token.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}
