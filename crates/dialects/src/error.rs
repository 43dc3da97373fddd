//! Errors: of a conversion, as a provider tells them, and as each dialect's clients want to hear them.

use domain::Dialect;
use serde::Serialize;

use crate::read::ReadError;
use crate::{anthropic_messages, shallow};

/// Longest provider message that is kept, in bytes; longer ones are cut.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Why a body or a stream could not be carried from one dialect to the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// The client's request does not have the shape of its dialect, or holds what the other one cannot say.
    #[error("{message}")]
    InvalidRequest { message: String, param: Option<String> },
    /// Parameters that the provider does not take, and that would change the answer.
    #[error("the provider does not support parameters: [{}]; set drop_params to leave them out", .params.join(", "))]
    Unsupported { params: Vec<String> },
    /// There is no way from the one dialect to the other, as from embeddings to Anthropic messages.
    #[error("a model of this provider cannot be called through {}", endpoint(*.client))]
    NoCrossing { client: Dialect, provider: Dialect },
    /// The provider's answer or event is not what its dialect says.
    #[error("the provider sent what cannot be read: {0}")]
    BadResponse(String),
}

impl DialectError {
    /// The HTTP status for it: 400 where the request is at fault, 502 where the provider is.
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadResponse(_) => 502,
            _ => 400,
        }
    }

    /// The parameter at fault, if it is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::InvalidRequest { param, .. } => param.as_deref(),
            Self::Unsupported { params } if params.len() == 1 => params.first().map(String::as_str),
            _ => None,
        }
    }

    pub(crate) fn invalid(path: impl std::fmt::Display, message: impl Into<String>) -> Self {
        Self::InvalidRequest { message: message.into(), param: Some(path.to_string()) }
    }

    pub(crate) fn bad_response(error: ReadError) -> Self {
        Self::BadResponse(error.to_string())
    }
}

impl From<ReadError> for DialectError {
    fn from(error: ReadError) -> Self {
        Self::InvalidRequest { message: error.to_string(), param: Some(error.path) }
    }
}

const fn endpoint(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAiChat => "/v1/chat/completions",
        Dialect::OpenAiCompletions => "/v1/completions",
        Dialect::OpenAiEmbeddings => "/v1/embeddings",
        Dialect::AnthropicMessages => "/v1/messages",
    }
}

/// What a provider's error is about, as far as routing cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The prompt does not fit the model.
    ContextWindow,
    ContentPolicy,
    RateLimit,
    Other,
}

/// An error as the provider told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    pub message: String,
    /// OpenAI's and Anthropic's `type`.
    pub kind: Option<String>,
    pub param: Option<String>,
    /// OpenAI's `code`, such as `context_length_exceeded`.
    pub code: Option<String>,
    pub class: ErrorClass,
}

/// Reads a provider's error body, whatever it is; never fails, and keeps no more than
/// [`MESSAGE_BYTES_MAX`] of it. Knows `{"error": {…}}` of OpenAI and Anthropic and the common strays:
/// `{"error": "…"}`, `{"message": …}`, `{"detail": …}`, plain text.
pub fn provider_error(_provider: Dialect, status: u16, body: &[u8]) -> ProviderError {
    let field = |object: &[u8], name: &[u8]| shallow::member(object, name).map(|span| object[span].to_vec());
    let inner = field(body, b"error").unwrap_or_else(|| body.to_vec());
    let text = |name: &[u8]| field(&inner, name).and_then(|raw| plain(&raw));
    let message = text(b"message")
        .or_else(|| plain(&inner).filter(|_| inner.first() == Some(&b'"')))
        .or_else(|| text(b"detail"))
        .or_else(|| text(b"error"))
        .unwrap_or_else(|| bounded(String::from_utf8_lossy(body.trim_ascii()).into_owned()));
    let message = if message.is_empty() { format!("HTTP status {status} without a body") } else { message };
    let (kind, param, code) = (text(b"type"), text(b"param"), text(b"code"));
    let class = classify(status, &message, code.as_deref());
    ProviderError { message, kind, param, code, class }
}

/// A string's value, or the JSON text of anything else but `null`.
fn plain(raw: &[u8]) -> Option<String> {
    if raw == b"null" {
        return None;
    }
    let text = serde_json::from_slice::<String>(raw);
    Some(bounded(text.unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())))
}

