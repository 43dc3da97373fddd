//! Turns and content blocks of a Messages request.

use serde_json::value::RawValue;

use crate::error::DialectError;
use crate::hub::{Message, Part, PartKind, Role, Source};
use crate::read::Notes;
use crate::write::{Array, Object};

pub(super) fn text_block(text: &str, cache: Option<&RawValue>, list: &mut Array<'_>) {
    let mut object = list.object();
    object.put("type", "text");
    object.put("text", text);
    object.put_some("cache_control", &cache);
    object.close();
}

/// A turn without anything to say is left out: the provider refuses empty ones.
pub(super) fn write_message(
    message: &Message<'_>,
    list: &mut Array<'_>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let is_empty = |part: &&Part<'_>| matches!(&part.kind, PartKind::Text(text) if text.is_empty());
    let mut parts: Vec<&Part<'_>> = message.parts.iter().filter(|part| !is_empty(part)).collect();
    // Results of tools must come first in a turn, thoughts before all else of the model's.
    parts.sort_by_key(|part| match part.kind {
        PartKind::ToolResult { .. } | PartKind::Thinking { .. } | PartKind::RedactedThinking { .. } => 0,
        _ => 1,
    });
    if parts.is_empty() {
        return Ok(());
    }
    let mut object = list.object();
    object.put("role", if message.role == Role::User { "user" } else { "assistant" });
    match parts[..] {
        [Part { kind: PartKind::Text(text), cache: None, .. }] => object.put("content", text),
        _ => {
            let mut content = object.array("content");
            for part in parts {
                block(part, &mut content, notes)?;
            }
            content.close();
        }
    }
    object.close();
    Ok(())
}

/// What of chat's parts the Messages API cannot take.
const REFUSED_PARTS: &[&str] = &["input_audio", "video_url", "input_video"];

fn block(part: &Part<'_>, list: &mut Array<'_>, notes: &mut Notes) -> Result<(), DialectError> {
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => text_block(text, part.cache, list),
        PartKind::Native { kind, .. } if REFUSED_PARTS.contains(&kind.as_ref()) => {
            let message = format!("`{}`: {kind} cannot be sent to this model", part.path);
            return Err(DialectError::invalid(&part.path, message));
        }
        PartKind::Native { raw, .. } => list.next().extend_from_slice(raw.get().as_bytes()),
        // Without its signature a thought cannot be sent back.
        PartKind::Thinking { signature: None, .. } => {
            notes.drop(format_args!("{} (no signature)", part.path))
        }
        _ => {
            let mut object = list.object();
            block_members(part, &mut object, notes)?;
            object.put_some("cache_control", &part.cache);
            object.close();
        }
    }
    Ok(())
}

fn block_members(part: &Part<'_>, object: &mut Object<'_>, notes: &mut Notes) -> Result<(), DialectError> {
    match &part.kind {
        PartKind::Image { source } => {
            object.put("type", "image");
            write_source(source, object);
        }
        PartKind::Document { source, title } => {
            object.put("type", "document");
            write_source(source, object);
            object.put_some("title", title);
        }
        PartKind::ToolUse { id, name, input } => {
            object.put("type", "tool_use");
            object.put("id", id);
            object.put("name", name);
            object.key("input").extend_from_slice(input.get().as_bytes());
        }
        PartKind::ToolResult { id, parts, is_error } => {
            object.put("type", "tool_result");
            object.put("tool_use_id", id);
            if *is_error {
                object.put("is_error", &true);
            }
            result_content(parts, object, notes)?;
        }
        PartKind::Thinking { text, signature } => {
            object.put("type", "thinking");
            object.put("thinking", text);
            object.put_some("signature", signature);
        }
        PartKind::RedactedThinking { data } => {
            object.put("type", "redacted_thinking");
            object.put("data", data);
        }
        PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Native { .. } => {}
    }
    Ok(())
}

fn result_content(
    parts: &[Part<'_>],
    object: &mut Object<'_>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    match parts {
        [] => {}
        [Part { kind: PartKind::Text(text), cache: None, .. }] => object.put("content", text),
        _ => {
            let mut content = object.array("content");
            for part in parts {
                block(part, &mut content, notes)?;
            }
            content.close();
        }
    }
    Ok(())
}

fn write_source(source: &Source<'_>, object: &mut Object<'_>) {
    let mut inner = object.object("source");
    match source {
        Source::Base64 { media_type, data } if media_type == "text/plain" => {
            inner.put("type", "text");
            inner.put("media_type", "text/plain");
            inner.put("data", &decoded(data));
        }
        Source::Base64 { media_type, data } => {
            inner.put("type", "base64");
            inner.put("media_type", media_type);
            inner.put("data", data);
        }
        Source::Url(url) => {
            inner.put("type", "url");
            inner.put("url", url);
        }
        Source::Text(text) => {
            inner.put("type", "text");
            inner.put("media_type", "text/plain");
            inner.put("data", text);
        }
        Source::FileId(id) => {
            inner.put("type", "file");
            inner.put("file_id", id);
        }
    }
    inner.close();
}

/// A plain text that came as base64: the Messages API wants it as text.
fn decoded(data: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
