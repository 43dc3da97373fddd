//! OpenAI's legacy `/v1/completions`: passed on to providers that have it, and for the others a chat of one
//! user message.
//!
//! Source: the OpenAI API reference for completions, as mirrored in `openai.types.completion`.

use std::borrow::Cow;

use domain::Usage;
use serde_json::value::RawValue;

use crate::error::DialectError;
use crate::hub::{Message, Part, PartKind, Request, Response, Role, Stop, StreamEvent};
use crate::openai_chat::stream::Frame;
use crate::openai_chat::{ignore_no_ops, stop_list, stop_word, write_usage};
use crate::read::{Notes, Object, Path, elements, text};
use crate::write;

/// Reads a completions request; the prompt becomes what the user says.
pub(crate) fn to_hub<'a>(body: &'a str, notes: &mut Notes) -> Result<Request<'a>, DialectError> {
    let root = Path::Root;
    let mut object = Object::parse(body, &root)?;
    object.ignore(&["model", "stream_options"]);
    let prompt = prompt(object.take("prompt"))?;
    let path = "prompt".to_owned();
    let part = Part { kind: PartKind::Text(prompt), cache: None, path };
    let mut request = Request {
        messages: vec![Message { role: Role::User, parts: vec![part] }],
        max_tokens: object.whole("max_tokens")?,
        temperature: object.float("temperature")?,
        top_p: object.float("top_p")?,
        stop: stop_list(object.take("stop"), &root.key("stop"))?,
        user: object.text("user")?,
        stream: object.flag("stream")?.unwrap_or(false),
        ..Request::default()
    };
    ignore_no_ops(&mut object);
    for (name, value) in object.rest() {
        match name.as_ref() {
            _ if value.get() == "null" => {}
            // Here a number, in chat a flag: there is no common word.
            "logprobs" => notes.refuse("logprobs"),
            "best_of" | "echo" | "suffix" => notes.refuse(name),
            _ => request.extra.push((name, value)),
        }
    }
    Ok(request)
}

/// One prompt: a string, or an array of one. Several prompts would be several answers, and tokens are no
/// text that another model understands.
fn prompt(raw: Option<&RawValue>) -> Result<Cow<'_, str>, DialectError> {
    let missing = || DialectError::invalid("prompt", "Missing required parameter: 'prompt'.");
    let raw = raw.ok_or_else(missing)?;
    if let Some(text) = text(raw.get()) {
        return Ok(text);
    }
    let list = elements(raw.get()).unwrap_or_default();
    if let [one] = list[..]
        && let Some(text) = text(one.get())
    {
        return Ok(text);
    }
    let message = "`prompt` must be one string: this model takes neither several prompts nor tokens";
    Err(DialectError::invalid("prompt", message))
}

/// Writes a completions answer.
pub(crate) fn write_response(
    response: &Response<'_>,
    context: &crate::ResponseContext<'_>,
    notes: &mut Notes,
) -> Vec<u8> {
    let mut text = String::new();
    for part in &response.parts {
        match &part.kind {
            PartKind::Text(piece) | PartKind::Refusal(piece) => text.push_str(piece),
            PartKind::Thinking { .. } | PartKind::RedactedThinking { .. } => notes.drop("content (thinking)"),
            _ => notes.drop("content"),
        }
    }
    let mut out = Vec::with_capacity(text.len() + 256);
    let mut object = write::Object::open(&mut out);
    object.put("id", &write::prefixed("cmpl-", context.id));
    object.put("object", "text_completion");
    object.put("created", &context.created);
    object.put("model", context.model);
    let mut choices = object.array("choices");
    let mut choice = choices.object();
    choice.put("text", &text);
    choice.put("index", &0);
    choice.key("logprobs").extend_from_slice(b"null");
    choice.put("finish_reason", stop_word(response.stop));
    choice.close();
    choices.close();
    if let Some(usage) = &response.usage {
        write_usage(usage, object.key("usage"));
    }
    object.close();
    out
}

/// Writes the chunks of a completions client.
pub(crate) struct Encoder {
    frame: Frame,
    wants_usage: bool,
    stopped: bool,
    usage: Option<Usage>,
}

impl Encoder {
    pub(crate) fn new(id: &str, created: i64, model: &[u8], wants_usage: bool) -> Self {
        let frame = Frame::new("text_completion", &write::prefixed("cmpl-", id), created, model);
        Self { frame, wants_usage, stopped: false, usage: None }
    }

    pub(crate) fn event(&mut self, event: &StreamEvent<'_>, out: &mut Vec<u8>) {
        match event {
            StreamEvent::Text(text) | StreamEvent::Refusal(text) => self.choice(text, None, out),
            StreamEvent::Stop { reason, .. } => self.stop(*reason, out),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Done => {
                self.stop(Stop::End, out);
                if let Some(usage) = self.usage.filter(|_| self.wants_usage) {
                    self.frame.usage(out, &usage);
                }
                out.extend_from_slice(write::DONE);
            }
            // Completions know nothing but text.
            StreamEvent::Id(_)
            | StreamEvent::Thinking(_)
            | StreamEvent::Signature(_)
            | StreamEvent::RedactedThinking(_)
            | StreamEvent::ToolStart { .. }
            | StreamEvent::ToolInput { .. } => {}
        }
    }

    fn choice(&self, text: &str, finish: Option<&str>, out: &mut Vec<u8>) {
        self.frame.chunk(out, |out| {
            out.extend_from_slice(b"[{\"text\":");
            write::json_into(out, text);
            out.extend_from_slice(b",\"index\":0,\"logprobs\":null,\"finish_reason\":");
            write::json_into(out, &finish);
            out.extend_from_slice(b"}]");
        });
    }

    fn stop(&mut self, reason: Stop, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.choice("", Some(stop_word(reason)), out);
        }
    }
}
