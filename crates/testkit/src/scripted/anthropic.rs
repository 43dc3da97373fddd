//! Writes answers as Anthropic does: messages, their event stream, token counts, errors.

use serde_json::{Value, json};

use super::answer::{Answer, SIGNATURE, Stop};
use super::log::Billed;
use super::openai::{Names, argument_pieces};

fn stop_of(stop: &Stop) -> (&str, Value) {
    match stop {
        Stop::End => ("end_turn", Value::Null),
        Stop::Sequence(sequence) => ("stop_sequence", sequence.as_str().into()),
        Stop::Length => ("max_tokens", Value::Null),
        Stop::Tools => ("tool_use", Value::Null),
        Stop::Scripted(own) => (if own == "content_filter" { "refusal" } else { own }, Value::Null),
    }
}

/// Anthropic leaves cached tokens out of `input_tokens`.
fn usage(billed: &Billed, output: u64) -> Value {
    json!({
        "input_tokens": billed.input.saturating_sub(billed.cache_read + billed.cache_write),
        "cache_creation_input_tokens": billed.cache_write,
        "cache_read_input_tokens": billed.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": billed.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard"
    })
}

fn call_id(names: &Names, at: usize) -> String {
    format!("toolu_{}_{at}", names.id.trim_start_matches("msg_"))
}

/// The finished blocks of an answer.
fn blocks(names: &Names, answer: &Answer) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(thinking) = answer.thinking {
        blocks.push(json!({"type": "thinking", "thinking": thinking, "signature": SIGNATURE}));
    }
    if !answer.pieces.is_empty() {
        blocks.push(json!({"type": "text", "text": answer.text()}));
    }
    for (at, call) in answer.calls.iter().enumerate() {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        blocks.push(json!({"type": "tool_use", "id": call_id(names, at), "name": call.name, "input": input}));
    }
    blocks
}

pub fn message(names: &Names, answer: &Answer) -> Value {
    let (reason, sequence) = stop_of(&answer.stop);
    json!({
        "id": names.id, "type": "message", "role": "assistant", "model": names.model,
        "content": blocks(names, answer), "stop_reason": reason, "stop_sequence": sequence,
        "usage": usage(&answer.billed, answer.billed.output), "x_unknown": {"kept": [1, 2.50, "é"]}
    })
}

/// The events of a streamed answer; each one's name is its `type`.
pub fn events(names: &Names, answer: &Answer) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "message_start", "message": {
            "id": names.id, "type": "message", "role": "assistant", "model": names.model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": usage(&answer.billed, 1)
        }}),
        json!({"type": "ping"}),
    ];
    for (index, block) in blocks(names, answer).into_iter().enumerate() {
        let (start, deltas) = block_events(&block, answer);
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        let delta = |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
        events.extend(deltas.into_iter().map(delta));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let (reason, sequence) = stop_of(&answer.stop);
    events.push(json!({
        "type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence},
        "usage": usage(&answer.billed, answer.billed.output)
    }));
    events.push(json!({"type": "message_stop"}));
    events
}

/// How a block begins, and its deltas.
fn block_events(block: &Value, answer: &Answer) -> (Value, Vec<Value>) {
    match block["type"].as_str() {
        Some("thinking") => {
            let words = answer.thinking.unwrap_or_default().split_inclusive(' ');
            let mut deltas: Vec<_> =
                words.map(|word| json!({"type": "thinking_delta", "thinking": word})).collect();
            deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
        }
        Some("text") => {
            let delta = |piece: &String| json!({"type": "text_delta", "text": piece});
            (json!({"type": "text", "text": ""}), answer.pieces.iter().map(delta).collect())
        }
        _ => {
            let mut deltas = vec![json!({"type": "input_json_delta", "partial_json": ""})];
            let arguments = block["input"].to_string();
            let pieces = argument_pieces(&arguments).into_iter();
            deltas.extend(pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece})));
            (json!({"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}), deltas)
        }
    }
}

pub fn error(status: u16, kind: Option<&str>, message: &str) -> Value {
    let default_kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({
        "type": "error", "error": {"type": kind.unwrap_or(default_kind), "message": message},
        "request_id": "req_scripted"
    })
}
