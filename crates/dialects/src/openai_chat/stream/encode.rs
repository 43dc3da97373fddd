use domain::Usage;
use serde::Serialize;

use crate::hub::{Stop, StreamEvent};
use crate::openai_chat::{stop_word, write_usage};
use crate::write::{DONE, json_into, prefixed};

/// What all chunks of one stream begin with.
pub(crate) struct Frame {
    head: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(object: &str, id: &str, created: i64, model: &[u8]) -> Self {
        let mut head = b"data: {\"id\":".to_vec();
        json_into(&mut head, id);
        head.extend_from_slice(
            format!(",\"object\":\"{object}\",\"created\":{created},\"model\":").as_bytes(),
        );
        head.extend_from_slice(model);
        head.extend_from_slice(b",\"choices\":");
        Self { head }
    }

    /// Writes one chunk; `choices` writes the value of that member.
    pub(crate) fn chunk(&self, out: &mut Vec<u8>, choices: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.head);
        choices(out);
        out.extend_from_slice(b"}\n\n");
    }

    /// Writes the chunk with the count, which has no choices.
    pub(crate) fn usage(&self, out: &mut Vec<u8>, usage: &Usage) {
        self.chunk(out, |out| {
            out.extend_from_slice(b"[],\"usage\":");
            write_usage(usage, out);
        });
    }
}

/// Writes the chunks of a chat client.
pub(crate) struct Encoder {
    frame: Frame,
    wants_usage: bool,
    role_said: bool,
    stopped: bool,
    usage: Option<Usage>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<[Thought<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct Thought<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl Encoder {
    pub(crate) fn new(id: &str, created: i64, model: &[u8], wants_usage: bool) -> Self {
        let frame = Frame::new("chat.completion.chunk", &prefixed("chatcmpl-", id), created, model);
        Self { frame, wants_usage, role_said: false, stopped: false, usage: None }
    }

    pub(crate) fn event(&mut self, event: &StreamEvent<'_>, out: &mut Vec<u8>) {
        match event {
            StreamEvent::Id(_) => {}
            StreamEvent::Text(text) => self.delta(Delta { content: Some(text), ..Delta::default() }, out),
            StreamEvent::Refusal(text) => self.delta(Delta { refusal: Some(text), ..Delta::default() }, out),
            StreamEvent::Thinking(text) => self.thought(text, None, out),
            StreamEvent::Signature(signature) => self.thought("", Some(signature), out),
            StreamEvent::RedactedThinking(data) => {
                let data = Some(data.as_ref());
                let block = Thought { kind: "redacted_thinking", thinking: None, signature: None, data };
                self.delta(Delta { thinking_blocks: Some([block]), ..Delta::default() }, out);
            }
            StreamEvent::ToolStart { index, id, name } => {
                let function = Function { name: Some(name), arguments: "" };
                self.tool_call(*index, Some(id), function, out);
            }
            StreamEvent::ToolInput { index, json } => {
                self.tool_call(*index, None, Function { name: None, arguments: json }, out);
            }
            StreamEvent::Stop { reason, .. } => self.stop(*reason, out),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Done => self.done(out),
        }
    }

    fn thought(&mut self, text: &str, signature: Option<&str>, out: &mut Vec<u8>) {
        let block = Thought { kind: "thinking", thinking: Some(text), signature, data: None };
        let delta =
            Delta { reasoning_content: Some(text), thinking_blocks: Some([block]), ..Delta::default() };
        self.delta(delta, out);
    }

    fn tool_call(&mut self, index: u32, id: Option<&str>, function: Function<'_>, out: &mut Vec<u8>) {
        let kind = id.map(|_| "function");
        let call = ToolCall { index, id, kind, function };
        self.delta(Delta { tool_calls: Some([call]), ..Delta::default() }, out);
    }

    fn delta(&mut self, mut delta: Delta<'_>, out: &mut Vec<u8>) {
        if !self.role_said {
            self.role_said = true;
            delta.role = Some("assistant");
        }
        self.frame.chunk(out, |out| {
            out.extend_from_slice(b"[{\"index\":0,\"delta\":");
            json_into(out, &delta);
            out.extend_from_slice(b",\"finish_reason\":null}]");
        });
    }

    fn stop(&mut self, reason: Stop, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        if !self.role_said {
            self.delta(Delta { content: Some(""), ..Delta::default() }, out);
        }
        self.frame.chunk(out, |out| {
            out.extend_from_slice(b"[{\"index\":0,\"delta\":{},\"finish_reason\":");
            json_into(out, stop_word(reason));
            out.extend_from_slice(b"}]");
        });
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.stop(Stop::End, out);
        if let Some(usage) = self.usage.filter(|_| self.wants_usage) {
            self.frame.usage(out, &usage);
        }
        out.extend_from_slice(DONE);
    }
}
