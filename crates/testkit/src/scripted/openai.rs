//! Writes answers as OpenAI does: chat completions, legacy completions, embeddings, models, errors.

use base64::Engine as _;
use serde_json::{Value, json};

use super::answer::{Answer, Stop};
use super::log::Billed;
use super::script::Script;

/// Time stamp of every answer, unix seconds; fixed, so that answers are the same on every run.
const CREATED: u64 = 1_760_000_000;
/// Letters per streamed piece of a call's arguments.
const ARGUMENT_PIECE_CHARS: usize = 7;
const DIMENSIONS: usize = 8;

/// Names of one answer.
pub struct Names<'a> {
    pub id: &'a str,
    pub model: &'a str,
}

fn finish_reason(stop: &Stop) -> &str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
        Stop::Scripted(own) => own,
    }
}

fn usage(billed: &Billed) -> Value {
    json!({
        "prompt_tokens": billed.input,
        "completion_tokens": billed.output,
        "total_tokens": billed.input + billed.output,
        "prompt_tokens_details": {"cached_tokens": billed.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": billed.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
        }
    })
}

pub fn chat(names: &Names, answer: &Answer, script: &Script, choices: usize) -> Value {
    let text = answer.text();
    let mut message = json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    if script.reasoning {
        message["reasoning_content"] = answer.thinking.into();
    }
    if !answer.calls.is_empty() {
        if text.is_empty() {
            message["content"] = Value::Null;
        }
        message["tool_calls"] = (0..answer.calls.len()).map(|at| call(names, answer, at)).collect();
    }
    let choice = |index: usize| json!({"index": index, "message": message, "logprobs": null, "finish_reason": finish_reason(&answer.stop)});
    let mut body = json!({
        "id": names.id, "object": "chat.completion", "created": CREATED, "model": names.model,
        "choices": (0..choices).map(choice).collect::<Vec<_>>(),
        "service_tier": "default", "system_fingerprint": "fp_scripted", "x_unknown": {"kept": [1, 2.50, "é"]}
    });
    if !script.no_usage {
        body["usage"] = usage(&answer.billed);
    }
    body
}

fn call_id(names: &Names, at: usize) -> String {
    format!("call_{}_{at}", names.id.trim_start_matches("chatcmpl-"))
}

fn call(names: &Names, answer: &Answer, at: usize) -> Value {
    let call = &answer.calls[at];
    json!({
        "id": call_id(names, at), "type": "function",
        "function": {"name": call.name, "arguments": call.arguments}
    })
}

/// The events of a streamed answer, without `[DONE]`.
pub fn chat_events(
    names: &Names,
    answer: &Answer,
    script: &Script,
    choices: usize,
    with_usage: bool,
) -> Vec<Value> {
    let mut chunks = Vec::new();
    for index in 0..choices {
        for (delta, finish) in deltas(names, answer, script) {
            let choice = json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish});
            chunks.push(json!([choice]));
        }
    }
    let with_usage = with_usage && !script.no_usage;
    let mut events: Vec<Value> = chunks.into_iter().map(|choices| chunk(names, choices)).collect();
    if with_usage {
        for event in &mut events {
            event["usage"] = Value::Null;
        }
        let mut last = chunk(names, json!([]));
        last["usage"] = usage(&answer.billed);
        events.push(last);
    }
    events
}

fn chunk(names: &Names, choices: Value) -> Value {
    json!({
        "id": names.id, "object": "chat.completion.chunk", "created": CREATED, "model": names.model,
        "service_tier": "default", "system_fingerprint": "fp_scripted", "choices": choices, "x_unknown": {"kept": true}
    })
}

fn deltas(names: &Names, answer: &Answer, script: &Script) -> Vec<(Value, Value)> {
    let mut deltas = vec![json!({"role": "assistant", "content": "", "refusal": null})];
    if script.reasoning {
        let words = answer.thinking.unwrap_or_default().split_inclusive(' ');
        deltas.extend(words.map(|word| json!({"reasoning_content": word})));
    }
    deltas.extend(answer.pieces.iter().map(|piece| json!({"content": piece})));
    for (at, call) in answer.calls.iter().enumerate() {
        deltas.push(json!({"tool_calls": [{
            "index": at, "id": call_id(names, at), "type": "function",
            "function": {"name": call.name, "arguments": ""}
        }]}));
        for piece in argument_pieces(&call.arguments) {
            deltas.push(json!({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}));
        }
    }
    let mut all: Vec<_> = deltas.into_iter().map(|delta| (delta, Value::Null)).collect();
    all.push((json!({}), finish_reason(&answer.stop).into()));
    all
}

/// A call's arguments as a stream brings them: cut anywhere.
pub fn argument_pieces(arguments: &str) -> Vec<String> {
    let letters: Vec<char> = arguments.chars().collect();
    letters.chunks(ARGUMENT_PIECE_CHARS).map(|piece| piece.iter().collect()).collect()
}

pub fn completion(names: &Names, answer: &Answer) -> Value {
    json!({
        "id": names.id, "object": "text_completion", "created": CREATED, "model": names.model,
        "choices": [{"index": 0, "text": answer.text(), "logprobs": null, "finish_reason": finish_reason(&answer.stop)}],
        "usage": usage(&answer.billed)
    })
}

pub fn completion_events(names: &Names, answer: &Answer, with_usage: bool) -> Vec<Value> {
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": names.id, "object": "text_completion", "created": CREATED, "model": names.model,
            "choices": choices, "usage": usage
        })
    };
    let piece = |text: &str, finish: Value| {
        chunk(json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": finish}]), Value::Null)
    };
    let mut events: Vec<_> = answer.pieces.iter().map(|text| piece(text, Value::Null)).collect();
    events.push(piece("", finish_reason(&answer.stop).into()));
    if with_usage {
        events.push(chunk(json!([]), usage(&answer.billed)));
    }
    events
}

/// One vector per input, told apart by the input's length; as numbers or as base64 of little-endian floats.
pub fn embeddings(
    model: &str,
    inputs: &[Value],
    base64: bool,
    dimensions: Option<usize>,
    tokens: u64,
) -> Value {
    let vector = |input: &Value| -> Vec<f32> {
        let seed = input.to_string().len() as f32;
        (0..dimensions.unwrap_or(DIMENSIONS)).map(|at| (seed + at as f32) / 1024.0).collect()
    };
    let encoded = |vector: Vec<f32>| -> Value {
        if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        } else {
            vector.into()
        }
    };
    let data = |(index, input): (usize, &Value)| json!({"object": "embedding", "index": index, "embedding": encoded(vector(input))});
    json!({
        "object": "list", "model": model, "data": inputs.iter().enumerate().map(data).collect::<Vec<_>>(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}
    })
}

pub fn models() -> Value {
    json!({"object": "list", "data": [
        {"id": "scripted-chat", "object": "model", "created": CREATED, "owned_by": "scripted"},
        {"id": "scripted-embedding", "object": "model", "created": CREATED, "owned_by": "scripted"}
    ]})
}

pub fn error(status: u16, kind: Option<&str>, param: Option<&str>, message: &str) -> Value {
    let (default_kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("requests", json!("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", Value::Null),
        _ => ("server_error", Value::Null),
    };
    json!({"error": {"message": message, "type": kind.unwrap_or(default_kind), "param": param, "code": code}})
}
