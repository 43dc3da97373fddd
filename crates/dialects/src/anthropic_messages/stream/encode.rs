use std::borrow::Cow;

use domain::Usage;

use crate::anthropic_messages::{stop_word, write_usage};
use crate::error::DialectError;
use crate::hub::{Stop, StreamEvent};
use crate::write::{Object, prefixed, sse};

/// Writes the events of an Anthropic client. Blocks follow each other strictly: the official SDKs take the
/// last one for the one that stops.
pub(crate) struct Encoder {
    id: String,
    model: Vec<u8>,
    started: bool,
    /// How many blocks were opened.
    blocks: u32,
    open: Option<Open>,
    stop: Option<(Stop, Option<String>)>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Tool(u32),
}

impl Encoder {
    pub(crate) fn new(id: &str, model: &[u8]) -> Self {
        Self {
            id: prefixed("msg_", id),
            model: model.to_vec(),
            started: false,
            blocks: 0,
            open: None,
            stop: None,
            usage: None,
        }
    }

    pub(crate) fn event(&mut self, event: &StreamEvent<'_>, out: &mut Vec<u8>) -> Result<(), DialectError> {
        self.start(out);
        match event {
            StreamEvent::Id(_) => {}
            StreamEvent::Text(text) | StreamEvent::Refusal(text) => {
                self.enter(Open::Text, br#"{"type":"text","text":""}"#, out);
                self.delta("text_delta", "text", text, out);
            }
            StreamEvent::Thinking(text) => {
                self.enter_thinking(out);
                self.delta("thinking_delta", "thinking", text, out);
            }
            StreamEvent::Signature(signature) => {
                self.enter_thinking(out);
                self.delta("signature_delta", "signature", signature, out);
                // The signature seals the block: what follows is another one.
                self.leave(out);
            }
            StreamEvent::RedactedThinking(data) => self.redacted(data, out),
            StreamEvent::ToolStart { index, id, name } => self.tool(*index, id, name, out),
            StreamEvent::ToolInput { index, json } => {
                if self.open != Some(Open::Tool(*index)) {
                    let message = "input of a tool call that is over; calls must follow each other";
                    return Err(DialectError::BadResponse(message.to_owned()));
                }
                self.delta("input_json_delta", "partial_json", json, out);
            }
            StreamEvent::Stop { reason, sequence } => {
                self.leave(out);
                self.stop.get_or_insert((*reason, sequence.clone().map(Cow::into_owned)));
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Done => self.done(out),
        }
        Ok(())
    }

    /// The count of the prompt is not known yet: it comes with `message_delta`, as all counts are
    /// cumulative.
    fn start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut data = Vec::with_capacity(256);
        let mut object = Object::open(&mut data);
        object.put("type", "message_start");
        let mut message = object.object("message");
        message.put("id", &self.id);
        message.put("type", "message");
        message.put("role", "assistant");
        message.key("model").extend_from_slice(&self.model);
        message.key("content").extend_from_slice(b"[]");
        message.key("stop_reason").extend_from_slice(b"null");
        message.key("stop_sequence").extend_from_slice(b"null");
        write_usage(&Usage::default(), message.key("usage"));
        message.close();
        object.close();
        sse(out, Some("message_start"), &data);
    }

    fn enter_thinking(&mut self, out: &mut Vec<u8>) {
        self.enter(Open::Thinking, br#"{"type":"thinking","thinking":"","signature":""}"#, out);
    }

    fn enter(&mut self, kind: Open, block: &[u8], out: &mut Vec<u8>) {
        if self.open == Some(kind) {
            return;
        }
        self.leave(out);
        let mut data = Vec::with_capacity(128);
        let mut object = Object::open(&mut data);
        object.put("type", "content_block_start");
        object.put("index", &self.blocks);
        object.key("content_block").extend_from_slice(block);
        object.close();
        sse(out, Some("content_block_start"), &data);
        self.open = Some(kind);
    }

    fn tool(&mut self, index: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        let mut block = Vec::with_capacity(96);
        let mut object = Object::open(&mut block);
        object.put("type", "tool_use");
        object.put("id", id);
        object.put("name", name);
        object.object("input").close();
        object.close();
        self.enter(Open::Tool(index), &block, out);
    }

    fn redacted(&mut self, data: &str, out: &mut Vec<u8>) {
        let mut block = Vec::with_capacity(data.len() + 48);
        let mut object = Object::open(&mut block);
        object.put("type", "redacted_thinking");
        object.put("data", data);
        object.close();
        self.leave(out);
        self.enter(Open::Thinking, &block, out);
        self.leave(out);
    }

    fn delta(&mut self, kind: &str, key: &str, text: &str, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(text.len() + 96);
        let mut object = Object::open(&mut data);
        object.put("type", "content_block_delta");
        object.put("index", &self.blocks);
        let mut delta = object.object("delta");
        delta.put("type", kind);
        delta.put(key, text);
        delta.close();
        object.close();
        sse(out, Some("content_block_delta"), &data);
    }

    fn leave(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_none() {
            return;
        }
        let data = format!(r#"{{"type":"content_block_stop","index":{}}}"#, self.blocks);
        sse(out, Some("content_block_stop"), data.as_bytes());
        self.blocks = self.blocks.saturating_add(1);
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.leave(out);
        let (reason, sequence) = self.stop.take().unwrap_or((Stop::End, None));
        let mut data = Vec::with_capacity(256);
        let mut object = Object::open(&mut data);
        object.put("type", "message_delta");
        let mut delta = object.object("delta");
        delta.put("stop_reason", stop_word(reason));
        delta.put("stop_sequence", &sequence);
        delta.close();
        write_usage(&self.usage.unwrap_or_default(), object.key("usage"));
        object.close();
        sse(out, Some("message_delta"), &data);
        sse(out, Some("message_stop"), br#"{"type":"message_stop"}"#);
    }
}
