//! Messages of a chat request.

use std::borrow::Cow;

use crate::error::DialectError;
use crate::hub::{Message, Part, PartKind, Request, Role, Source};
use crate::read::Notes;
use crate::write::{Array, Object, json_into};

/// Writes the system prompt and the turns.
pub(super) fn messages(
    request: &Request<'_>,
    notes: &mut Notes,
    out: &mut Vec<u8>,
) -> Result<(), DialectError> {
    let mut list = Array::open(out);
    if !request.system.is_empty() {
        if request.system.iter().any(|part| part.cache.is_some()) {
            notes.drop("system.cache_control");
        }
        let texts: Vec<&str> = request.system.iter().map(|part| part.text.as_ref()).collect();
        let mut object = list.object();
        object.put("role", "system");
        object.put("content", &texts.join("\n\n"));
        object.close();
    }
    for message in &request.messages {
        for part in &message.parts {
            if part.cache.is_some() {
                notes.drop(format_args!("{}.cache_control", part.path));
            }
        }
        match message.role {
            Role::User => user(message, &mut list, notes)?,
            Role::Assistant => assistant(message, &mut list, notes),
        }
    }
    list.close();
    Ok(())
}

/// A user's turn: each tool result is a message of its own and comes first; what the tool showed besides
/// text, which a `tool` message cannot hold, follows in the user's message.
fn user(message: &Message<'_>, list: &mut Array<'_>, notes: &mut Notes) -> Result<(), DialectError> {
    let mut rest: Vec<&Part<'_>> = Vec::new();
    for part in &message.parts {
        match &part.kind {
            PartKind::ToolResult { id, parts, is_error } => {
                if *is_error {
                    notes.drop(format_args!("{}.is_error", part.path));
                }
                let (texts, shown): (Vec<_>, Vec<_>) =
                    parts.iter().partition(|part| matches!(part.kind, PartKind::Text(_)));
                rest.extend(shown);
                let mut object = list.object();
                object.put("role", "tool");
                object.put("tool_call_id", id);
                object.put("content", &joined_text(&texts));
                object.close();
            }
            _ => rest.push(part),
        }
    }
    rest.retain(|part| match &part.kind {
        PartKind::Native { kind, .. } => {
            notes.refuse(format_args!("{} ({kind})", part.path));
            false
        }
        _ => true,
    });
    if rest.is_empty() {
        return Ok(());
    }
    let mut object = list.object();
    object.put("role", "user");
    if let [Part { kind: PartKind::Text(text), .. }] = rest[..] {
        object.put("content", text);
    } else {
        let mut content = object.array("content");
        for part in rest {
            user_part(part, content.next(), notes)?;
        }
        content.close();
    }
    object.close();
    Ok(())
}

fn joined_text(parts: &[&Part<'_>]) -> String {
    let texts = parts.iter().filter_map(|part| match &part.kind {
        PartKind::Text(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn user_part(part: &Part<'_>, out: &mut Vec<u8>, notes: &mut Notes) -> Result<(), DialectError> {
    let cannot = |what: &str| {
        Err(DialectError::invalid(
            &part.path,
            format!("`{}`: {what} cannot be sent to this model", part.path),
        ))
    };
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => text_part(text, out),
        PartKind::Image { source } => {
            let url = match source {
                Source::Url(url) => url.clone(),
                Source::Base64 { media_type, data } => data_url(media_type, data),
                Source::FileId(_) | Source::Text(_) => return cannot("an uploaded image"),
            };
            let mut object = Object::open(out);
            object.put("type", "image_url");
            let mut inner = object.object("image_url");
            inner.put("url", &url);
            inner.close();
            object.close();
        }
        PartKind::Document { source: Source::Text(text), title } => {
            if title.is_some() {
                notes.drop(format_args!("{}.title", part.path));
            }
            text_part(text, out);
        }
        PartKind::Document { source, title } => {
            let mut object = Object::open(out);
            object.put("type", "file");
            let mut inner = object.object("file");
            match source {
                Source::Base64 { media_type, data } => {
                    inner.put("filename", title.as_deref().unwrap_or("document.pdf"));
                    inner.put("file_data", &data_url(media_type, data));
                }
                Source::FileId(id) => inner.put("file_id", id),
                Source::Url(_) | Source::Text(_) => return cannot("a document by its address"),
            }
            inner.close();
            object.close();
        }
        _ => return cannot("a part of this type in a user message"),
    }
    Ok(())
}

fn data_url(media_type: &str, data: &str) -> Cow<'static, str> {
    Cow::Owned(format!("data:{media_type};base64,{data}"))
}

fn text_part(text: &str, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.put("type", "text");
    object.put("text", text);
    object.close();
}

/// A turn of the model. Its thoughts stay behind: chat has no word for sending them back.
fn assistant(message: &Message<'_>, list: &mut Array<'_>, notes: &mut Notes) {
    let mut text: Option<String> = None;
    let mut refusal: Option<&str> = None;
    let mut calls = Vec::new();
    for part in &message.parts {
        match &part.kind {
            PartKind::Text(piece) => text.get_or_insert_default().push_str(piece),
            PartKind::Refusal(said) => refusal = Some(said),
            PartKind::ToolUse { id, name, input } => calls.push((id, name, input)),
            PartKind::Thinking { .. } | PartKind::RedactedThinking { .. } => {
                notes.drop(format_args!("{} (thinking)", part.path));
            }
            PartKind::Native { kind, .. } => notes.drop(format_args!("{} ({kind})", part.path)),
            _ => notes.drop(&part.path),
        }
    }
    if text.is_none() && refusal.is_none() && calls.is_empty() {
        return;
    }
    let mut object = list.object();
    object.put("role", "assistant");
    object.put("content", &text);
    object.put_some("refusal", &refusal);
    if !calls.is_empty() {
        let mut list = object.array("tool_calls");
        for (id, name, input) in calls {
            let mut call = list.object();
            call.put("id", id);
            call.put("type", "function");
            let mut function = call.object("function");
            function.put("name", name);
            json_into(function.key("arguments"), input.get());
            function.close();
            call.close();
        }
        list.close();
    }
    object.close();
}