fn bounded(mut text: String) -> String {
    let mut end = MESSAGE_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

const CONTEXT_WINDOW: &[&str] = &[
    "exceed context limit",
    "this model's maximum context length is",
    "string too long. expected a string with maximum length",
    "model's maximum context limit",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "`inputs` tokens + `max_new_tokens` must be",
    "exceeds the available context size",
    "exceeds the maximum number of tokens allowed",
    "prompt is too long",
];

const CONTENT_POLICY: &[&str] = &[
    "content_policy_violation",
    "content management policy",
    "content_filter",
    "rejected as a result of our safety system",
    "output blocked by content filtering policy",
];

/// Reads the class from code and message, as the compatible surface does.
fn classify(status: u16, message: &str, code: Option<&str>) -> ErrorClass {
    let lower = message.to_lowercase();
    let says = |list: &[&str]| list.iter().any(|part| lower.contains(part));
    if matches!(code, Some("string_above_max_length")) {
        return ErrorClass::Other;
    }
    let too_long = says(CONTEXT_WINDOW)
        || (lower.contains("current length is") && lower.contains("while limit is"))
        || code == Some("context_length_exceeded");
    if too_long {
        ErrorClass::ContextWindow
    } else if says(CONTENT_POLICY) || matches!(code, Some("content_filter" | "content_policy_violation")) {
        ErrorClass::ContentPolicy
    } else if status == 429 || (status >= 500 && says_rate_limit(&lower)) {
        ErrorClass::RateLimit
    } else {
        ErrorClass::Other
    }
}

fn says_rate_limit(lower: &str) -> bool {
    ["rate limit", "rate_limit", "rate-limit", "ratelimit", "service tier capacity exceeded"]
        .iter()
        .any(|part| lower.contains(part))
}

/// What a client is told about a failure, whatever its dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorFacts<'a> {
    /// The HTTP status; `code` of the OpenAI shape is this number as a string.
    pub status: u16,
    pub message: &'a str,
    /// OpenAI's `type`; by the status when `None`. Anthropic's is always by the status.
    pub kind: Option<&'a str>,
    pub param: Option<&'a str>,
    /// Added to the OpenAI shape as `litellm_call_id`.
    pub call_id: Option<&'a str>,
    /// Added to the OpenAI shape as `provider_specific_fields.error`.
    pub provider_detail: Option<&'a str>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    error: OpenAiInner<'a>,
}

#[derive(Serialize)]
struct OpenAiInner<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_specific_fields: Option<ProviderFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    litellm_call_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ProviderFields<'a> {
    error: &'a str,
}

/// The JSON body of an error in the client's dialect.
pub fn write(client: Dialect, facts: &ErrorFacts<'_>) -> Vec<u8> {
    match client {
        Dialect::AnthropicMessages => anthropic_messages::error_body(facts.status, facts.message),
        Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => write_openai(facts),
    }
}

fn write_openai(facts: &ErrorFacts<'_>) -> Vec<u8> {
    let error = OpenAiInner {
        message: facts.message,
        kind: facts.kind.unwrap_or_else(|| openai_kind(facts.status)),
        param: facts.param,
        code: facts.status.to_string(),
        provider_specific_fields: facts.provider_detail.map(|error| ProviderFields { error }),
        litellm_call_id: facts.call_id,
    };
    crate::write::json(&OpenAiError { error })
}

/// The `type` of an error of the OpenAI shape that has none of its own.
pub const fn openai_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "internal_server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ProviderError {
        provider_error(Dialect::OpenAiChat, status, body.as_bytes())
    }

    #[test]
    fn the_common_shapes_are_read() {
        let openai = r#"{"error":{"message":"no","type":"t","param":"p","code":"c"}}"#;
        let error = read(400, openai);
        assert_eq!(error.message, "no");
        assert_eq!(error.kind.as_deref(), Some("t"));
        assert_eq!(error.param.as_deref(), Some("p"));
        assert_eq!(error.code.as_deref(), Some("c"));
        let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
        assert_eq!(read(529, anthropic).kind.as_deref(), Some("overloaded_error"));
        for (body, message) in [
            (r#"{"error":"plain"}"#, "plain"),
            (r#"{"message":"m"}"#, "m"),
            (r#"{"detail":"d"}"#, "d"),
            ("<html>", "<html>"),
            ("", "HTTP status 500 without a body"),
            (r#"{"error":{"code":5}}"#, r#"{"error":{"code":5}}"#),
        ] {
            assert_eq!(read(500, body).message, message, "{body}");
        }
    }

    #[test]
    fn a_huge_message_is_cut_at_a_character() {
        let body = "ä".repeat(MESSAGE_BYTES_MAX);
        assert_eq!(read(500, &body).message.len(), MESSAGE_BYTES_MAX);
    }

    #[test]
    fn classes_are_told_apart() {
        for (status, message, class) in [
            (400, "This model's maximum context length is 8192 tokens", ErrorClass::ContextWindow),
            (400, "prompt is too long: 9 tokens > 8 maximum", ErrorClass::ContextWindow),
            (400, "blocked by content management policy", ErrorClass::ContentPolicy),
            (429, "slow down", ErrorClass::RateLimit),
            (500, "Rate limit reached", ErrorClass::RateLimit),
            (400, "bad", ErrorClass::Other),
        ] {
            assert_eq!(classify(status, message, None), class, "{message}");
        }
        assert_eq!(classify(400, "x", Some("context_length_exceeded")), ErrorClass::ContextWindow);
    }

    #[test]
    fn each_dialect_hears_its_own_shape() {
        let facts = ErrorFacts { status: 429, message: "slow \"down\"", ..ErrorFacts::default() };
        let text = |dialect| String::from_utf8(write(dialect, &facts)).unwrap();
        assert_eq!(
            text(Dialect::OpenAiChat),
            r#"{"error":{"message":"slow \"down\"","type":"rate_limit_error","param":null,"code":"429"}}"#
        );
        assert_eq!(
            text(Dialect::AnthropicMessages),
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow \"down\""}}"#
        );
    }
}
