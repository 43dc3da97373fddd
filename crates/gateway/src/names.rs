//! Header names of the compatible surface, and our own.

use http::HeaderName;

pub const CALL_ID: HeaderName = HeaderName::from_static("x-litellm-call-id");
pub const TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-timeout");
pub const STREAM_TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-stream-timeout");
pub const NUM_RETRIES: HeaderName = HeaderName::from_static("x-litellm-num-retries");
pub const TAGS: HeaderName = HeaderName::from_static("x-litellm-tags");
pub const CUSTOMER: [HeaderName; 2] =
    [HeaderName::from_static("x-litellm-customer-id"), HeaderName::from_static("x-litellm-end-user-id")];
pub const SESSION: [HeaderName; 3] = [
    HeaderName::from_static("x-litellm-trace-id"),
    HeaderName::from_static("x-litellm-session-id"),
    HeaderName::from_static("x-session-id"),
];

pub const MODEL_ID: HeaderName = HeaderName::from_static("x-litellm-model-id");
pub const MODEL_NAME: HeaderName = HeaderName::from_static("x-litellm-model-name");
pub const MODEL_GROUP: HeaderName = HeaderName::from_static("x-litellm-model-group");
pub const MODEL_API_BASE: HeaderName = HeaderName::from_static("x-litellm-model-api-base");
pub const VERSION: HeaderName = HeaderName::from_static("x-litellm-version");
pub const RESPONSE_COST: HeaderName = HeaderName::from_static("x-litellm-response-cost");
pub const KEY_SPEND: HeaderName = HeaderName::from_static("x-litellm-key-spend");
pub const KEY_MAX_BUDGET: HeaderName = HeaderName::from_static("x-litellm-key-max-budget");
pub const RESPONSE_DURATION: HeaderName = HeaderName::from_static("x-litellm-response-duration-ms");
pub const OVERHEAD_DURATION: HeaderName = HeaderName::from_static("x-litellm-overhead-duration-ms");
pub const ATTEMPTED_RETRIES: HeaderName = HeaderName::from_static("x-litellm-attempted-retries");
pub const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
pub const ATTEMPTED_FALLBACKS: HeaderName = HeaderName::from_static("x-litellm-attempted-fallbacks");
/// Before the name of each header that the provider sent.
pub const PROVIDER_PREFIX: &str = "llm_provider-";

/// `gateway` or `provider`: whose failure an error is.
pub const ERROR_SOURCE: HeaderName = HeaderName::from_static("x-bulkhead-error-source");
/// Parameters that could not be said to the provider, by name.
pub const DROPPED_PARAMS: HeaderName = HeaderName::from_static("x-bulkhead-dropped-params");
/// On refusals that a stale policy replica decided: whole seconds since it last agreed with the database,
/// or `never`.
pub const POLICY_AGE: HeaderName = HeaderName::from_static("x-bulkhead-policy-age");
