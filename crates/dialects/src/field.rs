//! The top-level fields that the gateway looks at.

macro_rules! fields {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// Top-level fields that the gateway looks at; each may appear once.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Field { $($variant),+ }

        impl Field {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            pub(crate) fn of(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    Model "model",
    Messages "messages",
    Prompt "prompt",
    Input "input",
    System "system",
    Tools "tools",
    Stream "stream",
    StreamOptions "stream_options",
    MaxTokens "max_tokens",
    MaxCompletionTokens "max_completion_tokens",
    N "n",
    BestOf "best_of",
    User "user",
    Metadata "metadata",
    LitellmMetadata "litellm_metadata",
    Store "store",
    Tags "tags",
    Timeout "timeout",
    RequestTimeout "request_timeout",
    StreamTimeout "stream_timeout",
    NumRetries "num_retries",
    Fallbacks "fallbacks",
    ContextWindowFallbacks "context_window_fallbacks",
    ContentPolicyFallbacks "content_policy_fallbacks",
    DisableFallbacks "disable_fallbacks",
    Guardrails "guardrails",
    Cache "cache",
    Caching "caching",
    DropParams "drop_params",
    AdditionalDropParams "additional_drop_params",
    ApiKey "api_key",
    ApiBase "api_base",
    BaseUrl "base_url",
    UserConfig "user_config",
    ModelList "model_list",
    MockResponse "mock_response",
    MockToolCalls "mock_tool_calls",
    MockTimeout "mock_timeout",
    MockDelay "mock_delay",
    MockTestingFallbacks "mock_testing_fallbacks",
    NoLog "no-log",
}
