use std::borrow::Cow;

use serde_json::value::RawValue;

use super::parts;
use crate::anthropic_messages;
use crate::error::DialectError;
use crate::hub::{Format, Message, Part, PartKind, Reasoning, Request, Role, SystemPart, Tool, ToolChoice};
use crate::read::{Notes, Object, Path, ReadError, elements, is_object, text};

/// Reads a chat request. Parameters that the hub has no word for are kept in `extra`.
pub(crate) fn to_hub<'a>(body: &'a str, notes: &mut Notes) -> Result<Request<'a>, DialectError> {
    let root = Path::Root;
    let mut object = Object::parse(body, &root)?;
    let mut request = Request::default();
    object.ignore(&["model", "stream_options"]);
    let messages = object
        .array("messages")?
        .ok_or_else(|| DialectError::invalid("messages", "Missing required parameter: 'messages'."))?;
    let path = root.key("messages");
    for (index, raw) in messages.into_iter().enumerate() {
        message(raw, &path.index(index), &mut request, notes)?;
    }
    tools(&mut object, &mut request, notes)?;
    request.stream = object.flag("stream")?.unwrap_or(false);
    let legacy = object.whole("max_tokens")?;
    request.max_tokens = object.whole("max_completion_tokens")?.or(legacy);
    request.temperature = object.float("temperature")?;
    request.top_p = object.float("top_p")?;
    request.stop = stop_list(object.take("stop"), &root.key("stop"))?;
    request.user = object.text("user")?;
    request.format = format(&mut object, notes)?;
    request.reasoning = reasoning(&mut object)?;
    ignore_no_ops(&mut object);
    request.extra = object.rest();
    request.extra.retain(|(_, value)| value.get() != "null");
    Ok(request)
}

/// Values that ask for what happens anyway carry nothing that could be lost.
const NO_OPS: &[(&str, &[&str])] = &[
    ("n", &["1"]),
    ("best_of", &["1"]),
    ("echo", &["false"]),
    ("logprobs", &["false"]),
    ("top_logprobs", &["0"]),
    ("presence_penalty", &["0", "0.0"]),
    ("frequency_penalty", &["0", "0.0"]),
    ("logit_bias", &["{}"]),
    ("store", &["false"]),
    ("modalities", &[r#"["text"]"#]),
    ("service_tier", &[r#""auto""#]),
    ("suffix", &[r#""""#]),
];

pub(crate) fn ignore_no_ops(object: &mut Object<'_, '_>) {
    for (name, values) in NO_OPS {
        let said = object.peek(name).map(|raw| raw.get().split_ascii_whitespace().collect::<String>());
        if said.is_some_and(|said| values.contains(&said.as_str())) {
            object.ignore(&[name]);
        }
    }
}

/// `stop`: one string or a list of them.
pub(crate) fn stop_list<'a>(
    raw: Option<&'a RawValue>,
    path: &Path<'_>,
) -> Result<Vec<Cow<'a, str>>, ReadError> {
    let wrong = || ReadError::new(path, "a string or an array of strings");
    let Some(raw) = raw else { return Ok(Vec::new()) };
    if let Some(one) = text(raw.get()) {
        return Ok(vec![one]);
    }
    let list = elements(raw.get()).ok_or_else(wrong)?;
    list.into_iter().map(|raw| text(raw.get()).ok_or_else(wrong)).collect()
}

fn message<'a>(
    raw: &'a RawValue,
    path: &Path<'_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let mut object = Object::of(raw, path)?;
    let role = object.required_text("role")?;
    match role.as_ref() {
        "system" | "developer" => system(object, request, notes),
        "user" => {
            let mut parts = parts::content(&mut object, notes)?;
            mark_last(&mut parts, object.take("cache_control"));
            push(request, Role::User, parts);
            object.finish(notes);
            Ok(())
        }
        "assistant" => assistant(object, request, notes),
        "tool" => tool_result(object, request, notes),
        "function" => {
            notes.refuse(path.key("role"));
            Ok(())
        }
        other => Err(DialectError::invalid(
            path.key("role"),
            format!("`{path}.role` is `{other}`; expected system, developer, user, assistant or tool"),
        )),
    }
}

fn system<'a>(
    mut object: Object<'a, '_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let mut parts = parts::content(&mut object, notes)?;
    mark_last(&mut parts, object.take("cache_control"));
    for part in parts {
        match part.kind {
            PartKind::Text(text) => request.system.push(SystemPart { text, cache: part.cache }),
            _ => {
                let message = format!("`{}` must be text in a system message", part.path);
                return Err(DialectError::invalid(part.path, message));
            }
        }
    }
    object.finish(notes);
    Ok(())
}

fn assistant<'a>(
    mut object: Object<'a, '_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let mut parts = thinking(&mut object, notes)?;
    parts.extend(parts::content(&mut object, notes)?);
    if let Some(refusal) = object.text("refusal")? {
        let path = object.path.key("refusal").to_string();
        parts.push(Part { kind: PartKind::Refusal(refusal), cache: None, path });
    }
    let calls = object.array("tool_calls")?.unwrap_or_default();
    let path = object.path.key("tool_calls");
    for (index, raw) in calls.into_iter().enumerate() {
        parts.push(parts::tool_call(raw, &path.index(index), notes)?);
    }
    if object.take("function_call").is_some() {
        notes.refuse(object.path.key("function_call"));
    }
    mark_last(&mut parts, object.take("cache_control"));
    push(request, Role::Assistant, parts);
    object.ignore(&["annotations", "audio", "provider_specific_fields"]);
    object.finish(notes);
    Ok(())
}

/// Thoughts of an earlier turn: `thinking_blocks` with their signatures. `reasoning_content` repeats
/// their text; alone, it has no signature and cannot be sent back.
fn thinking<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<Vec<Part<'a>>, DialectError> {
    let blocks = object.array("thinking_blocks")?.unwrap_or_default();
    if !blocks.is_empty() {
        object.ignore(&["reasoning_content"]);
    }
    let path = object.path.key("thinking_blocks");
    let mut parts = Vec::new();
    for (index, raw) in blocks.into_iter().enumerate() {
        parts.push(anthropic_messages::part(raw, &path.index(index), notes)?);
    }
    Ok(parts)
}

