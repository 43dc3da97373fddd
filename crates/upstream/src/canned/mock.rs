//! `mock_response` of a deployment: data-plane semantics §5.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;

const CHUNK_CHARS: usize = 3;
const INPUT_TOKENS: u64 = 10;
const OUTPUT_TOKENS: u64 = 20;

/// Texts that stand for an error: text, status, OpenAI's `type` and `code`, message.
const ERRORS: &[(&str, StatusCode, &str, &str, &str)] = &[
    (
        "litellm.RateLimitError",
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limit_error",
        "rate_limit_exceeded",
        "this is a mock rate limit error",
    ),
    (
        "litellm.InternalServerError",
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_error",
        "internal_error",
        "this is a mock internal server error",
    ),
    (
        "litellm.ContextWindowExceededError",
        StatusCode::BAD_REQUEST,
        "invalid_request_error",
        "context_length_exceeded",
        "this is a mock context window error: this model's maximum context length is 0 tokens",
    ),
    (
        "litellm.ContentPolicyViolationError",
        StatusCode::BAD_REQUEST,
        "invalid_request_error",
        "content_policy_violation",
        "this is a mock content policy violation error",
    ),
    (
        "litellm.BadRequestError",
        StatusCode::BAD_REQUEST,
        "invalid_request_error",
        "invalid_request",
        "this is a mock bad request error",
    ),
];

pub(super) fn error(text: &str) -> Option<(StatusCode, Value)> {
    let (_, status, kind, code, message) = ERRORS.iter().find(|row| row.0 == text)?;
    Some((*status, json!({"error": {"message": message, "type": kind, "param": null, "code": code}})))
}

pub(super) fn answer(text: &str) -> Answer {
    let chars = text.chars().collect::<Vec<_>>();
    Answer {
        chunks: chars.chunks(CHUNK_CHARS).map(|chunk| chunk.iter().collect()).collect(),
        finish_reason: "stop",
        input_tokens: INPUT_TOKENS,
        output_tokens: OUTPUT_TOKENS,
    }
}
