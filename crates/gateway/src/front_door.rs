//! The front door: what is not a data-plane path goes on to the backend or the dashboard, so that one URL
//! serves everything. Bounded on its own, so that a slow backend costs the gateway nothing but sockets.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::RootPath;
use domain::routes::{Component, component_of};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::Body;
use crate::receive_body::{self, BodyMemory, Held, Limits};

/// Management requests that are passed on at once by one gateway, counted until their answers have ended.
const FORWARDED_AT_ONCE_MAX: usize = 64;
/// How long one more waits for its turn before it gets 503.
const QUEUE_TIME_MAX: Duration = Duration::from_secs(2);
/// Largest management request.
const BODY_BYTES_MAX: u64 = 4 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// Until the backend's answer begins.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Headers that are about one connection and not about the message (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where to pass requests on to, as `host:port`.
pub struct FrontDoor {
    backend: String,
    ui: String,
    root_path: RootPath,
    turns: Arc<Semaphore>,
    bodies: Arc<BodyMemory>,
}

impl FrontDoor {
    pub fn new(backend: String, ui: Option<String>, root_path: RootPath, bodies: Arc<BodyMemory>) -> Self {
        let ui = ui.unwrap_or_else(|| backend.clone());
        Self { backend, ui, root_path, turns: Arc::new(Semaphore::new(FORWARDED_AT_ONCE_MAX)), bodies }
    }

    pub async fn forward(
        &self,
        client: &upstream::Client,
        request: Request<Incoming>,
        peer: Option<IpAddr>,
    ) -> Response<Body> {
        let turn = tokio::time::timeout(QUEUE_TIME_MAX, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return unavailable(StatusCode::SERVICE_UNAVAILABLE, "too many management requests at once");
        };
        let mut held = Held::none(self.bodies.clone());
        let (head, body) = request.into_parts();
        let limits = Limits { bytes_max: BODY_BYTES_MAX, time_max: BODY_TIME_MAX };
        let body = match receive_body::read(body, limits, &mut held).await {
            Ok(body) => body,
            Err(refusal) => {
                let words = crate::refusal::Words::from(&refusal);
                let status = StatusCode::from_u16(words.status).unwrap_or(StatusCode::BAD_REQUEST);
                return unavailable(status, &words.message);
            }
        };
        let Some(uri) = self.target(&head.uri) else {
            return unavailable(StatusCode::BAD_REQUEST, "this request target cannot be passed on");
        };
        let mut onward = Request::new(upstream::Pieces::from(body));
        *onward.method_mut() = head.method;
        *onward.uri_mut() = uri;
        *onward.headers_mut() = onward_headers(head.headers, peer);
        match tokio::time::timeout(ANSWER_TIME_MAX, client.send(onward)).await {
            Ok(Ok(answer)) => back(answer, turn),
            Ok(Err(error)) => {
                tracing::warn!("the control plane does not answer: {error}");
                unavailable(StatusCode::BAD_GATEWAY, "the control plane does not answer right now")
            }
            Err(_) => unavailable(StatusCode::GATEWAY_TIMEOUT, "the control plane takes too long to answer"),
        }
    }

    fn target(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path();
        let authority = match component_of(&self.root_path.beneath(path).unwrap_or(path.into())) {
            Component::Ui => &self.ui,
            Component::Backend | Component::Gateway => &self.backend,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        format!("http://{authority}{path}").parse().ok()
    }
}

fn onward_headers(mut headers: HeaderMap, peer: Option<IpAddr>) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(header::CONTENT_LENGTH);
    let host = headers.get(header::HOST).cloned();
    if let Some(peer) = peer.and_then(|peer| HeaderValue::from_str(&peer.to_string()).ok()) {
        headers.append(HeaderName::from_static("x-forwarded-for"), peer);
    }
    if let Some(host) = host {
        headers.entry("x-forwarded-host").or_insert(host);
    }
    headers.entry("x-forwarded-proto").or_insert(HeaderValue::from_static("http"));
    headers
}

fn back(answer: Response<upstream::Body>, turn: OwnedSemaphorePermit) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    Response::from_parts(head, Body::Forwarded(body, turn))
}

fn unavailable(status: StatusCode, message: &str) -> Response<Body> {
    let body = serde_json::json!({"error": {
        "message": message, "type": "service_unavailable", "param": null, "code": status.as_u16().to_string(),
    }});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status.is_server_error() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
