use std::borrow::Cow;

use domain::Dialect;

use super::models::takes_max_completion_tokens;
use crate::error::DialectError;
use crate::hub::{
    Format, Message, Part, PartKind, Reasoning, Request, Role, Source, Thinking, Tool, ToolChoice,
};
use crate::prepare::{Params, RequestOptions};
use crate::read::Notes;
use crate::write::{Array, Object, json_into};

/// Most stop sequences that a chat request may name (OpenAI API reference, `stop`).
const STOP_SEQUENCES_MAX: usize = 4;

/// The name of a schema whose author gave it none; OpenAI needs one.
const SCHEMA_NAME: &str = "response";

/// Writes a chat request.
pub(crate) fn from_hub(
    request: &Request<'_>,
    client: Dialect,
    options: &RequestOptions<'_>,
    notes: &mut Notes,
    out: &mut Vec<u8>,
) -> Result<(), DialectError> {
    let mut params = Params::open(out, options);
    if let Some(out) = params.key("messages", notes) {
        messages(request, notes, out)?;
    }
    limits(request, options, &mut params, notes);
    tools(request, &mut params, notes);
    if let Some(format) = &request.format
        && let Some(out) = params.key("response_format", notes)
    {
        response_format(format, out);
    }
    if let Some(effort) = request.reasoning.as_ref().and_then(effort) {
        params.hint("reasoning_effort", &effort, notes);
    }
    if let Some(user) = &request.user {
        params.hint("user", user, notes);
    }
    if request.stream {
        params.put("stream", &true, notes);
        if !options.unsupported.contains(&"stream_options")
            && let Some(out) = params.key("stream_options", notes)
        {
            out.extend_from_slice(br#"{"include_usage":true}"#);
        }
    }
    extra(request, client, &mut params, notes);
    params.close();
    Ok(())
}

/// Parameters of the Messages API without which the answer is no worse.
const HINTS: &[&str] =
    &["betas", "cache_control", "context_management", "diagnostics", "inference_geo", "service_tier"];

fn extra(request: &Request<'_>, client: Dialect, params: &mut Params<'_, '_>, notes: &mut Notes) {
    for (name, value) in &request.extra {
        match client {
            Dialect::AnthropicMessages if HINTS.contains(&name.as_ref()) => notes.drop(name),
            Dialect::AnthropicMessages if KNOWN_ONLY_TO_ANTHROPIC.contains(&name.as_ref()) => {
                notes.refuse(name)
            }
            _ => params.put(name, value, notes),
        }
    }
}

/// Parameters of the Messages API that change the answer and that chat has no word for.
const KNOWN_ONLY_TO_ANTHROPIC: &[&str] = &["container", "mcp_servers", "speed", "top_k"];

fn limits(
    request: &Request<'_>,
    options: &RequestOptions<'_>,
    params: &mut Params<'_, '_>,
    notes: &mut Notes,
) {
    if let Some(max) = request.max_tokens {
        let newer = takes_max_completion_tokens(options.model);
        params.put(if newer { "max_completion_tokens" } else { "max_tokens" }, &max, notes);
    }
    if let Some(temperature) = request.temperature {
        params.put("temperature", &temperature, notes);
    }
    if let Some(top_p) = request.top_p {
        params.put("top_p", &top_p, notes);
    }
    if request.stop.len() > STOP_SEQUENCES_MAX {
        notes.refuse(format_args!("stop_sequences (more than {STOP_SEQUENCES_MAX})"));
    }
    if !request.stop.is_empty() {
        let first: Vec<_> = request.stop.iter().take(STOP_SEQUENCES_MAX).collect();
        params.put("stop", &first, notes);
    }
}

/// The word for how much the model may think: a budget becomes the nearest one (thresholds as on the
/// compatible surface). Without a word, adaptive thinking is at the effort that Anthropic starts from.
fn effort<'a>(reasoning: &'a Reasoning<'_>) -> Option<Cow<'a, str>> {
    let word = match (&reasoning.effort, reasoning.thinking) {
        (_, Thinking::Off) => return None,
        (Some(effort), _) if effort == "max" => "xhigh",
        (Some(effort), _) => return Some(Cow::Borrowed(effort)),
        (None, Thinking::Adaptive) => "high",
        (None, Thinking::Budget(tokens)) => match tokens {
            10_000.. => "high",
            5_000.. => "medium",
            2_000.. => "low",
            _ => "minimal",
        },
        (None, Thinking::Unsaid) => return None,
    };
    Some(Cow::Borrowed(word))
}

fn response_format(format: &Format<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    match format {
        Format::Json => object.put("type", "json_object"),
        Format::Schema { name, description, schema, strict } => {
            object.put("type", "json_schema");
            let mut inner = object.object("json_schema");
            inner.put("name", name.as_deref().unwrap_or(SCHEMA_NAME));
            inner.put_some("description", description);
            inner.put("schema", schema);
            inner.put("strict", &strict.unwrap_or(true));
            inner.close();
        }
    }
    object.close();
}

fn tools(request: &Request<'_>, params: &mut Params<'_, '_>, notes: &mut Notes) {
    for tool in &request.tools {
        if let Tool::Native { kind, path, .. } = tool {
            notes.refuse(format_args!("{path} ({kind})"));
        }
    }
    if !request.tools.iter().any(|tool| matches!(tool, Tool::Function { .. })) {
        return;
    }
    if let Some(out) = params.key("tools", notes) {
        let mut list = Array::open(out);
        request.tools.iter().for_each(|tool| write_tool(tool, list_object(&mut list, tool), notes));
        list.close();
    }
    match &request.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => params.put("tool_choice", "auto", notes),
        Some(ToolChoice::None) => params.put("tool_choice", "none", notes),
        Some(ToolChoice::Any) => params.put("tool_choice", "required", notes),
        Some(ToolChoice::Named(name)) => {
            if let Some(out) = params.key("tool_choice", notes) {
                let mut object = Object::open(out);
                object.put("type", "function");
                let mut inner = object.object("function");
                inner.put("name", name);
                inner.close();
                object.close();
            }
        }
    }
    if let Some(parallel) = request.parallel_tool_calls {
        params.put("parallel_tool_calls", &parallel, notes);
    }
}

fn list_object<'l>(list: &'l mut Array<'_>, tool: &Tool<'_>) -> Option<Object<'l>> {
    matches!(tool, Tool::Function { .. }).then(|| list.object())
}

fn write_tool(tool: &Tool<'_>, object: Option<Object<'_>>, notes: &mut Notes) {
    let (Tool::Function { name, description, schema, strict, cache }, Some(mut object)) = (tool, object)
    else {
        return;
    };
    if cache.is_some() {
        notes.drop(format_args!("tools.{name}.cache_control"));
    }
    object.put("type", "function");
    let mut inner = object.object("function");
    inner.put("name", name);
    inner.put_some("description", description);
    inner.put_some("parameters", schema);
    inner.put_some("strict", strict);
    inner.close();
    object.close();
}

fn messages(request: &Request<'_>, notes: &mut Notes, out: &mut Vec<u8>) -> Result<(), DialectError> {
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
