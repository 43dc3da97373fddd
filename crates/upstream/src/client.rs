use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Method, Request, Response};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kit::{Clock, Rng};

use crate::canned::Canned;
use crate::connect::Connector;
use crate::pool::{Failed, Pool};
use crate::streams::Streams;
use crate::{Body, Destination, Pieces, SendError, Sending, Target};

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
    /// Requests to one host that may share its HTTP/2 connection; more go out over HTTP/1.1, since a
    /// server takes only so many streams at once (RFC 9113 recommends no fewer than 100) and the rest
    /// would wait for a long answer to end.
    pub http2_streams_per_host_max: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(50),
            idle_connections_per_host_max: 256,
            http2_ping_interval: Duration::from_secs(20),
            http2_streams_per_host_max: 80,
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
    /// HTTP/2 where the server offers it; many requests share a connection.
    any: legacy::Client<Connector, Pieces>,
    http1: Pool,
    streams: Streams,
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
        let connector =
            |http2| Connector::new(rustls::ClientConfig::clone(tls), http2, settings.connect_timeout);
        Self {
            any: shared_pool(settings).build(connector(true)),
            http1: Pool::new(connector(false), settings),
            streams: Streams::new(settings.http2_streams_per_host_max),
            canned: Arc::new(Canned::new(clock, rng)),
        }
    }

    /// Calls a provider, or what stands for it, with the pieces as one body, and tells `sending` when that begins
    /// to go out to a provider. See [`Self::send`].
    ///
    /// # Errors
    /// When no answer came. An error status of the provider is an answer.
    pub async fn call(
        &self,
        target: Target,
        body: Vec<Bytes>,
        sending: Sending,
    ) -> Result<Response<Body>, SendError> {
        match target.destination {
            Destination::Remote(uri) => {
                let mut request = Request::new(Pieces::watched(body, sending));
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
        let uri = request.uri();
        let authority = uri.authority().cloned();
        // Without TLS there is no HTTP/2, and so nothing to count.
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let stream = authority.as_ref().filter(|_| is_secure).and_then(|host| self.streams.enter(host));
        match stream {
            Some(stream) => match self.any.request(request).await {
                Ok(response) => Ok(response.map(|body| Body::shared(body, stream))),
                Err(error) => Err(SendError::classify(error.is_connect(), &error, authority.as_ref())),
            },
            None => match self.http1.send(request).await {
                Ok((response, lent)) => Ok(response.map(|body| Body::own(body, lent))),
                Err(Failed::Connect(error)) => Err(SendError::classify(true, &*error, authority.as_ref())),
                Err(Failed::Exchange(error)) => Err(SendError::classify(false, &error, authority.as_ref())),
            },
        }
    }
}

fn shared_pool(settings: &ClientSettings) -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(settings.idle_timeout)
        .pool_max_idle_per_host(settings.idle_connections_per_host_max)
        .retry_canceled_requests(true)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(settings.http2_ping_interval);
    builder
}
