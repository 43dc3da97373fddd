use domain::Dialect;

use super::blocks::{text_block, write_message};
use super::format::{self, FormatPlan, JSON_TOOL};
use super::models::{Abilities, abilities};
use super::reasoning;
use crate::RequestOptions;
use crate::error::DialectError;
use crate::hub::{Request, Tool, ToolChoice};
use crate::params::Params;
use crate::read::Notes;
use crate::write::{Array, Object};

/// The schema of a tool that takes no input; Anthropic needs one.
const NO_INPUT: &str = r#"{"type":"object","properties":{}}"#;

/// Writes a Messages request.
pub(crate) fn from_hub(
    request: &Request<'_>,
    client: Dialect,
    options: &RequestOptions<'_>,
    notes: &mut Notes,
    out: &mut Vec<u8>,
) -> Result<(), DialectError> {
    let abilities = abilities(options.model);
    let thinking = reasoning::plan(request, abilities, notes)?;
    let format = format::plan(request, abilities);
    let mut params = Params::open(out, options);
    let max = request.max_tokens.unwrap_or_else(|| options.default_max_tokens + thinking.budget());
    params.put("max_tokens", &max, notes);
    system(request, &mut params, notes);
    if let Some(out) = params.key("messages", notes) {
        let mut list = Array::open(out);
        for message in &request.messages {
            write_message(message, &mut list, notes)?;
        }
        list.close();
    }
    tools(request, &format, abilities, &mut params, notes)?;
    tool_choice(request, &format, thinking.thinks(), &mut params, notes);
    sampling(request, &mut params, notes);
    thinking.write(&mut params, notes);
    output_config(&format, thinking.effort, &mut params, notes);
    if let Some(user) = &request.user
        && let Some(out) = params.key("metadata", notes)
    {
        let mut object = Object::open(out);
        object.put("user_id", user);
        object.close();
    }
    if request.stream {
        params.put("stream", &true, notes);
    }
    extra(request, client, &mut params, notes);
    params.close();
    Ok(())
}

/// Parameters of chat and completions that change the answer and that the Messages API has no word for.
const KNOWN_ONLY_TO_OPENAI: &[&str] = &[
    "audio",
    "best_of",
    "echo",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "n",
    "presence_penalty",
    "seed",
    "suffix",
    "top_logprobs",
    "verbosity",
    "web_search_options",
];

/// Parameters of chat without which the answer is no worse.
const HINTS: &[&str] = &[
    "metadata",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
];

/// What neither list knows goes to the provider as it is: a parameter of the Messages API works on the
/// day it ships, and the provider refuses what it does not know.
fn extra(request: &Request<'_>, client: Dialect, params: &mut Params<'_, '_>, notes: &mut Notes) {
    for (name, value) in &request.extra {
        match client {
            Dialect::AnthropicMessages => params.put(name, value, notes),
            _ if HINTS.contains(&name.as_ref()) => notes.drop(name),
            _ if KNOWN_ONLY_TO_OPENAI.contains(&name.as_ref()) => notes.refuse(name),
            _ => params.put(name, value, notes),
        }
    }
}

fn system(request: &Request<'_>, params: &mut Params<'_, '_>, notes: &mut Notes) {
    let parts = || request.system.iter().filter(|part| !part.text.is_empty());
    if parts().next().is_none() {
        return;
    }
    let Some(out) = params.key("system", notes) else { return };
    let mut list = Array::open(out);
    for part in parts() {
        text_block(&part.text, part.cache, &mut list);
    }
    list.close();
}

fn sampling(request: &Request<'_>, params: &mut Params<'_, '_>, notes: &mut Notes) {
    if let Some(temperature) = request.temperature {
        let clamped = temperature.clamp(0.0, 1.0);
        if clamped != temperature {
            notes.drop(format_args!(
                "temperature ({temperature} became {clamped}: this provider takes 0 to 1)"
            ));
        }
        params.put("temperature", &clamped, notes);
    }
    if let Some(top_p) = request.top_p {
        params.put("top_p", &top_p, notes);
    }
    // A stop sequence of nothing but white space is refused by the provider.
    let (stop, blank): (Vec<_>, Vec<_>) = request.stop.iter().partition(|stop| !stop.trim().is_empty());
    if !blank.is_empty() {
        notes.refuse("stop (white space only)");
    }
    if !stop.is_empty() {
        params.put("stop_sequences", &stop, notes);
    }
}

