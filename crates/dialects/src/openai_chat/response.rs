use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::hub::{Part, PartKind, Response, Stop};
use crate::read::{Notes, Object, Path, ReadError};
use crate::write::{Array, json_into};
use crate::{anthropic_messages, write};

/// `finish_reason` as the hub says it.
pub(crate) fn stop_of(word: &str) -> Stop {
    match word {
        "length" => Stop::MaxTokens,
        "tool_calls" | "function_call" => Stop::ToolUse,
        "content_filter" => Stop::Refusal,
        _ => Stop::End,
    }
}

/// The `finish_reason` for it.
pub(crate) const fn stop_word(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::StopSequence | Stop::Pause => "stop",
        Stop::MaxTokens => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

/// Reads a chat answer: its first choice, since only one can be asked for across dialects.
pub(crate) fn read_response<'a>(body: &'a str, notes: &mut Notes) -> Result<Response<'a>, ReadError> {
    let root = Path::Root;
    let mut object = Object::parse(body, &root)?;
    let path = root.key("choices");
    let choices = object.array("choices")?.unwrap_or_default();
    let first = choices.first().ok_or_else(|| ReadError::new(&path, "an array that is not empty"))?;
    let path = path.index(0);
    let mut choice = Object::of(first, &path)?;
    let message_path = path.key("message");
    let message = Object::of(choice.required("message", "an object")?, &message_path)?;
    let parts = message_parts(message, notes)?;
    let said = choice.text("finish_reason")?;
    let mut stop = said.as_deref().map_or(Stop::End, stop_of);
    if stop == Stop::End && parts.iter().any(|part| matches!(part.kind, PartKind::ToolUse { .. })) {
        stop = Stop::ToolUse;
    }
    if stop == Stop::End && parts.iter().any(|part| matches!(part.kind, PartKind::Refusal(_))) {
        stop = Stop::Refusal;
    }
    let usage = object.take("usage").and_then(|raw| super::usage(raw.get().as_bytes()));
    Ok(Response { id: object.text("id")?, parts, stop, stop_sequence: None, usage })
}

fn message_parts<'a>(mut message: Object<'a, '_>, notes: &mut Notes) -> Result<Vec<Part<'a>>, ReadError> {
    let mut parts = Vec::new();
    let mut add = |kind| parts.push(Part { kind, cache: None, path: String::new() });
    let blocks = message.array("thinking_blocks")?.unwrap_or_default();
    let path = message.path.key("thinking_blocks");
    for raw in &blocks {
        if let Ok(part) = anthropic_messages::part(raw, &path, notes) {
            add(part.kind);
        }
    }
    let reasoning = match message.text("reasoning_content")? {
        None => message.take("reasoning").and_then(|raw| crate::read::text(raw.get())),
        said => said,
    };
    if let Some(text) = reasoning.filter(|text| blocks.is_empty() && !text.is_empty()) {
        add(PartKind::Thinking { text, signature: None });
    }
    if let Some(text) = content_text(message.take("content")).filter(|text| !text.is_empty()) {
        add(PartKind::Text(text));
    }
    if let Some(refusal) = message.text("refusal")?.filter(|text| !text.is_empty()) {
        add(PartKind::Refusal(refusal));
    }
    let path = message.path.key("tool_calls");
    for (index, raw) in message.array("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        add(tool_use(raw, &path.index(index))?);
    }
    Ok(parts)
}

/// `content` is a string; a few providers answer with an array of parts.
fn content_text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?;
    crate::read::text(raw.get()).or_else(|| {
        let parts = crate::read::elements(raw.get())?;
        let root = Path::Root;
        let text = |raw: &&RawValue| Object::of(raw, &root).ok()?.text("text").ok()?.map(Cow::into_owned);
        Some(Cow::Owned(parts.iter().filter_map(text).collect()))
    })
}

fn tool_use<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<PartKind<'a>, ReadError> {
    let mut call = Object::of(raw, path)?;
    let inner_path = path.key("function");
    let mut inner = Object::of(call.required("function", "an object")?, &inner_path)?;
    let arguments = inner.text("arguments")?.unwrap_or_default();
    let input = RawValue::from_string(arguments.trim().to_owned())
        .ok()
        .filter(|input| input.get().starts_with('{'))
        .or_else(|| broken_input(&arguments));
    Ok(PartKind::ToolUse {
        id: call.text("id")?.unwrap_or_default(),
        name: inner.required_text("name")?,
        input: Cow::Owned(input.unwrap_or_default()),
    })
}

/// Arguments that are no JSON object, as from an answer cut at its token limit: an object of nothing, or
/// the text as it came under a name that says so.
fn broken_input(arguments: &str) -> Option<Box<RawValue>> {
    let mut out = Vec::new();
    let mut object = write::Object::open(&mut out);
    if !arguments.trim().is_empty() {
        object.put("invalid_json", arguments);
    }
    object.close();
    RawValue::from_string(String::from_utf8(out).ok()?).ok()
}

/// Writes a chat answer.
pub(crate) fn write_response(
    response: &Response<'_>,
    context: &crate::ResponseContext<'_>,
    notes: &mut Notes,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = write::Object::open(&mut out);
    object.put("id", &write::prefixed("chatcmpl-", context.id));
    object.put("object", "chat.completion");
    object.put("created", &context.created);
    object.put("model", context.model);
    let mut choices = object.array("choices");
    let mut choice = choices.object();
    choice.put("index", &0);
    let mut message = choice.object("message");
    write_message(response, &mut message, notes);
    message.close();
    choice.key("logprobs").extend_from_slice(b"null");
    choice.put("finish_reason", stop_word(response.stop));
    choice.close();
    choices.close();
    if let Some(usage) = &response.usage {
        super::write_usage(usage, object.key("usage"));
    }
    object.close();
    out
}

fn write_message(response: &Response<'_>, message: &mut write::Object<'_>, notes: &mut Notes) {
    message.put("role", "assistant");
    let (mut text, mut thoughts) = (None::<String>, String::new());
    let (mut refusal, mut calls, mut blocks) = (None, Vec::new(), Vec::new());
    for part in &response.parts {
        match &part.kind {
            PartKind::Text(piece) => text.get_or_insert_default().push_str(piece),
            PartKind::Refusal(said) => refusal = Some(said),
            PartKind::ToolUse { id, name, input } => calls.push((id, name, input)),
            PartKind::Thinking { text, .. } => {
                thoughts.push_str(text);
                blocks.push(&part.kind);
            }
            PartKind::RedactedThinking { .. } => blocks.push(&part.kind),
            PartKind::Native { kind, .. } => notes.drop(format_args!("content ({kind})")),
            _ => notes.drop("content"),
        }
    }
    message.put("content", &text);
    message.put("refusal", &refusal);
    if !thoughts.is_empty() {
        message.put("reasoning_content", &thoughts);
    }
    if !blocks.is_empty() {
        let mut list = message.array("thinking_blocks");
        blocks.iter().for_each(|kind| write_block(kind, &mut list));
        list.close();
    }
    if !calls.is_empty() {
        let mut list = message.array("tool_calls");
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
}

/// A thought with its signature, in the shape that the compatible surface carries beside chat.
fn write_block(kind: &PartKind<'_>, list: &mut Array<'_>) {
    let mut object = list.object();
    match kind {
        PartKind::Thinking { text, signature } => {
            object.put("type", "thinking");
            object.put("thinking", text);
            object.put("signature", signature);
        }
        PartKind::RedactedThinking { data } => {
            object.put("type", "redacted_thinking");
            object.put("data", data);
        }
        _ => {}
    }
    object.close();
}
