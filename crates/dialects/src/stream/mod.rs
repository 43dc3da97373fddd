//! Streams: a machine takes the provider's events one by one and writes the client's.
//!
//! Its state is bounded (no text is kept), it takes any events in any order without panicking, and what it
//! writes depends on the events alone, never on how their bytes arrived.

mod pass_anthropic;
mod pass_openai;
mod translate;
mod watch;

use domain::{Dialect, Usage};

use crate::error::{DialectError, ErrorFacts, ProviderError};
use crate::write;
use pass_anthropic::PassAnthropic;
use pass_openai::PassOpenAi;
pub(crate) use translate::Decoded;
use translate::Translate;
use watch::Watch;

/// What the client is to see of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct StreamContext<'a> {
    /// The name of the model that the client asked for.
    pub model: &'a str,
    /// The id of an answer that is translated, given the dialect's own prefix (`chatcmpl-`, `msg_`); the
    /// same dialect keeps the provider's.
    pub id: &'a str,
    /// Unix time in seconds, for dialects that tell it.
    pub created: i64,
    /// Did the client ask for a usage chunk (OpenAI's `stream_options.include_usage`)?
    pub client_wants_usage: bool,
}

/// How far a stream is after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    /// The provider said that the stream is complete, and the client has been told.
    Done,
    /// The provider sent an error, which was written for the client; [`Machine::error`] has it.
    Failed,
}

/// How the provider's side ended.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// The body ended as HTTP says it should.
    UpstreamDone,
    /// The body broke off.
    UpstreamCut,
    /// We gave up, as after a timeout or an event that cannot be read.
    Failed { status: u16, message: &'a str },
}

/// The context in the form in which it is written over and over.
struct Context {
    model: Vec<u8>,
    id: String,
    created: i64,
    wants_usage: bool,
}

enum Kind {
    OpenAi(PassOpenAi),
    Anthropic(PassAnthropic),
    Translate(Box<Translate>),
}

/// One stream from a provider to a client.
pub struct Machine {
    client: Dialect,
    context: Context,
    watch: Watch,
    kind: Kind,
}

impl Machine {
    /// # Errors
    /// [`DialectError::NoCrossing`] where no translation exists.
    pub fn new(provider: Dialect, client: Dialect, context: StreamContext<'_>) -> Result<Self, DialectError> {
        let context = Context {
            model: write::json(context.model),
            id: context.id.to_owned(),
            created: context.created,
            wants_usage: context.client_wants_usage,
        };
        let kind = match (provider, client) {
            (Dialect::AnthropicMessages, Dialect::AnthropicMessages) => {
                Kind::Anthropic(PassAnthropic::default())
            }
            (provider, client) if provider == client => Kind::OpenAi(PassOpenAi::new(client)),
            _ => Kind::Translate(Box::new(Translate::new(provider, client, &context)?)),
        };
        Ok(Self { client, context, watch: Watch::default(), kind })
    }

    /// Takes one event of the provider and appends the client's frames to `out`, always whole ones.
    /// Events after the end are ignored.
    ///
    /// # Errors
    /// [`DialectError::BadResponse`] where the event is not what the provider's dialect says; nothing of
    /// it is in `out`, and the stream can only be ended with [`End::Failed`].
    pub fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, DialectError> {
        if self.watch.ended {
            return Ok(if self.watch.error.is_some() { Progress::Failed } else { Progress::Done });
        }
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok(Progress::More);
        }
        self.watch.any_event = true;
        let before = out.len();
        let result = match &mut self.kind {
            Kind::OpenAi(pass) => pass.event(data, &self.context, &mut self.watch, out),
            Kind::Anthropic(pass) => pass.event(name, data, &self.context, &mut self.watch, out),
            Kind::Translate(machine) => machine.event(name, data, &mut self.watch, out),
        };
        match result {
            Ok(progress) => self.watch.ended = progress != Progress::More,
            Err(_) => out.truncate(before),
        }
        result
    }

    /// Writes what the client must still get. Does nothing where the stream has ended already.
    ///
    /// An OpenAI client of a stream that stopped short gets a final chunk and `[DONE]`; one of a stream
    /// that failed gets an error frame and no `[DONE]`. An Anthropic client gets `event: error` in both
    /// cases, since its dialect has no way to end a message that was cut.
    pub fn finish(&mut self, end: End<'_>, out: &mut Vec<u8>) {
        if self.watch.ended {
            return;
        }
        self.watch.ended = true;
        match end {
            End::Failed { status, message } => self.fail(status, message, out),
            End::UpstreamDone | End::UpstreamCut if !self.watch.any_event => {
                self.fail(502, "the provider closed the stream without sending anything", out);
            }
            End::UpstreamDone | End::UpstreamCut => self.close(out),
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let closed = match &mut self.kind {
            Kind::OpenAi(pass) => {
                pass.close(&self.context, &self.watch, out);
                true
            }
            Kind::Anthropic(pass) => pass.close(&self.watch, out),
            Kind::Translate(machine) => machine.close(&self.watch, out),
        };
        if !closed {
            self.fail(502, "the provider's stream ended before the message was complete", out);
        }
    }

    fn fail(&mut self, status: u16, message: &str, out: &mut Vec<u8>) {
        self.watch.cut = true;
        write_error(self.client, &ErrorFacts { status, message, ..ErrorFacts::default() }, out);
    }

    /// The provider's own count so far.
    pub const fn usage(&self) -> Option<Usage> {
        self.watch.usage
    }

    /// Characters of text, thoughts and tool input that have come so far: what a cancelled stream is
    /// charged by where the provider's count did not arrive.
    pub const fn output_chars(&self) -> u64 {
        self.watch.chars
    }

    /// Has the stream ended for the client?
    pub const fn done(&self) -> bool {
        self.watch.ended
    }

    /// Did the provider bring it to its proper end (a stop reason was seen)?
    pub const fn complete(&self) -> bool {
        self.watch.stop.is_some() && !self.watch.cut
    }

    /// The provider's own id of the answer.
    pub fn response_id(&self) -> Option<&str> {
        self.watch.id.as_deref()
    }

    /// The provider's own word for why it stopped.
    pub fn stop(&self) -> Option<&str> {
        self.watch.stop.as_deref()
    }

    /// Has any content come that a client would miss if the call were made again?
    pub const fn saw_content(&self) -> bool {
        self.watch.content
    }

    /// The error that the provider sent within the stream.
    pub const fn error(&self) -> Option<&ProviderError> {
        self.watch.error.as_ref()
    }
}

/// The frame by which a client of that dialect learns of a failure in the middle of a stream.
pub fn write_error(client: Dialect, facts: &ErrorFacts<'_>, out: &mut Vec<u8>) {
    let body = crate::error::write(client, facts);
    let event = (client == Dialect::AnthropicMessages).then_some("error");
    write::sse(out, event, &body);
}
