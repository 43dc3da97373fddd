use std::borrow::Cow;

use domain::Usage;

use super::Part;

/// An answer that is complete.
#[derive(Debug)]
pub struct Response<'a> {
    /// The provider's own id of it.
    pub id: Option<Cow<'a, str>>,
    pub parts: Vec<Part<'a>>,
    pub stop: Stop,
    /// Which stop sequence ended it, where the provider says.
    pub stop_sequence: Option<Cow<'a, str>>,
    pub usage: Option<Usage>,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    End,
    MaxTokens,
    StopSequence,
    ToolUse,
    /// A long turn was paused; sent back as it is, it goes on.
    Pause,
    /// The model or a filter of the provider declined.
    Refusal,
}

/// One step of an answer that arrives bit by bit.
#[derive(Debug, PartialEq)]
pub enum StreamEvent<'a> {
    /// The provider's id of the answer; may come more than once.
    Id(Cow<'a, str>),
    Text(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    Thinking(Cow<'a, str>),
    /// The signature of the thinking so far.
    Signature(Cow<'a, str>),
    RedactedThinking(Cow<'a, str>),
    /// A tool call begins. `index` counts tool calls from 0 within the answer.
    ToolStart {
        index: u32,
        id: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    /// A piece of the JSON text of a tool call's input.
    ToolInput {
        index: u32,
        json: Cow<'a, str>,
    },
    Stop {
        reason: Stop,
        sequence: Option<Cow<'a, str>>,
    },
    /// The count so far; a later one replaces it.
    Usage(Usage),
    /// The provider says that the stream is complete.
    Done,
}
