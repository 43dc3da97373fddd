use serde::{Deserialize, Serialize};

/// A wire format that clients or providers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI `/v1/chat/completions`.
    OpenAiChat,
    /// OpenAI legacy `/v1/completions`.
    OpenAiCompletions,
    /// OpenAI `/v1/embeddings`.
    OpenAiEmbeddings,
    /// Anthropic `/v1/messages`.
    AnthropicMessages,
}

impl Dialect {
    pub const ALL: [Self; 4] =
        [Self::OpenAiChat, Self::OpenAiCompletions, Self::OpenAiEmbeddings, Self::AnthropicMessages];

    /// The name under which rows keep it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::OpenAiCompletions => "openai_completions",
            Self::OpenAiEmbeddings => "openai_embeddings",
            Self::AnthropicMessages => "anthropic_messages",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text)
    }

    /// The path of its requests, as the compatible surface groups usage by.
    pub const fn path(self) -> &'static str {
        match self {
            Self::OpenAiChat => "/chat/completions",
            Self::OpenAiCompletions => "/completions",
            Self::OpenAiEmbeddings => "/embeddings",
            Self::AnthropicMessages => "/v1/messages",
        }
    }

    /// The `call_type` of spend rows on the compatible surface.
    pub const fn call_type(self) -> &'static str {
        match self {
            Self::OpenAiChat => "acompletion",
            Self::OpenAiCompletions => "atext_completion",
            Self::OpenAiEmbeddings => "aembedding",
            Self::AnthropicMessages => "anthropic_messages",
        }
    }
}
