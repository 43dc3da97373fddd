//! A creation that is repeated with the same `Idempotency-Key` is answered as it was the first time, and made once.
//! Only what was made is remembered: a request that was refused may be sent again.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use kit::KeyHash;
use serde::{Deserialize, Serialize};
use store::Receipt;

use super::error::{ApiError, InvalidField};
use super::input::BODY_BYTES_MAX;
use crate::auth::Caller;
use crate::state::State;

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells that an answer is that of an earlier request.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is remembered.
pub const LIFE: Duration = Duration::from_secs(24 * 3600);
/// Longest name that a client may give.
pub const NAME_BYTES_MAX: usize = 255;
/// Largest answer that is remembered.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Largest answer of a bulk route that is read to see whether it can be.
const BULK_ANSWER_BYTES_MAX: usize = 64 << 20;
/// What our headers beside an answer begin with.
const OWN_HEADERS: &str = "x-bulkhead-";

/// Routes that make something, in one transaction, and need not see it afterwards.
pub const ROUTES: [&str; 15] = [
    "/key/generate",
    "/key/service-account/generate",
    "/user/new",
    "/team/new",
    "/team/member_add",
    "/project/new",
    "/organization/new",
    "/organization/member_add",
    "/customer/new",
    "/end_user/new",
    "/tag/new",
    "/budget/new",
    "/model/new",
    "/credentials",
    "/invitation/new",
];

/// Routes that change many rows one by one. Their answer is remembered once it is whole: a request that was cut off is done
/// again when it is repeated, and sets what it had set.
pub const BULK_ROUTES: [&str; 5] = [
    "/key/bulk_update",
    "/team/key/bulk_update",
    "/user/bulk_update",
    "/team/bulk_member_add",
    "/team/permissions_bulk_update",
];

/// What is kept, sealed, of a request and its answer. The request's digest is inside: a password in it must not be
/// guessed from the database.
#[derive(Serialize, Deserialize)]
struct Kept {
    request: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// One named creation of one caller.
struct Named<'a> {
    state: &'a State,
    id: String,
    request: String,
}

fn is_named(path: &str) -> bool {
    ROUTES.contains(&path) || BULK_ROUTES.contains(&path)
}

/// The name that the client gave to a creation.
///
/// # Errors
/// 400 when it is none.
pub fn name(parts: &Parts, path: &str) -> Result<Option<String>, ApiError> {
    let (true, Some(value)) =
        (is_named(path) && parts.method == http::Method::POST, parts.headers.get(HEADER))
    else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|text| (1..=NAME_BYTES_MAX).contains(&text.len()));
    let bad = || {
        let message = format!("`Idempotency-Key` takes 1 to {NAME_BYTES_MAX} printable ASCII characters.");
        ApiError::bad("Idempotency-Key", message)
    };
    text.map(|text| Some(text.to_owned())).ok_or_else(bad)
}

/// Runs a creation with a name, or answers as the first one of the name was answered.
///
/// # Errors
/// 422 when the name was used for something else.
pub async fn run(
    state: &State,
    mut caller: Caller,
    (name, path): (&str, &str),
    (mut parts, body): (Parts, Body),
    next: Next,
) -> Result<Response, ApiError> {
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ApiError::too_large())?;
    let named = Named {
        state,
        id: KeyHash::of(&[caller.scope().as_str(), path, name].join("\n")).to_hex(),
        request: KeyHash::of(&String::from_utf8_lossy(&body)).to_hex(),
    };
    if let Some(response) = named.replay().await? {
        return Ok(response);
    }
    let receipt = Receipt::default();
    let is_bulk = BULK_ROUTES.contains(&path);
    if !is_bulk {
        caller.receipt = Some(receipt.clone());
    }
    parts.extensions.insert(caller);
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if is_bulk && response.status() == StatusCode::OK {
        state.store.receipts().hold(&receipt).await?;
        return named.keep_if_small(&receipt, response).await;
    }
    if response.status() == StatusCode::OK && receipt.is_held() {
        return named.keep(&receipt, response).await;
    }
    // Refused: also when another request of the name was quicker, and the thing is there.
    drop(receipt);
    Ok(named.replay().await?.unwrap_or(response))
}

impl Named<'_> {
    fn place(&self) -> String {
        format!("receipts/{}", self.id)
    }

    async fn replay(&self) -> Result<Option<Response>, ApiError> {
        let since = self.state.clock.now().minus(LIFE);
        let Some(sealed) = self.state.store.receipts().get(&self.id, since).await? else { return Ok(None) };
        let lost = || {
            let message = "The answer to this Idempotency-Key can no longer be read. Look for what it made, or send another one.";
            ApiError::new(StatusCode::CONFLICT, "bad_request_error", Some("Idempotency-Key"), message)
        };
        let text = self.state.vault.open(&sealed, &self.place()).map_err(|_| lost())?;
        let kept = serde_json::from_str::<Kept>(&text).map_err(|_| lost())?;
        if kept.request != self.request {
            return Err(ApiError::invalid(vec![InvalidField {
                kind: "value_error".into(),
                loc: vec!["header".into(), "Idempotency-Key".into()],
                msg: "This Idempotency-Key was used with another body".into(),
                input: serde_json::Value::Null,
            }]));
        }
        let mut response = Response::new(Body::from(kept.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        for (name, value) in kept.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        Ok(Some(response))
    }

    /// Keeps an answer about what is done already; one that is too large is given and forgotten.
    async fn keep_if_small(&self, receipt: &Receipt, response: Response) -> Result<Response, ApiError> {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, BULK_ANSWER_BYTES_MAX).await.map_err(|_| ApiError::internal())?;
        let is_small = body.len() <= ANSWER_BYTES_MAX;
        let response = Response::from_parts(head, Body::from(body));
        if is_small { self.keep(receipt, response).await } else { Ok(response) }
    }

    async fn keep(&self, receipt: &Receipt, response: Response) -> Result<Response, ApiError> {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| {
            let message = "The answer is too large to be remembered; nothing was made. Send it without an Idempotency-Key.";
            ApiError::bad("Idempotency-Key", message)
        })?;
        let kept = Kept {
            request: self.request.clone(),
            headers: own_headers(&head.headers),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        let text = serde_json::to_string(&kept).map_err(|_| ApiError::internal())?;
        let sealed = self.state.vault.seal(&text, &self.place()).map_err(|_| ApiError::internal())?;
        let now = self.state.clock.now();
        let receipts = self.state.store.receipts();
        if receipts.commit(receipt, (&self.id, &sealed), now, now.minus(LIFE)).await? {
            return Ok(Response::from_parts(head, Body::from(body)));
        }
        self.replay().await?.ok_or_else(ApiError::internal)
    }
}

fn own_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let own = headers.iter().filter(|(name, _)| name.as_str().starts_with(OWN_HEADERS));
    own.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}
