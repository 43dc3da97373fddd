//! Body fields that speak to the gateway, not to a provider: they never leave it.

use domain::Dialect;

/// Top-level fields that are removed before a request is sent, whatever the dialect.
const NAMES: &[&str] = &[
    "additional_drop_params",
    "allowed_openai_params",
    "api_base",
    "api_key",
    "api_version",
    "applied_guardrails",
    "attempted_fallbacks",
    "base_model",
    "base_url",
    "cache",
    "caching",
    "callbacks",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "custom_llm_provider",
    "disable_fallbacks",
    "disable_global_guardrail",
    "disable_global_guardrails",
    "drop_params",
    "fallbacks",
    "fastest_response",
    "guardrails",
    "include_fallback_errors",
    "logger_fn",
    "max_retries",
    "mock_delay",
    "mock_response",
    "mock_timeout",
    "mock_tool_calls",
    "model_info",
    "no-log",
    "num_retries",
    "original_model_group",
    "previous_models",
    "prompt_id",
    "prompt_variables",
    "prompt_version",
    "proxy_server_request",
    "request_timeout",
    "secret_fields",
    "service_callback",
    "standard_logging_object",
    "stream_timeout",
    "tags",
    "timeout",
    "user_config",
];

/// What the names of all price fields have in common.
const PRICE: &[u8] = b"_cost_per_";

/// Is this top-level field for the gateway alone?
///
/// `metadata` of the OpenAI dialects belongs to the gateway too, except where `store` asks the provider
/// to keep the answer: that is the only use OpenAI has for it.
pub(crate) fn is_gateway_only(name: &str, dialect: Dialect, stored: bool) -> bool {
    if name == "metadata" {
        return dialect != Dialect::AnthropicMessages && !stored;
    }
    NAMES.binary_search(&name).is_ok()
        || name.starts_with("litellm_")
        || name.starts_with("mock_testing_")
        || name.as_bytes().windows(PRICE.len()).any(|part| part == PRICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_since_it_is_searched_by_halves() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn metadata_is_the_providers_only_where_it_has_a_use() {
        assert!(is_gateway_only("metadata", Dialect::OpenAiChat, false));
        assert!(!is_gateway_only("metadata", Dialect::OpenAiChat, true));
        assert!(!is_gateway_only("metadata", Dialect::AnthropicMessages, false));
        assert!(is_gateway_only("litellm_metadata", Dialect::AnthropicMessages, false));
        assert!(is_gateway_only("input_cost_per_token", Dialect::OpenAiChat, false));
        assert!(!is_gateway_only("temperature", Dialect::OpenAiChat, false));
    }
}
