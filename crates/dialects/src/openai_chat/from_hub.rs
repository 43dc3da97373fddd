use std::borrow::Cow;

use domain::Dialect;

use super::messages::messages;
use super::models::takes_max_completion_tokens;
use crate::RequestOptions;
use crate::error::DialectError;
use crate::hub::{Format, Reasoning, Request, Thinking, Tool, ToolChoice};
use crate::params::Params;
use crate::read::Notes;
use crate::write::{Array, Object};

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
