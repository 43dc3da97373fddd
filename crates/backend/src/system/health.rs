use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use store::ReaderStatus;
use utoipa::ToSchema;

use crate::state::Shared;

/// Longest wait of a probe for the database.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    /// `connected` or `Not connected`.
    db: &'static str,
    /// Absent when no reader is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    reader: Option<ReaderReads>,
}

/// Where reads went since the start: to the read replica, or to the writer in its place.
#[derive(Serialize, ToSchema)]
pub struct ReaderReads {
    /// By the reader.
    served: u64,
    /// By the writer, since the reader had not seen the newest writes.
    behind: u64,
    /// By the writer, since the reader did not answer.
    away: u64,
}

impl From<ReaderStatus> for ReaderReads {
    fn from(status: ReaderStatus) -> Self {
        let ReaderStatus { served, behind, away } = status;
        Self { served, behind, away }
    }
}

/// The process answers.
#[utoipa::path(
    get, path = "/health/liveliness", tag = "health", operation_id = "liveliness",
    responses((status = 200, body = String, content_type = "application/json")), security(()),
)]
pub async fn liveliness() -> Json<&'static str> {
    Json("I'm alive!")
}

/// The same.
#[utoipa::path(
    get, path = "/health/liveness", tag = "health", operation_id = "liveness",
    responses((status = 200, body = String, content_type = "application/json")), security(()),
)]
pub async fn liveness() -> Json<&'static str> {
    Json("I'm alive!")
}

/// The database answers too.
#[utoipa::path(
    get, path = "/health/readiness", tag = "health", operation_id = "readiness",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)), security(()),
)]
pub async fn readiness(Extract(state): Extract<Shared>) -> Response {
    let reader = state.store.reader_status().map(ReaderReads::from);
    match tokio::time::timeout(PING_TIMEOUT, state.store.ping()).await {
        Ok(Ok(())) => Json(Readiness { status: "healthy", db: "connected", reader }).into_response(),
        _ => {
            let body = Readiness { status: "unhealthy", db: "Not connected", reader };
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

/// Describes the probe's other method, which asks only whether it may ask.
macro_rules! options {
    ($name:ident, $path:literal, $id:literal) => {
        /// The process answers.
        #[utoipa::path(
                    options, path = $path, tag = "health", operation_id = $id,
                    responses((status = 200, body = String, content_type = "application/json")), security(()),
                )]
        pub async fn $name() -> Json<&'static str> {
            Json("I'm alive!")
        }
    };
}

options!(liveliness_options, "/health/liveliness", "livelinessOptions");
options!(liveness_options, "/health/liveness", "livenessOptions");
options!(readiness_options, "/health/readiness", "readinessOptions");
