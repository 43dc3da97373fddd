use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kit::{Clock, Rng};

use crate::canned::Canned;
use crate::connect::Connector;
use crate::{Body, Destination, Pieces, SendError, Target};

/// How connections are made and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// For name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// An idle connection is closed after this long: sooner than the load balancers of the large providers
    /// do (60 s and more), so that few requests meet a connection that is being closed.
    pub idle_timeout: Duration,
    pub idle_connections_per_host_max: usize,
    /// A silent HTTP/2 connection with requests on it is probed this often.
    pub http2_ping_interval: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(50),
            idle_connections_per_host_max: 256,
            http2_ping_interval: Duration::from_secs(20),
        }
    }
}

/// Sends requests and keeps connections. Make one per worker thread: a pool of its own needs no waiting
/// for other threads. Clones share the pool.
///
/// A request that could not be written because its kept connection was already closed goes out once more
/// on a new one; a request of which anything was sent is never repeated here.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<Connector, Pieces>,
    canned: Arc<Canned>,
}

impl Client {
    /// Must be called within the tokio runtime that will drive it.
    pub fn new(
        settings: &ClientSettings,
        tls: &Arc<rustls::ClientConfig>,
        clock: Arc<dyn Clock>,
        rng: &mut dyn Rng,
    ) -> Self {
        let connector = Connector::new(rustls::ClientConfig::clone(tls), settings.connect_timeout);
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.idle_connections_per_host_max)
            .retry_canceled_requests(true)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(settings.http2_ping_interval)
            .build(connector);
        Self { http, canned: Arc::new(Canned::new(clock, rng)) }
    }

    /// Calls a provider, or what stands for it, with the pieces as one body. See [`Self::send`].
    ///
    /// # Errors
    /// When no answer came. An error status of the provider is an answer.
    pub async fn call(&self, target: Target, body: Vec<Bytes>) -> Result<Response<Body>, SendError> {
        match target.destination {
            Destination::Remote(uri) => {
                let mut request = Request::new(Pieces::from(body));
                *request.method_mut() = Method::POST;
                *request.uri_mut() = uri;
                *request.headers_mut() = target.headers;
                self.send(request).await
            }
            Destination::Demo => Ok(self.canned.demo(target.dialect, &body)),
            Destination::Mock(text) => Ok(self.canned.mock(target.dialect, &body, &text)),
        }
    }

    /// Sends any request to the absolute URI that it names and returns when the head of the answer is
    /// there; deadlines are the caller's. Dropping the future, or the body of the answer, closes the
    /// exchange at once.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(&self, request: Request<Pieces>) -> Result<Response<Body>, SendError> {
        let authority = request.uri().authority().cloned();
        match self.http.request(request).await {
            Ok(response) => Ok(response.map(Body::Upstream)),
            Err(error) => Err(SendError::classify(&error, authority.as_ref())),
        }
    }
}
