use std::borrow::Cow;

use serde_json::value::RawValue;

/// A request for an answer.
#[derive(Debug, Default)]
pub struct Request<'a> {
    pub system: Vec<SystemPart<'a>>,
    pub messages: Vec<Message<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    /// `Some(false)`: at most one tool call an answer.
    pub parallel_tool_calls: Option<bool>,
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<Cow<'a, str>>,
    pub format: Option<Format<'a>>,
    pub reasoning: Option<Reasoning<'a>>,
    /// The client's end user.
    pub user: Option<Cow<'a, str>>,
    pub stream: bool,
    /// Parameters that the hub has no word for, under the name that the client's dialect gives them.
    pub extra: Vec<(Cow<'a, str>, &'a RawValue)>,
}

#[derive(Debug)]
pub struct SystemPart<'a> {
    pub text: Cow<'a, str>,
    /// A prompt-caching marker (Anthropic's `cache_control` object).
    pub cache: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
}

/// One turn. Results of tools are parts of the user's turn.
#[derive(Debug)]
pub struct Message<'a> {
    pub role: Role,
    pub parts: Vec<Part<'a>>,
}

#[derive(Debug)]
pub struct Part<'a> {
    pub kind: PartKind<'a>,
    /// A prompt-caching marker (Anthropic's `cache_control` object).
    pub cache: Option<&'a RawValue>,
    /// Where the part was in the client's body, for messages about it.
    pub path: String,
}

#[derive(Debug)]
pub enum PartKind<'a> {
    Text(Cow<'a, str>),
    Image {
        source: Source<'a>,
    },
    /// A PDF or a plain text.
    Document {
        source: Source<'a>,
        title: Option<Cow<'a, str>>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Cow<'a, RawValue>,
    },
    ToolResult {
        id: Cow<'a, str>,
        parts: Vec<Part<'a>>,
        is_error: bool,
    },
    Thinking {
        text: Cow<'a, str>,
        signature: Option<Cow<'a, str>>,
    },
    RedactedThinking {
        data: Cow<'a, str>,
    },
    /// The model's own words when it declined.
    Refusal(Cow<'a, str>),
    /// A part that only one dialect knows, as it was written.
    Native {
        kind: Cow<'a, str>,
        raw: &'a RawValue,
    },
}

#[derive(Debug)]
pub enum Source<'a> {
    Base64 {
        media_type: Cow<'a, str>,
        data: Cow<'a, str>,
    },
    Url(Cow<'a, str>),
    /// Plain text in place of bytes.
    Text(Cow<'a, str>),
    /// Uploaded to the provider beforehand.
    FileId(Cow<'a, str>),
}

#[derive(Debug)]
pub enum Tool<'a> {
    Function {
        name: Cow<'a, str>,
        description: Option<Cow<'a, str>>,
        /// JSON schema of the input; `None` when it takes none.
        schema: Option<&'a RawValue>,
        strict: Option<bool>,
        cache: Option<&'a RawValue>,
    },
    /// A tool that the provider itself knows or runs, as it was written.
    Native { kind: Cow<'a, str>, raw: &'a RawValue, path: String },
}

#[derive(Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    Auto,
    None,
    /// Some tool, whichever.
    Any,
    Named(Cow<'a, str>),
}

/// The form that the answer must have.
#[derive(Debug)]
pub enum Format<'a> {
    /// Some JSON object.
    Json,
    Schema {
        name: Option<Cow<'a, str>>,
        description: Option<Cow<'a, str>>,
        schema: &'a RawValue,
        strict: Option<bool>,
    },
}

/// How much the model may think first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reasoning<'a> {
    pub thinking: Thinking,
    /// A word: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<Cow<'a, str>>,
    /// How the thoughts are to be shown: `summarized`, `omitted`.
    pub display: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// Nothing but the effort is said.
    #[default]
    Unsaid,
    Off,
    /// A bound, in tokens.
    Budget(u64),
    /// As much as the model sees fit.
    Adaptive,
}
