//! Streams whose client speaks another dialect than the provider.

use domain::Dialect;

use super::watch::Watch;
use super::{Context, Progress};
use crate::error::{DialectError, ErrorFacts};
use crate::hub::StreamEvent;
use crate::{anthropic_messages, openai_chat, openai_completions};

enum Decoder {
    Chat(openai_chat::stream::Decoder),
    Messages(anthropic_messages::stream::Decoder),
}

enum Encoder {
    Chat(openai_chat::stream::Encoder),
    Completions(openai_completions::Encoder),
    Messages(anthropic_messages::stream::Encoder),
}

/// What an event says.
pub(crate) enum Decoded<'a> {
    Events(Vec<StreamEvent<'a>>),
    Error(crate::error::ProviderError),
}

pub(super) struct Translate {
    client: Dialect,
    decoder: Decoder,
    encoder: Encoder,
}

impl Translate {
    pub(super) fn new(provider: Dialect, client: Dialect, context: &Context) -> Result<Self, DialectError> {
        let decoder = match provider {
            Dialect::OpenAiChat => Decoder::Chat(openai_chat::stream::Decoder::new(&context.id)),
            Dialect::AnthropicMessages => Decoder::Messages(anthropic_messages::stream::Decoder::default()),
            Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
                return Err(DialectError::NoCrossing { client, provider });
            }
        };
        let Context { model, id, created, wants_usage } = context;
        let encoder = match client {
            Dialect::OpenAiChat => {
                Encoder::Chat(openai_chat::stream::Encoder::new(id, *created, model, *wants_usage))
            }
            Dialect::OpenAiCompletions => {
                Encoder::Completions(openai_completions::Encoder::new(id, *created, model, *wants_usage))
            }
            Dialect::AnthropicMessages => {
                Encoder::Messages(anthropic_messages::stream::Encoder::new(id, model))
            }
            Dialect::OpenAiEmbeddings => return Err(DialectError::NoCrossing { client, provider }),
        };
        Ok(Self { client, decoder, encoder })
    }

    pub(super) fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        watch: &mut Watch,
        out: &mut Vec<u8>,
    ) -> Result<Progress, DialectError> {
        let text = std::str::from_utf8(data)
            .map_err(|_| DialectError::BadResponse("an event that is not UTF-8".to_owned()))?;
        let decoded = match &mut self.decoder {
            Decoder::Chat(decoder) => decoder.event(text)?,
            Decoder::Messages(decoder) => decoder.event(name, text)?,
        };
        match decoded {
            Decoded::Error(error) => {
                let facts = ErrorFacts {
                    status: 500,
                    message: &error.message,
                    kind: error.kind.as_deref(),
                    param: error.param.as_deref(),
                    ..ErrorFacts::default()
                };
                super::write_error(self.client, &facts, out);
                watch.error = Some(error);
                Ok(Progress::Failed)
            }
            Decoded::Events(events) => {
                let done = events.contains(&StreamEvent::Done);
                for event in &events {
                    see(event, watch);
                    self.encode(event, out)?;
                }
                Ok(if done { Progress::Done } else { Progress::More })
            }
        }
    }

    fn encode(&mut self, event: &StreamEvent<'_>, out: &mut Vec<u8>) -> Result<(), DialectError> {
        match &mut self.encoder {
            Encoder::Chat(encoder) => encoder.event(event, out),
            Encoder::Completions(encoder) => encoder.event(event, out),
            Encoder::Messages(encoder) => return encoder.event(event, out),
        }
        Ok(())
    }

    /// Ends a stream that the provider left without its last word; `false` where the client's dialect
    /// cannot end an incomplete one.
    pub(super) fn close(&mut self, watch: &Watch, out: &mut Vec<u8>) -> bool {
        let stopped = watch.stop.is_some();
        if !stopped && self.client == Dialect::AnthropicMessages {
            return false;
        }
        if !stopped {
            let end = StreamEvent::Stop { reason: crate::hub::Stop::End, sequence: None };
            let _ = self.encode(&end, out);
        }
        self.encode(&StreamEvent::Done, out).is_ok()
    }
}

fn see(event: &StreamEvent<'_>, watch: &mut Watch) {
    match event {
        StreamEvent::Id(id) => {
            watch.id.get_or_insert_with(|| id.as_ref().to_owned());
        }
        StreamEvent::Text(text)
        | StreamEvent::Refusal(text)
        | StreamEvent::Thinking(text)
        | StreamEvent::ToolInput { json: text, .. } => watch.add_chars(text.chars().count() as u64),
        StreamEvent::ToolStart { .. } | StreamEvent::Signature(_) | StreamEvent::RedactedThinking(_) => {
            watch.content = true;
        }
        StreamEvent::Stop { reason, .. } => {
            watch.stop = Some(openai_chat::stop_word(*reason).to_owned());
        }
        StreamEvent::Usage(usage) => watch.usage = Some(*usage),
        StreamEvent::Done => {}
    }
}
