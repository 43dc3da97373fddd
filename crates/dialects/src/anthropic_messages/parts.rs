//! Content blocks of messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::DialectError;
use crate::hub::{Part, PartKind, Source};
use crate::read::{Notes, Object, Path, ReadError, elements, text};

/// Content that is a string or an array of blocks.
pub(super) fn content<'a>(
    raw: &'a RawValue,
    path: &Path<'_>,
    notes: &mut Notes,
) -> Result<Vec<Part<'a>>, DialectError> {
    if let Some(text) = text(raw.get()) {
        return Ok(vec![Part { kind: PartKind::Text(text), cache: None, path: path.to_string() }]);
    }
    let list = elements(raw.get()).ok_or_else(|| ReadError::new(path, "a string or an array of blocks"))?;
    list.into_iter().enumerate().map(|(index, raw)| read(raw, &path.index(index), notes)).collect()
}

/// Reads one block. A type that is not known stays as it was written.
pub(crate) fn read<'a>(
    raw: &'a RawValue,
    path: &Path<'_>,
    notes: &mut Notes,
) -> Result<Part<'a>, DialectError> {
    let mut object = Object::of(raw, path)?;
    let kind = object.required_text("type")?;
    let cache = object.take("cache_control");
    let kind = match kind.as_ref() {
        "text" => {
            if object.peek("citations").is_some_and(|raw| raw.get() == "[]") {
                object.ignore(&["citations"]);
            }
            PartKind::Text(object.required_text("text")?)
        }
        "image" => PartKind::Image { source: source(&mut object, notes)? },
        "document" => document(&mut object, notes)?,
        "tool_use" => {
            object.ignore(&["caller"]);
            PartKind::ToolUse {
                id: object.required_text("id")?,
                name: object.required_text("name")?,
                input: Cow::Borrowed(object.required("input", "an object")?),
            }
        }
        "tool_result" => tool_result(&mut object, notes)?,
        "thinking" => PartKind::Thinking {
            text: object.required_text("thinking")?,
            signature: object.text("signature")?.filter(|signature| !signature.is_empty()),
        },
        "redacted_thinking" => PartKind::RedactedThinking { data: object.required_text("data")? },
        _ => return Ok(Part { kind: PartKind::Native { kind, raw }, cache: None, path: path.to_string() }),
    };
    object.finish(notes);
    Ok(Part { kind, cache, path: path.to_string() })
}

fn tool_result<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<PartKind<'a>, DialectError> {
    let parts = match object.take("content") {
        Some(raw) => content(raw, &object.path.key("content"), notes)?,
        None => Vec::new(),
    };
    Ok(PartKind::ToolResult {
        id: object.required_text("tool_use_id")?,
        parts,
        is_error: object.flag("is_error")?.unwrap_or(false),
    })
}

fn document<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<PartKind<'a>, DialectError> {
    let disabled = |raw: &&RawValue| raw.get().contains(r#""enabled":false"#);
    if object.peek("citations").as_ref().is_some_and(disabled) {
        object.ignore(&["citations"]);
    }
    let title = object.text("title")?;
    Ok(PartKind::Document { source: source(object, notes)?, title })
}

fn source<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<Source<'a>, DialectError> {
    let path = object.path.key("source");
    let mut source = Object::of(object.required("source", "an object")?, &path)?;
    let read = match source.required_text("type")?.as_ref() {
        "base64" => Source::Base64 {
            media_type: source.required_text("media_type")?,
            data: source.required_text("data")?,
        },
        "url" => Source::Url(source.required_text("url")?),
        "file" => Source::FileId(source.required_text("file_id")?),
        "text" => {
            source.ignore(&["media_type"]);
            Source::Text(source.required_text("data")?)
        }
        other => {
            let message = format!("`{path}.type` is `{other}`; expected base64, url, file or text");
            return Err(DialectError::invalid(path.key("type"), message));
        }
    };
    source.finish(notes);
    Ok(read)
}