fn tool_result<'a>(
    mut object: Object<'a, '_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let id = object.required_text("tool_call_id")?;
    let parts = parts::content(&mut object, notes)?;
    let cache = object.take("cache_control");
    let path = object.path.to_string();
    push(
        request,
        Role::User,
        vec![Part { kind: PartKind::ToolResult { id, parts, is_error: false }, cache, path }],
    );
    object.ignore(&["name"]);
    object.finish(notes);
    Ok(())
}

/// Turns of one role that follow each other are one turn: several `tool` messages answer one turn.
fn push<'a>(request: &mut Request<'a>, role: Role, parts: Vec<Part<'a>>) {
    match request.messages.last_mut() {
        Some(last) if last.role == role => last.parts.extend(parts),
        _ => request.messages.push(Message { role, parts }),
    }
}

/// A cache marker of a whole message stands behind its last part.
fn mark_last<'a>(parts: &mut [Part<'a>], cache: Option<&'a RawValue>) {
    if let (Some(cache), Some(last)) = (cache, parts.last_mut()) {
        last.cache.get_or_insert(cache);
    }
}

fn tools<'a>(
    object: &mut Object<'a, '_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let list = object.array("tools")?.unwrap_or_default();
    let path = object.path.key("tools");
    for (index, raw) in list.into_iter().enumerate() {
        request.tools.push(tool(raw, &path.index(index), notes)?);
    }
    request.parallel_tool_calls = object.flag("parallel_tool_calls")?;
    if let Some(raw) = object.take("tool_choice") {
        request.tool_choice = Some(tool_choice(raw, &object.path.key("tool_choice"))?);
    }
    Ok(())
}

fn tool<'a>(raw: &'a RawValue, path: &Path<'_>, notes: &mut Notes) -> Result<Tool<'a>, DialectError> {
    let mut outer = Object::of(raw, path)?;
    let kind = outer.text("type")?.unwrap_or(Cow::Borrowed("function"));
    if kind != "function" {
        return Ok(Tool::Native { kind, raw, path: path.to_string() });
    }
    let inner_path = path.key("function");
    let mut inner = Object::of(outer.required("function", "an object")?, &inner_path)?;
    let cache = outer.take("cache_control").or_else(|| inner.take("cache_control"));
    let tool = Tool::Function {
        name: inner.required_text("name")?,
        description: inner.text("description")?,
        schema: inner.take("parameters"),
        strict: inner.flag("strict")?,
        cache,
    };
    inner.finish(notes);
    outer.finish(notes);
    Ok(tool)
}

fn tool_choice<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<ToolChoice<'a>, DialectError> {
    let wrong = || {
        let expected = "`auto`, `none`, `required` or one function by its name";
        DialectError::from(ReadError::new(path, expected))
    };
    let word = |word: &str| match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" | "any" => Some(ToolChoice::Any),
        _ => None,
    };
    if !is_object(raw) {
        return text(raw.get()).and_then(|text| word(&text)).ok_or_else(wrong);
    }
    let mut object = Object::of(raw, path)?;
    match object.required_text("type")?.as_ref() {
        "function" => {
            let inner_path = path.key("function");
            let mut inner = Object::of(object.required("function", "an object")?, &inner_path)?;
            Ok(ToolChoice::Named(inner.required_text("name")?))
        }
        "tool" => Ok(ToolChoice::Named(object.required_text("name")?)),
        kind => word(kind).ok_or_else(wrong),
    }
}

fn format<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<Option<Format<'a>>, DialectError> {
    let Some(raw) = object.take("response_format") else { return Ok(None) };
    let path = object.path.key("response_format");
    let mut outer = Object::of(raw, &path)?;
    match outer.required_text("type")?.as_ref() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Json)),
        "json_schema" => {
            let inner_path = path.key("json_schema");
            let mut inner = Object::of(outer.required("json_schema", "an object")?, &inner_path)?;
            let format = Format::Schema {
                name: inner.text("name")?,
                description: inner.text("description")?,
                schema: inner.required("schema", "a JSON schema")?,
                strict: inner.flag("strict")?,
            };
            inner.finish(notes);
            Ok(Some(format))
        }
        other => {
            let message = format!("`{path}.type` is `{other}`; expected text, json_object or json_schema");
            Err(DialectError::invalid(path.key("type"), message))
        }
    }
}

/// `reasoning_effort` (a word, or an object with `effort`), and the `thinking` object that the compatible
/// surface takes beside it.
fn reasoning<'a>(object: &mut Object<'a, '_>) -> Result<Option<Reasoning<'a>>, DialectError> {
    let path = object.path.key("reasoning_effort");
    let effort = match object.take("reasoning_effort") {
        None => None,
        Some(raw) if is_object(raw) => Object::of(raw, &path)?.text("effort")?,
        Some(raw) => Some(text(raw.get()).ok_or_else(|| ReadError::new(&path, "a string"))?),
    };
    let thinking = object.take("thinking");
    if effort.is_none() && thinking.is_none() {
        return Ok(None);
    }
    let mut reasoning = match thinking {
        Some(raw) => anthropic_messages::thinking(raw, &object.path.key("thinking"))?,
        None => Reasoning::default(),
    };
    reasoning.effort = effort;
    Ok(Some(reasoning))
}
