//! HTTP/1.1 connections to providers, kept between requests.
//!
//! Whoever waits for an answer drives the connection itself: no other task has to be woken for it, and
//! whoever stops waiting closes it at once.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_service::Service;

use crate::connect::{BoxError, Connector};
use crate::{ClientSettings, Pieces};

/// Where a connection leads.
type Host = (Scheme, Authority);

/// What moves the bytes of a connection when it is polled.
type Driven = Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Pieces>;

/// Why no answer came.
pub(crate) enum Failed {
    Connect(BoxError),
    Exchange(hyper::Error),
}

#[derive(Clone)]
pub(crate) struct Pool {
    connector: Connector,
    kept: Arc<Kept>,
}

/// Connections that wait for a request.
#[derive(Debug)]
struct Kept {
    per_host_max: usize,
    idle_timeout: Duration,
    idle: Mutex<HashMap<Host, Vec<(Instant, Line)>>>,
}

/// A connection; dropping it closes it.
#[derive(Debug)]
struct Line {
    sender: SendRequest<Pieces>,
    /// `None` once it has ended.
    connection: Option<Pin<Box<Driven>>>,
}

/// A connection whose answer is being read; it goes back when all of that has come.
#[derive(Debug)]
pub(crate) struct Lent {
    line: Option<Line>,
    host: Host,
    kept: Weak<Kept>,
}

impl Pool {
    /// Must be called within the tokio runtime that will drive it.
    pub(crate) fn new(connector: Connector, settings: &ClientSettings) -> Self {
        let kept = Arc::new(Kept {
            per_host_max: settings.idle_connections_per_host_max,
            idle_timeout: settings.idle_timeout,
            idle: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&kept), settings.idle_timeout));
        Self { connector, kept }
    }

    /// Sends to the absolute URI that `request` names. What could not be written, since its kept connection
    /// was already closed, is written to another one.
    pub(crate) async fn send(
        &self,
        mut request: Request<Pieces>,
    ) -> Result<(Response<Incoming>, Lent), Failed> {
        let host = address(&mut request)?;
        loop {
            let found = poll_fn(|cx| Poll::Ready(self.kept.take(&host, cx))).await;
            let is_kept = found.is_some();
            let mut line = match found {
                Some(line) => line,
                // Boxed, since it is rare and large, and every request's future would carry it.
                None => Box::pin(self.connect(&host)).await?,
            };
            match line.exchange(request).await {
                Ok(response) => {
                    let kept = Arc::downgrade(&self.kept);
                    return Ok((response, Lent { line: Some(line), host, kept }));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Failed::Exchange(error.into_error())),
                },
            }
        }
    }

    async fn connect(&self, (scheme, authority): &Host) -> Result<Line, Failed> {
        let uri = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query("/");
        let uri = uri.build().map_err(|error| Failed::Connect(error.into()))?;
        let mut connector = self.connector.clone();
        poll_fn(|cx| connector.poll_ready(cx)).await.map_err(Failed::Connect)?;
        let io = connector.call(uri).await.map_err(Failed::Connect)?;
        let (sender, connection) = http1::handshake(io).await.map_err(Failed::Exchange)?;
        Ok(Line { sender, connection: Some(Box::pin(connection)) })
    }
}

/// Writes the request's line and `host` header as HTTP/1.1 has them, and says where it goes.
fn address(request: &mut Request<Pieces>) -> Result<Host, Failed> {
    let incomplete = || Failed::Connect("the URL has no scheme or no host".into());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let host = parts.scheme.take().zip(parts.authority.take()).ok_or_else(incomplete)?;
    let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = path.into();
    if !request.headers().contains_key(header::HOST) {
        let value = HeaderValue::from_str(host.1.as_str()).map_err(|error| Failed::Connect(error.into()))?;
        request.headers_mut().insert(header::HOST, value);
    }
    Ok(host)
}

impl Line {
    async fn exchange(
        &mut self,
        request: Request<Pieces>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Pieces>>> {
        let Self { sender, connection } = self;
        let mut answer = pin!(sender.try_send_request(request));
        poll_fn(|cx| {
            drive(connection, cx);
            // Only what was just driven can bring the answer, so nobody needs to be woken for it.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }

    fn is_idle(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.connection, cx);
        self.connection.is_some() && self.sender.is_ready()
    }
}

fn drive(connection: &mut Option<Pin<Box<Driven>>>, cx: &mut Context<'_>) {
    if connection.as_mut().is_some_and(|connection| connection.as_mut().poll(cx).is_ready()) {
        // How it ended is told by the answer that waits for it.
        *connection = None;
    }
}

impl Lent {
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(line) = &mut self.line {
            drive(&mut line.connection, cx);
        }
    }

    /// Gives the connection back, since all of the answer has been read.
    pub(crate) fn give_back(&mut self, cx: &mut Context<'_>) {
        if let (Some(mut line), Some(kept)) = (self.line.take(), self.kept.upgrade())
            && line.is_idle(cx)
        {
            kept.put(&self.host, line);
        }
    }
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, HashMap<Host, Vec<(Instant, Line)>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last, of those that are still good.
    fn take(&self, host: &Host, cx: &mut Context<'_>) -> Option<Line> {
        let mut idle = self.idle();
        let lines = idle.get_mut(host)?;
        while let Some((since, mut line)) = lines.pop() {
            if since.elapsed() >= self.idle_timeout {
                lines.clear();
            } else if line.is_idle(cx) {
                return Some(line);
            }
        }
        None
    }

    fn put(&self, host: &Host, line: Line) {
        let mut idle = self.idle();
        let lines = match idle.get_mut(host) {
            Some(lines) => lines,
            None => idle.entry(host.clone()).or_default(),
        };
        if lines.len() < self.per_host_max {
            lines.push((Instant::now(), line));
        }
    }
}

/// Closes what has been idle for too long, for as long as there is a pool.
async fn sweep(kept: Weak<Kept>, idle_timeout: Duration) {
    let mut ticks = tokio::time::interval(idle_timeout);
    loop {
        ticks.tick().await;
        let Some(kept) = kept.upgrade() else { return };
        kept.idle().retain(|_, lines| {
            lines.retain(|(since, _)| since.elapsed() < idle_timeout);
            !lines.is_empty()
        });
    }
}
