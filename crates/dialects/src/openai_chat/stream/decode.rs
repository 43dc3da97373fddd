use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::anthropic_messages;
use crate::error::{DialectError, provider_error};
use crate::hub::{PartKind, StreamEvent};
use crate::openai_chat::stop_of;
use crate::read::{Notes, Object, Path, ReadError};
use crate::stream::Decoded;

/// Most tool calls in one answer.
const TOOL_CALLS_MAX: usize = 128;

/// Reads the chunks of a chat provider.
pub(crate) struct Decoder {
    /// Stem of the ids of tool calls to which the provider gave none.
    id: String,
    calls: Vec<Call>,
    refused: bool,
}

struct Call {
    /// The provider's `index`.
    index: u64,
    id: String,
}

impl Decoder {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), calls: Vec::new(), refused: false }
    }

    pub(crate) fn event<'a>(&mut self, data: &'a str) -> Result<Decoded<'a>, DialectError> {
        if data == "[DONE]" {
            return Ok(Decoded::Events(vec![StreamEvent::Done]));
        }
        self.chunk(data).map_err(DialectError::bad_response)
    }

    fn chunk<'a>(&mut self, data: &'a str) -> Result<Decoded<'a>, ReadError> {
        let root = Path::Root;
        let mut object = Object::parse(data, &root)?;
        if object.peek("error").is_some() {
            return Ok(Decoded::Error(provider_error(domain::Dialect::OpenAiChat, 200, data.as_bytes())));
        }
        let mut events = Vec::new();
        if let Ok(Some(id)) = object.text("id")
            && !id.is_empty()
        {
            events.push(StreamEvent::Id(id));
        }
        let choices = object.array("choices")?.unwrap_or_default();
        let path = root.key("choices");
        // Only one choice can be asked for across dialects; a provider may send it in two parts.
        for raw in choices {
            let mut choice = Object::of(raw, &path)?;
            if choice.whole("index").ok().flatten().unwrap_or(0) == 0 {
                self.choice(&mut choice, &mut events)?;
            }
        }
        if let Some(usage) =
            object.take("usage").and_then(|raw| crate::openai_chat::usage(raw.get().as_bytes()))
        {
            events.push(StreamEvent::Usage(usage));
        }
        Ok(Decoded::Events(events))
    }

    fn choice<'a>(
        &mut self,
        choice: &mut Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        let path = choice.path.key("delta");
        if let Some(raw) = choice.take("delta") {
            self.delta(Object::of(raw, &path)?, events)?;
        }
        if let Some(word) = choice.text("finish_reason")? {
            let mut reason = stop_of(&word);
            if reason == crate::hub::Stop::End && !self.calls.is_empty() {
                reason = crate::hub::Stop::ToolUse;
            }
            if reason == crate::hub::Stop::End && self.refused {
                reason = crate::hub::Stop::Refusal;
            }
            events.push(StreamEvent::Stop { reason, sequence: None });
        }
        Ok(())
    }

    fn delta<'a>(
        &mut self,
        mut delta: Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        thoughts(&mut delta, events)?;
        let some = |text: Cow<'a, str>| (!text.is_empty()).then_some(text);
        if let Some(text) = delta.text("content")?.and_then(some) {
            events.push(StreamEvent::Text(text));
        }
        if let Some(text) = delta.text("refusal")?.and_then(some) {
            self.refused = true;
            events.push(StreamEvent::Refusal(text));
        }
        let path = delta.path.key("tool_calls");
        for raw in delta.array("tool_calls")?.unwrap_or_default() {
            self.tool_call(Object::of(raw, &path)?, events)?;
        }
        Ok(())
    }

    /// A call begins where its index is new, or where a known index comes with another id (some providers
    /// give every call the index 0). Without an index, a call with a name is a new one.
    fn tool_call<'a>(
        &mut self,
        mut call: Object<'a, '_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<(), ReadError> {
        let id = call.text("id")?.filter(|id| !id.is_empty());
        let path = call.path.key("function");
        let function: Option<&RawValue> = call.take("function");
        let mut function = function.map(|raw| Object::of(raw, &path)).transpose()?;
        let (name, arguments) = match &mut function {
            Some(function) => (function.text("name")?, function.text("arguments")?),
            None => (None, None),
        };
        let name = name.filter(|name| !name.is_empty());
        let said = call.whole("index")?;
        let known = match said {
            Some(index) => self.calls.iter().rposition(|call| call.index == index),
            None if name.is_some() => None,
            None => self.calls.len().checked_sub(1),
        };
        let same = known.filter(|at| {
            id.as_ref().is_none_or(|id| self.calls.get(*at).is_some_and(|call| call.id == id.as_ref()))
                || name.is_none()
        });
        let index = match same {
            Some(at) => at,
            None => self.begin(said, id, name, &path, events)?,
        } as u32;
        if let Some(json) = arguments.filter(|json| !json.is_empty()) {
            events.push(StreamEvent::ToolInput { index, json });
        }
        Ok(())
    }

    fn begin<'a>(
        &mut self,
        index: Option<u64>,
        id: Option<Cow<'a, str>>,
        name: Option<Cow<'a, str>>,
        path: &Path<'_>,
        events: &mut Vec<StreamEvent<'a>>,
    ) -> Result<usize, ReadError> {
        let at = self.calls.len();
        if at >= TOOL_CALLS_MAX {
            return Err(ReadError::new(path, "one of at most 128 tool calls"));
        }
        let name = name.ok_or_else(|| ReadError::new(&path.key("name"), "a string"))?;
        let id = id.unwrap_or_else(|| Cow::Owned(format!("call_{}_{at}", self.id)));
        self.calls.push(Call { index: index.unwrap_or(at as u64), id: id.as_ref().to_owned() });
        events.push(StreamEvent::ToolStart { index: at as u32, id, name });
        Ok(at)
    }
}

/// Thoughts: `thinking_blocks` with signatures where the provider is a gateway like this one, else
/// `reasoning_content` (DeepSeek, xAI, vLLM) or `reasoning` (OpenRouter, Groq).
fn thoughts<'a>(delta: &mut Object<'a, '_>, events: &mut Vec<StreamEvent<'a>>) -> Result<(), ReadError> {
    let blocks = delta.array("thinking_blocks").ok().flatten().unwrap_or_default();
    let mut notes = Notes::default();
    for raw in &blocks {
        match anthropic_messages::part(raw, &Path::Root, &mut notes).map(|part| part.kind) {
            Ok(PartKind::Thinking { text, signature }) => {
                if !text.is_empty() {
                    events.push(StreamEvent::Thinking(text));
                }
                events.extend(signature.map(StreamEvent::Signature));
            }
            Ok(PartKind::RedactedThinking { data }) => events.push(StreamEvent::RedactedThinking(data)),
            _ => {}
        }
    }
    if !blocks.is_empty() {
        return Ok(());
    }
    let said = match delta.text("reasoning_content")? {
        None => delta.text("reasoning").ok().flatten(),
        said => said,
    };
    events.extend(said.filter(|text| !text.is_empty()).map(StreamEvent::Thinking));
    Ok(())
}
