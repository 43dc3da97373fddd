//! The status, type, param and message of each refusal, as clients of the compatible surface know them.

use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;
use kit::Timestamp;

use super::{FailureKind, ProviderFailure, Refusal, owners};
use crate::pipeline::settle::CLIENT_CLOSED_REQUEST;

/// The param of errors about keys: the compatible surface sends this word, not null.
const NO_PARAM: &str = "None";

/// Who is to blame; sent in a header, so that our failures are told apart from a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Gateway,
    Provider,
}

/// One answer, not yet in any dialect's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub status: u16,
    pub kind: String,
    pub param: Option<String>,
    pub message: String,
    pub source: Source,
}

impl From<&Refusal> for Words {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Provider(failure) => provider(failure),
            _ => own(refusal),
        }
    }
}

fn own(refusal: &Refusal) -> Words {
    let (status, kind, param, message) = match refusal {
        Refusal::NoKey => auth(401, "Authentication Error, No api key passed in.".into()),
        Refusal::MalformedKey => auth(
            401,
            "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.".into(),
        ),
        Refusal::NotAVirtualKey { shown } => auth(
            401,
            format!(
                "Authentication Error, LiteLLM Virtual Key expected. Received={shown}, expected to start with 'sk-'."
            ),
        ),
        Refusal::UnknownKey { last4, hash } => (
            401,
            "token_not_found_in_db",
            Some("key".into()),
            format!(
                "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...{last4}, \
                 Key Hash (Token) ={hash}. Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
            ),
        ),
        Refusal::PolicyUnavailable { .. } => (
            503,
            "no_db_connection",
            None,
            "This key is not known here and the database cannot be asked right now. Try again shortly."
                .into(),
        ),
        Refusal::BlockedKey => auth(
            401,
            "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.".into(),
        ),
        Refusal::UnreadableKey => (
            500,
            "key_policy_unreadable",
            None,
            "What is stored about this key cannot be read, so it is refused. An admin has to delete it \
             and make a new one."
                .into(),
        ),
        Refusal::ExpiredKey { last4, expired, now } => (
            401,
            "expired_key",
            Some(format!("sk-...{last4}")),
            format!(
                "Authentication Error - Expired Key. Key Expiry time {} and current time {}",
                when(*expired),
                when(*now)
            ),
        ),
        Refusal::BlockedAccount { .. }
        | Refusal::UnreadableAccount { .. }
        | Refusal::RouteDenied { .. }
        | Refusal::ModelDenied { .. }
        | Refusal::OverBudget { .. } => owners::words(refusal),
        Refusal::AddressDenied { client } => auth(
            403,
            format!(
                "Access forbidden: IP address {} not allowed.",
                client.map_or_else(|| "unknown".into(), |client| client.to_string())
            ),
        ),
        Refusal::BannedParam(param) => auth(
            401,
            format!("Authentication Error, Rejected Request: {param} is not allowed in request body."),
        ),
        other => request(other),
    };
    Words { status, kind: kind.into(), param, message, source: Source::Gateway }
}

