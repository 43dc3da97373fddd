use std::borrow::Cow;

use super::JSON_TOOL;
use crate::hub::{PartKind, Response, Stop};
use crate::read::{Notes, Object, Path, ReadError};
use crate::write;

/// `stop_reason` as the hub says it.
pub(crate) fn stop_of(word: &str) -> Stop {
    match word {
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "stop_sequence" => Stop::StopSequence,
        "tool_use" => Stop::ToolUse,
        "pause_turn" => Stop::Pause,
        "refusal" => Stop::Refusal,
        _ => Stop::End,
    }
}

/// The `stop_reason` for it.
pub(crate) const fn stop_word(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::StopSequence => "stop_sequence",
        Stop::ToolUse => "tool_use",
        Stop::Pause => "pause_turn",
        Stop::Refusal => "refusal",
    }
}

/// Reads a message. A call of [`JSON_TOOL`] is the answer's text.
pub(crate) fn read_response<'a>(body: &'a str, notes: &mut Notes) -> Result<Response<'a>, ReadError> {
    let root = Path::Root;
    let mut object = Object::parse(body, &root)?;
    let path = root.key("content");
    let blocks = object.array("content")?.ok_or_else(|| ReadError::new(&path, "an array of blocks"))?;
    let mut parts = Vec::with_capacity(blocks.len());
    for (index, raw) in blocks.into_iter().enumerate() {
        let at = path.index(index);
        let mut part = super::part(raw, &at, notes)
            .map_err(|error| ReadError { path: error.to_string(), expected: "a content block" })?;
        if let PartKind::ToolUse { name, input, .. } = &part.kind
            && name == JSON_TOOL
        {
            part.kind = PartKind::Text(Cow::Owned(input.get().to_owned()));
        }
        parts.push(part);
    }
    let mut stop = object.text("stop_reason")?.as_deref().map_or(Stop::End, stop_of);
    if stop == Stop::ToolUse && !parts.iter().any(|part| matches!(part.kind, PartKind::ToolUse { .. })) {
        stop = Stop::End;
    }
    let usage = object.take("usage").and_then(|raw| super::usage(raw.get().as_bytes()));
    Ok(Response { id: object.text("id")?, parts, stop, stop_sequence: object.text("stop_sequence")?, usage })
}

/// Writes a message.
pub(crate) fn write_response(
    response: &Response<'_>,
    context: &crate::ResponseContext<'_>,
    notes: &mut Notes,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = write::Object::open(&mut out);
    object.put("id", &write::prefixed("msg_", context.id));
    object.put("type", "message");
    object.put("role", "assistant");
    object.put("model", context.model);
    let mut content = object.array("content");
    for part in &response.parts {
        write_block(&part.kind, &mut content, notes);
    }
    content.close();
    object.put("stop_reason", stop_word(response.stop));
    object.put("stop_sequence", &response.stop_sequence);
    super::write_usage(&response.usage.unwrap_or_default(), object.key("usage"));
    object.close();
    out
}

fn write_block(kind: &PartKind<'_>, content: &mut write::Array<'_>, notes: &mut Notes) {
    if let PartKind::Native { kind, .. } = kind {
        notes.drop(format_args!("content ({kind})"));
        return;
    }
    let mut block = content.object();
    match kind {
        PartKind::Text(text) | PartKind::Refusal(text) => {
            block.put("type", "text");
            block.put("text", text);
        }
        PartKind::ToolUse { id, name, input } => {
            block.put("type", "tool_use");
            block.put("id", id);
            block.put("name", name);
            block.key("input").extend_from_slice(input.get().as_bytes());
        }
        PartKind::Thinking { text, signature } => {
            block.put("type", "thinking");
            block.put("thinking", text);
            block.put("signature", signature.as_deref().unwrap_or_default());
        }
        PartKind::RedactedThinking { data } => {
            block.put("type", "redacted_thinking");
            block.put("data", data);
        }
        PartKind::Image { .. }
        | PartKind::Document { .. }
        | PartKind::ToolResult { .. }
        | PartKind::Native { .. } => {}
    }
    block.close();
}
