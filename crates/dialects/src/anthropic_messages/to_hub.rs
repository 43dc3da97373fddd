use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{parts, reasoning};
use crate::error::DialectError;
use crate::hub::{Format, Message, PartKind, Reasoning, Request, Role, SystemPart, Tool, ToolChoice};
use crate::openai_chat::stop_list;
use crate::read::{Notes, Object, Path};

/// Reads a Messages request. Parameters that the hub has no word for are kept in `extra`.
pub(crate) fn to_hub<'a>(body: &'a str, notes: &mut Notes) -> Result<Request<'a>, DialectError> {
    let root = Path::Root;
    let mut object = Object::parse(body, &root)?;
    let mut request = Request::default();
    object.ignore(&["model"]);
    if let Some(raw) = object.take("system") {
        system(raw, &root.key("system"), &mut request, notes)?;
    }
    let messages = object
        .array("messages")?
        .ok_or_else(|| DialectError::invalid("messages", "Missing required parameter: 'messages'."))?;
    let path = root.key("messages");
    for (index, raw) in messages.into_iter().enumerate() {
        message(raw, &path.index(index), &mut request, notes)?;
    }
    tools(&mut object, &mut request, notes)?;
    request.stream = object.flag("stream")?.unwrap_or(false);
    request.max_tokens = object.whole("max_tokens")?;
    request.temperature = object.float("temperature")?;
    request.top_p = object.float("top_p")?;
    request.stop = stop_list(object.take("stop_sequences"), &root.key("stop_sequences"))?;
    metadata(&mut object, &mut request, notes)?;
    output(&mut object, &mut request, notes)?;
    request.extra = object.rest();
    request.extra.retain(|(_, value)| value.get() != "null");
    Ok(request)
}

fn system<'a>(
    raw: &'a RawValue,
    path: &Path<'_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    for part in parts::content(raw, path, notes)? {
        match part.kind {
            PartKind::Text(text) => request.system.push(SystemPart { text, cache: part.cache }),
            _ => {
                let message = format!("`{}` must be a text block", part.path);
                return Err(DialectError::invalid(part.path, message));
            }
        }
    }
    Ok(())
}

fn message<'a>(
    raw: &'a RawValue,
    path: &Path<'_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let mut object = Object::of(raw, path)?;
    let role = object.required_text("role")?;
    let content = object.required("content", "a string or an array of blocks")?;
    object.finish(notes);
    let path = path.key("content");
    let role = match role.as_ref() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => return system(content, &path, request, notes),
        other => {
            let message = format!("`{path}.role` is `{other}`; expected user or assistant");
            return Err(DialectError::invalid(path, message));
        }
    };
    let parts = parts::content(content, &path, notes)?;
    request.messages.push(Message { role, parts });
    Ok(())
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
    let path = object.path.key("tool_choice");
    let Some(raw) = object.take("tool_choice") else { return Ok(()) };
    let mut choice = Object::of(raw, &path)?;
    request.parallel_tool_calls = choice.flag("disable_parallel_tool_use")?.map(|disable| !disable);
    request.tool_choice = Some(match choice.required_text("type")?.as_ref() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" => ToolChoice::Any,
        "tool" => ToolChoice::Named(choice.required_text("name")?),
        other => {
            let message = format!("`tool_choice.type` is `{other}`; expected auto, any, tool or none");
            return Err(DialectError::invalid("tool_choice.type", message));
        }
    });
    choice.finish(notes);
    Ok(())
}

fn tool<'a>(raw: &'a RawValue, path: &Path<'_>, notes: &mut Notes) -> Result<Tool<'a>, DialectError> {
    let mut object = Object::of(raw, path)?;
    let kind = object.text("type")?.unwrap_or(Cow::Borrowed("custom"));
    if kind != "custom" {
        return Ok(Tool::Native { kind, raw, path: path.to_string() });
    }
    let tool = Tool::Function {
        name: object.required_text("name")?,
        description: object.text("description")?,
        schema: object.take("input_schema"),
        strict: object.flag("strict")?,
        cache: object.take("cache_control"),
    };
    object.finish(notes);
    Ok(tool)
}

fn metadata<'a>(
    object: &mut Object<'a, '_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let path = object.path.key("metadata");
    if let Some(raw) = object.take("metadata") {
        let mut inner = Object::of(raw, &path)?;
        request.user = inner.text("user_id")?;
        inner.finish(notes);
    }
    Ok(())
}

/// `thinking`, `output_config`, and the older `output_format` in its place.
fn output<'a>(
    object: &mut Object<'a, '_>,
    request: &mut Request<'a>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let thinking = object.take("thinking");
    if let Some(raw) = thinking {
        request.reasoning = Some(reasoning::read(raw, &object.path.key("thinking"))?);
    }
    let path = object.path.key("output_config");
    let mut older = object.take("output_format");
    if let Some(raw) = object.take("output_config") {
        let mut inner = Object::of(raw, &path)?;
        if let Some(effort) = inner.text("effort")? {
            request.reasoning.get_or_insert_with(Reasoning::default).effort = Some(effort);
        }
        older = inner.take("format").or(older);
        inner.finish(notes);
    }
    let path = path.key("format");
    if let Some(raw) = older {
        let mut inner = Object::of(raw, &path)?;
        inner.ignore(&["type"]);
        let schema = inner.required("schema", "a JSON schema")?;
        request.format = Some(Format::Schema { name: None, description: None, schema, strict: None });
        inner.finish(notes);
    }
    Ok(())
}
