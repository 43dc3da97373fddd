//! What went wrong at a provider, twice: as routing decides by it, and as the client is told.

use std::sync::Arc;
use std::time::Duration;

use dialects::DialectError;
use dialects::error::{ErrorClass, ProviderError};
use domain::Dialect;
use http::{HeaderMap, StatusCode, header};
use routing::{Candidate, Failure, FailureKind as Kind};
use upstream::{ReadError, SendError};

use super::attempt::routing_kind;
use super::deadline::Limit;
use super::stream::FalseStart;
use crate::refusal::{FailureKind, ProviderFailure, Refusal};

/// Most of a provider's error that is read.
pub const ERROR_BODY_BYTES_MAX: usize = 1 << 20;
/// What routing counts a provider that cannot be reached as.
const UNREACHABLE_STATUS: u16 = 500;
const TIMEOUT_STATUS: u16 = 408;

type Both = (Failure, ProviderFailure);

fn told(label: &Arc<str>, kind: FailureKind, message: String) -> ProviderFailure {
    ProviderFailure { label: label.clone(), kind, message, error_type: None, param: None, retry_after: None }
}

/// Nothing came back.
pub fn unsent(label: &Arc<str>, error: &SendError, connect: Limit) -> Both {
    if matches!(error, SendError::ConnectTimeout { .. }) {
        return timed_out(label, connect);
    }
    let kind = if error.may_have_arrived() { Kind::BrokenOff } else { Kind::Unreachable };
    let failure = Failure { status: UNREACHABLE_STATUS, kind, retry_after: None };
    (failure, told(label, FailureKind::Connection, sentence(&error.to_string())))
}

/// The answer broke off, or was longer than it may be.
pub fn broken(label: &Arc<str>, error: &ReadError) -> Both {
    let failure = Failure { status: UNREACHABLE_STATUS, kind: Kind::BrokenOff, retry_after: None };
    (failure, told(label, FailureKind::Garbage, sentence(&error.to_string())))
}

/// A stream whose first event is not one of an answer.
pub fn false_start(label: &Arc<str>, early: FalseStart, headers: &HeaderMap) -> Both {
    match early {
        FalseStart::Broken(error) => broken(label, &error),
        FalseStart::Garbage(message) => {
            let failure = Failure { status: UNREACHABLE_STATUS, kind: Kind::BrokenOff, retry_after: None };
            (failure, garbage(label, &message))
        }
        FalseStart::Error(error) => {
            let status = status_within(&error);
            classified(label, status, retry_after(headers), error)
        }
    }
}

/// The HTTP status that an error within a stream stands for: OpenAI's numeric code, or Anthropic's type
/// (<https://docs.anthropic.com/en/api/errors>).
fn status_within(error: &ProviderError) -> u16 {
    let code = error.code.as_deref().and_then(|code| code.parse().ok());
    if let Some(code) = code.filter(|code| (400..600).contains(code)) {
        return code;
    }
    match error.kind.as_deref() {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("request_too_large") => 413,
        Some("rate_limit_error" | "rate_limit_exceeded") => 429,
        Some("overloaded_error") => 529,
        _ => UNREACHABLE_STATUS,
    }
}

/// An answer that makes no sense in the provider's dialect.
pub fn garbage(label: &Arc<str>, message: &str) -> ProviderFailure {
    told(label, FailureKind::Garbage, sentence(message))
}

pub fn timed_out(label: &Arc<str>, limit: Limit) -> Both {
    let kind = Kind::TimedOut { by_client: limit.by_client };
    let failure = Failure { status: TIMEOUT_STATUS, kind, retry_after: None };
    (failure, told(label, FailureKind::Timeout(limit.after), limit.sentence()))
}

/// The provider answered with an error.
pub fn answered(
    label: &Arc<str>,
    dialect: Dialect,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Both {
    let status = status.as_u16();
    let error = dialects::error::provider_error(dialect, status, body);
    classified(label, status, retry_after(headers), error)
}

fn classified(label: &Arc<str>, status: u16, retry_after: Option<Duration>, error: ProviderError) -> Both {
    let kind = match error.class {
        ErrorClass::ContextWindow => FailureKind::ContextWindow,
        ErrorClass::ContentPolicy => FailureKind::ContentPolicy,
        ErrorClass::RateLimit | ErrorClass::Other => FailureKind::Status(status),
    };
    let failure = Failure { status, kind: routing_kind(error.class), retry_after };
    let told = ProviderFailure {
        label: label.clone(),
        kind,
        message: error.message,
        error_type: error.kind,
        param: error.param,
        retry_after,
    };
    (failure, told)
}

/// `Retry-After` in seconds; providers of LLMs do not send the date form.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A request that cannot be carried over to the provider's dialect.
pub fn refusal(candidate: &Candidate, error: DialectError) -> Refusal {
    match error {
        DialectError::Unsupported { params } => {
            Refusal::UnsupportedParams { provider: candidate.provider.to_string(), params }
        }
        DialectError::InvalidRequest { message, param } => Refusal::InvalidParam { param, message },
        other => Refusal::Untranslatable { message: other.to_string() },
    }
}

/// Messages below begin in lower case; the client reads a sentence.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
