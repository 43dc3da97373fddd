//! What must hold for any request, answer or stream. Each target takes raw bytes.

#![allow(dead_code)] // each binary uses one target

use bulkhead_dialects::stream::{End, Machine, StreamContext};
use bulkhead_dialects::{RequestOptions, ResponseContext, count, envelope, error, prepare, response};
use bulkhead_domain::Dialect::{self, AnthropicMessages, OpenAiChat, OpenAiCompletions, OpenAiEmbeddings};
use bytes::Bytes;
use serde_json::Map;

/// A body: refused, or edited into JSON that is scanned again.
pub fn envelope(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let Ok(scanned) = envelope::scan(&body) else { return };
    for dialect in [OpenAiChat, OpenAiCompletions, OpenAiEmbeddings, AnthropicMessages] {
        let _ = count::input(dialect, &scanned);
        let _ = count::input_text(dialect, &body);
        let made = prepared(dialect, dialect, &scanned).expect("nothing can be refused here");
        let again = envelope::scan(&made).expect("edits keep a body a body");
        assert_eq!(again.model().as_deref(), Some(MODEL));
    }
}

/// Chat as client and as provider.
pub fn openai_chat(data: &[u8]) {
    foreign(data, OpenAiChat, &[AnthropicMessages], &[OpenAiChat, AnthropicMessages, OpenAiCompletions]);
}

/// Messages as client and as provider.
pub fn anthropic_messages(data: &[u8]) {
    foreign(data, AnthropicMessages, &[OpenAiChat], &[AnthropicMessages, OpenAiChat, OpenAiCompletions]);
}

const MODEL: &str = "claude-sonnet-4-5";

fn foreign(data: &[u8], dialect: Dialect, providers: &[Dialect], clients: &[Dialect]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let body = Bytes::copy_from_slice(rest);
    match kind {
        b'r' => {
            let Ok(scanned) = envelope::scan(&body) else { return };
            for made in providers.iter().filter_map(|provider| prepared(dialect, *provider, &scanned)) {
                envelope::scan(&made).expect("a translated request is one JSON object");
            }
        }
        b'a' => {
            let _ = error::provider_error(dialect, 400, &body);
            let context = ResponseContext { model: "m", id: "i", created: 0 };
            for client in clients {
                let Ok(answer) = response(dialect, *client, &body, &context) else { continue };
                let made = answer.pieces.concat();
                // In the same dialect what is inside the members is passed on as it is.
                assert!(is_json(&made) || (*client == dialect && !is_json(&body)));
            }
        }
        _ => clients.iter().for_each(|client| stream(dialect, *client, rest)),
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

fn prepared(client: Dialect, provider: Dialect, scanned: &envelope::Envelope) -> Option<Bytes> {
    let none = Map::new();
    let options = RequestOptions {
        model: MODEL,
        defaults: &none,
        extra_body: &none,
        unsupported: &[],
        drop_params: true,
        additional_drop: &[],
        default_max_tokens: 4096,
    };
    prepare(client, provider, scanned, &options).ok().map(|made| made.pieces.concat().into())
}

/// Whole frames, and an end, whatever comes.
fn stream(provider: Dialect, client: Dialect, lines: &[u8]) {
    let context = StreamContext { model: "m", id: "i", created: 0, client_wants_usage: true };
    let mut machine = Machine::new(provider, client, context).expect("these crossings exist");
    let mut out = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let before = out.len();
        if machine.event(None, line, &mut out).is_err() {
            assert_eq!(before, out.len(), "nothing is written of an event that cannot be read");
            break;
        }
        assert!(out.is_empty() || out.ends_with(b"\n\n"));
    }
    machine.finish(End::UpstreamCut, &mut out);
    assert!(machine.done() && out.ends_with(b"\n\n"));
}
