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
