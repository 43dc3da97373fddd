//! Every refusal of the control plane becomes an answer here, in the shapes of the compatible surface.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;
use serde_json::{Value, json};
use store::StoreError;
use utoipa::{IntoResponses, ToSchema};

use super::input::BODY_BYTES_MAX;

/// When to come back after "too busy" or "database away".
pub const RETRY_AFTER_SECS: u64 = 1;

/// A refusal, ready to be sent.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: Value,
    retry_after_secs: Option<u64>,
}

/// The error shape of key, spend and model routes.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorFacts,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorFacts {
    pub message: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub param: Option<String>,
    /// The HTTP status as text.
    pub code: String,
}

/// The error shape of a request that does not fit its schema.
#[derive(Serialize, ToSchema)]
pub struct InvalidBody {
    pub detail: Vec<InvalidField>,
}

#[derive(Serialize, ToSchema)]
pub struct InvalidField {
    #[serde(rename = "type")]
    pub kind: String,
    /// Where: `body` or `query`, then the path.
    pub loc: Vec<Value>,
    pub msg: String,
    pub input: Value,
}

/// What any endpoint may answer besides its own.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "only describes the answers for the document")]
pub enum Refusals {
    #[response(status = 400, description = "The request makes no sense")]
    Bad(ErrorBody),
    #[response(status = 401, description = "No valid key or session, or one that may not do this")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "The caller may not do this to that object")]
    Forbidden(ErrorBody),
    #[response(status = 409, description = "Another request was quicker, or the name is taken")]
    Conflict(ErrorBody),
    #[response(status = 413, description = "The body is larger than 1 MiB")]
    TooLarge(ErrorBody),
    #[response(status = 422, description = "The request does not fit its schema")]
    Invalid(InvalidBody),
    #[response(status = 503, description = "Too busy, or the database is away; see Retry-After")]
    Unavailable(ErrorBody),
}

impl ApiError {
    pub fn new(status: StatusCode, kind: &str, param: Option<&str>, message: impl Into<String>) -> Self {
        let facts = ErrorFacts {
            message: message.into(),
            kind: Some(kind.into()),
            param: param.map(Into::into),
            code: status.as_u16().to_string(),
        };
        Self { status, body: json!({ "error": facts }), retry_after_secs: None }
    }

    pub fn bad(param: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request_error", Some(param), message)
    }

    pub fn key_not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", Some("key"), message)
    }

    /// 400 of a route whose errors are plain HTTP errors: their form, beside the one of all others.
    pub fn plain(param: &str, message: impl Into<String>) -> Self {
        Self::bad(param, message).with_detail()
    }

    /// 404 in the same form.
    pub fn missing(param: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", Some(param), message).with_detail()
    }

    fn with_detail(mut self) -> Self {
        self.body["detail"] = json!({ "error": self.body["error"]["message"] });
        self
    }

    /// With its sentence as `detail` besides: the form of routes whose plain HTTP errors are a sentence.
    pub fn with_detail_text(mut self) -> Self {
        self.body["detail"] = self.text().into();
        self
    }

    /// In the form of routes whose errors are plain HTTP errors.
    pub fn detail_not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            body: json!({ "detail": { "message": message.into() } }),
            retry_after_secs: None,
        }
    }

    pub fn invalid(fields: Vec<InvalidField>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: json!(InvalidBody { detail: fields }),
            retry_after_secs: None,
        }
    }

    pub fn too_large() -> Self {
        let message = format!("The request body is larger than {BODY_BYTES_MAX} bytes, or broke off.");
        let (status, param) = (StatusCode::PAYLOAD_TOO_LARGE, Some("request_body"));
        Self::new(status, "invalid_request_error", param, message)
    }

    pub fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "service_unavailable",
            None,
            "The control plane is busy. Try again shortly.",
        )
        .retry_after(RETRY_AFTER_SECS)
    }

    /// An answer beyond its bound.
    pub fn too_long(bytes_max: usize) -> Self {
        let kib = bytes_max / 1024;
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request_error",
            None,
            format!(
                "The answer would be longer than {kib} KiB. Ask for fewer days, or for less on one page."
            ),
        )
    }

    pub fn timed_out() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "service_unavailable",
            None,
            "The request took too long and was stopped.",
        )
        .retry_after(RETRY_AFTER_SECS)
    }

    #[must_use]
    pub const fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }
}

impl ApiError {
    /// What went wrong, for lists of results.
    pub fn text(&self) -> String {
        let message = self.body["error"]["message"].as_str();
        let field = &self.body["detail"][0];
        let invalid = || Some(format!("{}: {}", field["loc"], field["msg"].as_str()?));
        message.map(str::to_owned).or_else(invalid).unwrap_or_else(|| self.status.to_string())
    }

    pub fn internal() -> Self {
        let kind = "internal_server_error";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, kind, None, "Internal server error")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(secs) = self.retry_after_secs {
            response.headers_mut().insert(RETRY_AFTER, secs.into());
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(%error, "database did not answer");
            let message = "DB not connected. The database is away or too slow; try again shortly.";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_db_connection", None, message)
                .retry_after(RETRY_AFTER_SECS);
        }
        if let StoreError::Missing(what) = error {
            let noun = what[..1].to_uppercase() + &what[1..];
            return Self::bad(&format!("{what}_id"), format!("{noun} doesn't exist in db."));
        }
        if matches!(error, StoreError::NotCounted) {
            let text = error.to_string();
            return Self::bad("by", text[..1].to_uppercase() + &text[1..] + ".");
        }
        // What a handler did not expect: another request was quicker.
        if matches!(error, StoreError::Duplicate(_) | StoreError::InUse | StoreError::TooMany(_)) {
            let text = error.to_string();
            let message = text[..1].to_uppercase() + &text[1..] + ".";
            return Self::new(StatusCode::CONFLICT, "bad_request_error", None, message);
        }
        tracing::error!(%error, "database failed");
        if let StoreError::Sealed { why, .. } = &error {
            let message = format!("A stored secret cannot be read: {why}.");
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", None, message);
        }
        Self::internal()
    }
}