pub(super) type Parts = (u16, &'static str, Option<String>, String);

pub(super) fn auth(status: u16, message: String) -> Parts {
    (status, "auth_error", Some(NO_PARAM.into()), message)
}

fn invalid(status: u16, param: Option<String>, message: String) -> Parts {
    (status, "invalid_request_error", param, message)
}

/// Refusals about the request itself or about the state of the gateway.
fn request(refusal: &Refusal) -> Parts {
    match refusal {
        Refusal::InvalidJson(error) => {
            invalid(400, Some("request_body".into()), format!("Invalid JSON payload: {error}"))
        }
        Refusal::NotAnObject => invalid(
            400,
            Some("request_body".into()),
            "Invalid JSON payload: the body must be a JSON object".into(),
        ),
        Refusal::MissingParam { label, param } => {
            invalid(400, Some((*param).into()), format!("{label}: Missing required parameter: '{param}'."))
        }
        Refusal::InvalidParam { param, message } => invalid(400, param.clone(), message.clone()),
        Refusal::InvalidModel { label, model } => invalid(
            400,
            None,
            format!(
                "{label}: Invalid model name passed in model={model}. Call `/v1/models` to view available models \
                 for your key."
            ),
        ),
        Refusal::UnsupportedParams { provider, params } => invalid(
            400,
            None,
            format!(
                "litellm.UnsupportedParamsError: {provider} does not support parameters: {params:?}. Remove them, or \
                 set `drop_params: true` under `litellm_settings` to drop what a provider does not take."
            ),
        ),
        Refusal::Untranslatable { message } => invalid(400, None, message.clone()),
        Refusal::BodyTooLarge { limit_bytes } => invalid(
            413,
            None,
            format!(
                "The request body is larger than the limit of {limit_bytes} bytes (general_settings.max_request_size_mb)."
            ),
        ),
        Refusal::BodyTooSlow => {
            invalid(408, None, "The request body did not arrive in time; the connection is closed.".into())
        }
        Refusal::BodyBroken(error) => invalid(400, None, format!("The request body broke off: {error}")),
        Refusal::ClientLeft => {
            invalid(CLIENT_CLOSED_REQUEST, None, "The client left before its whole request had come.".into())
        }
        Refusal::WrongMethod { allow } => {
            invalid(405, None, format!("Method not allowed here; use {allow}."))
        }
        Refusal::NoHealthyDeployment { model, retry_after } => (
            429,
            "all_deployments_in_cooldown",
            None,
            format!(
                "No deployments available for selected model, Try again in {} seconds. All deployments of {model} \
                 are in cooldown.",
                retry_after.as_secs().max(1)
            ),
        ),
        Refusal::Overloaded { .. } => (
            503,
            "overloaded_error",
            None,
            "The gateway holds as many requests as it may at once. Try again shortly.".into(),
        ),
        Refusal::JournalFull { .. } => (
            503,
            "journal_full",
            None,
            "The gateway cannot write this call down: its disk or its journal is full. Calls are not made without \
             that here (bulkhead_settings.journal_strict). Try again shortly."
                .into(),
        ),
        Refusal::Misconfigured { message } => (500, "internal_server_error", None, message.clone()),
        _ => (500, "internal_server_error", None, "Internal server error".into()),
    }
}

fn provider(failure: &ProviderFailure) -> Words {
    let (status, class) = class_of(failure.kind);
    let label = &failure.label;
    let message = match failure.kind {
        FailureKind::Connection => {
            format!(
                "litellm.InternalServerError: InternalServerError: {label} - Connection error. {}",
                failure.message
            )
        }
        _ => format!("litellm.{class}: {label} - {}", failure.message),
    };
    let kind = match (status, &failure.error_type) {
        // The compatible surface keeps a provider's own type on client errors alone.
        (400 | 422, Some(own)) => own.clone(),
        _ => type_of(status).into(),
    };
    let param = failure.param.clone().filter(|_| status < 500);
    Words { status, kind, param, message: message.trim_end().into(), source: Source::Provider }
}

/// A failure's status for the client, and the class that the message names.
const fn class_of(kind: FailureKind) -> (u16, &'static str) {
    match kind {
        FailureKind::ContextWindow => {
            (400, "ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError")
        }
        FailureKind::ContentPolicy => (400, "BadRequestError: litellm.ContentPolicyViolationError"),
        FailureKind::Timeout(_) => (408, "Timeout"),
        FailureKind::Connection => (500, "InternalServerError: InternalServerError"),
        FailureKind::Garbage => (500, "APIConnectionError"),
        FailureKind::Status(status) => match status {
            401 => (401, "AuthenticationError: AuthenticationError"),
            402 => (402, "PaymentRequiredError"),
            403 => (403, "PermissionDeniedError"),
            404 => (404, "NotFoundError: NotFoundError"),
            408 => (408, "Timeout"),
            422 => (422, "UnprocessableEntityError"),
            429 => (429, "RateLimitError: RateLimitError"),
            502 => (502, "BadGatewayError"),
            503 => (503, "ServiceUnavailableError"),
            529 => (529, "InternalServerError"),
            400..=499 => (status, "BadRequestError"),
            500..=599 => (status, "InternalServerError"),
            _ => (500, "APIError"),
        },
    }
}

const fn type_of(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "throttling_error",
        400..=499 => "invalid_request_error",
        529 => "overloaded_error",
        _ => "internal_server_error",
    }
}

fn when(time: Timestamp) -> String {
    Instant::from_microsecond(time.micros()).map_or_else(
        |_| time.to_string(),
        |instant| instant.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S+00:00").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Payer;
    use super::*;
    use kit::{KeyHash, Money};

    fn failure(kind: FailureKind) -> Words {
        Words::from(&Refusal::Provider(ProviderFailure {
            label: "OpenAIException".into(),
            kind,
            message: "too long".into(),
            error_type: Some("own_type".into()),
            param: Some("messages".into()),
            retry_after: None,
        }))
    }

    #[test]
    fn keys_are_refused_in_the_known_words() {
        let hash = KeyHash::of("sk-x");
        let words = Words::from(&Refusal::UnknownKey { last4: "abcd".into(), hash });
        assert_eq!(
            (words.status, words.kind.as_str(), words.param.as_deref()),
            (401, "token_not_found_in_db", Some("key"))
        );
        assert!(words.message.contains("sk-...abcd") && words.message.contains(&hash.to_hex()));
        let words = Words::from(&Refusal::NoKey);
        assert_eq!((words.status, words.param.as_deref()), (401, Some("None")));
    }

    #[test]
    fn an_expiry_names_both_times() {
        let words = Words::from(&Refusal::ExpiredKey {
            last4: "abcd".into(),
            expired: Timestamp::from_secs(0),
            now: Timestamp::from_secs(86_400),
        });
        assert!(words.message.contains("1970-01-01 00:00:00") && words.message.contains("1970-01-02"));
    }

    #[test]
    fn a_budget_refusal_has_the_status_of_the_setting() {
        let refusal = Refusal::OverBudget {
            payer: Payer { kind: None, name: "alias".into(), within: String::new() },
            spend: Money(2_000_000_000),
            max: Money(1_000_000_000),
            window: None,
            status: 422,
        };
        let words = Words::from(&refusal);
        assert_eq!((words.status, words.kind.as_str()), (422, "budget_exceeded"));
        assert!(words.message.ends_with("Current cost: 2.0, Max budget: 1.0"));
    }

    #[test]
    fn a_providers_failure_is_named_after_it() {
        let words = failure(FailureKind::Status(400));
        assert_eq!((words.status, words.kind.as_str()), (400, "own_type"));
        assert_eq!(words.message, "litellm.BadRequestError: OpenAIException - too long");
        let words = failure(FailureKind::Status(429));
        assert_eq!((words.status, words.kind.as_str()), (429, "throttling_error"));
        let words = failure(FailureKind::Timeout(std::time::Duration::from_secs(1)));
        assert_eq!(words.status, 408);
        assert_eq!(failure(FailureKind::Connection).status, 500);
        assert_eq!(words.source, Source::Provider);
    }
}
