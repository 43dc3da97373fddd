//! Header names of the compatible surface, and our own.

pub const CALL_ID: &str = "x-litellm-call-id";
pub const TIMEOUT: &str = "x-litellm-timeout";
pub const STREAM_TIMEOUT: &str = "x-litellm-stream-timeout";
pub const NUM_RETRIES: &str = "x-litellm-num-retries";
pub const TAGS: &str = "x-litellm-tags";
pub const CUSTOMER: [&str; 2] = ["x-litellm-customer-id", "x-litellm-end-user-id"];
pub const SESSION: [&str; 3] = ["x-litellm-trace-id", "x-litellm-session-id", "x-session-id"];

pub const MODEL_ID: &str = "x-litellm-model-id";
pub const MODEL_NAME: &str = "x-litellm-model-name";
pub const MODEL_GROUP: &str = "x-litellm-model-group";
pub const MODEL_API_BASE: &str = "x-litellm-model-api-base";
pub const VERSION: &str = "x-litellm-version";
pub const RESPONSE_COST: &str = "x-litellm-response-cost";
pub const KEY_SPEND: &str = "x-litellm-key-spend";
pub const KEY_MAX_BUDGET: &str = "x-litellm-key-max-budget";
pub const RESPONSE_DURATION: &str = "x-litellm-response-duration-ms";
pub const OVERHEAD_DURATION: &str = "x-litellm-overhead-duration-ms";
pub const ATTEMPTED_RETRIES: &str = "x-litellm-attempted-retries";
pub const ATTEMPTED_FALLBACKS: &str = "x-litellm-attempted-fallbacks";
/// Before the name of each header that the provider sent.
pub const PROVIDER_PREFIX: &str = "llm_provider-";

/// `gateway` or `provider`: whose failure an error is.
pub const ERROR_SOURCE: &str = "x-bulkhead-error-source";
/// Parameters that could not be said to the provider, by name.
pub const DROPPED_PARAMS: &str = "x-bulkhead-dropped-params";
/// On refusals for unknown keys: seconds since the replica last agreed with the database.
pub const POLICY_AGE: &str = "x-bulkhead-policy-age";
