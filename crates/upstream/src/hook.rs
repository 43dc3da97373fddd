//! Posts a message to an address that somebody was given for that.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use kit::Secret;
use tokio::time::timeout;

use crate::{Client, Pieces, SendError};

/// One address. It is a secret: whoever knows it can write there, so that no error tells more than its host.
#[derive(Clone)]
pub struct Hook {
    client: Client,
    uri: Uri,
}

/// Why a message did not arrive, or may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    #[error("its address is no absolute http or https URL")]
    Address,
    #[error("{0}")]
    Send(#[from] SendError),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it did not answer in {} s", .0.as_secs())]
    Timeout(Duration),
}

impl Hook {
    /// # Errors
    /// When the address is none.
    pub fn new(client: Client, address: &Secret) -> Result<Self, HookError> {
        let uri: Uri = address.reveal().trim().parse().map_err(|_| HookError::Address)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        // A password before the host would be told with it.
        let is_host = uri.authority().is_some_and(|host| !host.as_str().contains('@'));
        if is_http && is_host { Ok(Self { client, uri }) } else { Err(HookError::Address) }
    }

    /// Sends `body`, which is JSON, and waits for the head of the answer.
    ///
    /// # Errors
    /// When there is none within `limit`, or it is no success. Redirects are not followed.
    pub async fn post(&self, body: Bytes, limit: Duration) -> Result<(), HookError> {
        let mut request = Request::new(Pieces::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = timeout(limit, self.client.send(request)).await;
        let status = answer.map_err(|_| HookError::Timeout(limit))??.status();
        if status.is_success() { Ok(()) } else { Err(HookError::Status(status)) }
    }
}