fn output_config(
    format: &FormatPlan<'_>,
    effort: Option<&str>,
    params: &mut Params<'_, '_>,
    notes: &mut Notes,
) {
    if effort.is_none() && !matches!(format, FormatPlan::Native(_)) {
        return;
    }
    let Some(out) = params.key("output_config", notes) else { return };
    let mut object = Object::open(out);
    object.put_some("effort", &effort);
    if let FormatPlan::Native(schema) = format {
        let mut inner = object.object("format");
        inner.put("type", "json_schema");
        inner.put("schema", schema);
        inner.close();
    }
    object.close();
}

fn tools(
    request: &Request<'_>,
    format: &FormatPlan<'_>,
    abilities: Abilities,
    params: &mut Params<'_, '_>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    let by_tool = matches!(format, FormatPlan::Tool { .. });
    if request.tools.is_empty() && !by_tool {
        return Ok(());
    }
    let Some(out) = params.key("tools", notes) else { return Ok(()) };
    let mut list = Array::open(out);
    for tool in &request.tools {
        write_tool(tool, abilities, &mut list, notes)?;
    }
    if let FormatPlan::Tool { schema, description } = format {
        let mut object = list.object();
        object.put("name", JSON_TOOL);
        let description = description.unwrap_or("Gives the answer to the user, as JSON.");
        object.put("description", description);
        object.key("input_schema").extend_from_slice(schema.as_bytes());
        object.close();
    }
    list.close();
    Ok(())
}

fn write_tool(
    tool: &Tool<'_>,
    abilities: Abilities,
    list: &mut Array<'_>,
    notes: &mut Notes,
) -> Result<(), DialectError> {
    match tool {
        Tool::Native { kind, path, .. } if kind == "custom" || kind == "function" => {
            notes.refuse(format_args!("{path} ({kind})"));
        }
        // Anthropic's own tools may be named in a chat request too.
        Tool::Native { raw, .. } => list.next().extend_from_slice(raw.get().as_bytes()),
        Tool::Function { name, .. } if name == JSON_TOOL => {
            let message = format!("no tool may be called `{JSON_TOOL}`: the gateway uses that name itself");
            return Err(DialectError::invalid("tools", message));
        }
        Tool::Function { name, description, schema, strict, cache } => {
            let mut object = list.object();
            object.put("name", name);
            object.put_some("description", description);
            match schema {
                Some(schema) => object.put("input_schema", schema),
                None => object.key("input_schema").extend_from_slice(NO_INPUT.as_bytes()),
            }
            if *strict == Some(true) {
                if abilities.schema && schema.is_none_or(format::is_native) {
                    object.put("strict", &true);
                } else {
                    notes.drop(format_args!("tools.{name}.strict"));
                }
            }
            object.put_some("cache_control", cache);
            object.close();
        }
    }
    Ok(())
}

fn tool_choice(
    request: &Request<'_>,
    format: &FormatPlan<'_>,
    thinks: bool,
    params: &mut Params<'_, '_>,
    notes: &mut Notes,
) {
    let forced = matches!(format, FormatPlan::Tool { .. }).then(|| format::tool_choice(request, thinks));
    let Some(choice) = forced.as_ref().or(request.tool_choice.as_ref()).or_else(|| {
        // Without tools there is nothing that could run in parallel.
        (request.parallel_tool_calls == Some(false) && !request.tools.is_empty()).then_some(&ToolChoice::Auto)
    }) else {
        return;
    };
    if request.tools.is_empty() && forced.is_none() {
        if *choice != ToolChoice::None && *choice != ToolChoice::Auto {
            notes.refuse("tool_choice (without tools)");
        }
        return;
    }
    let Some(out) = params.key("tool_choice", notes) else { return };
    let mut object = Object::open(out);
    match choice {
        ToolChoice::Auto => object.put("type", "auto"),
        ToolChoice::None => object.put("type", "none"),
        ToolChoice::Any => object.put("type", "any"),
        ToolChoice::Named(name) => {
            object.put("type", "tool");
            object.put("name", name);
        }
    }
    if let Some(parallel) = request.parallel_tool_calls
        && *choice != ToolChoice::None
    {
        object.put("disable_parallel_tool_use", &!parallel);
    }
    object.close();
}
