//! One request on one connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::spec::Dialect;

/// How much of an answer's end is kept, to see that; and of a refusal's beginning, to tell it.
const KEPT_BYTES_MAX: usize = 512;

/// A way to one gateway.
pub enum Lane {
    /// A connection of its own. Dropping it closes the socket, whatever is under way.
    Http1 { sender: http1::SendRequest<Full<Bytes>>, _driving: Driving },
    /// A share of a connection. Dropping the request resets its stream alone.
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// The task that moves a connection's bytes.
pub struct Driving(AbortHandle);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn connect(address: SocketAddr) -> std::io::Result<TokioIo<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

impl Lane {
    /// # Errors
    /// When the gateway takes no connection.
    pub async fn open(address: SocketAddr) -> Result<Self, String> {
        let io = connect(address).await.map_err(|error| error.to_string())?;
        let (sender, connection) = http1::handshake(io).await.map_err(|error| error.to_string())?;
        let driving = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self::Http1 { sender, _driving: Driving(driving.abort_handle()) })
    }

    /// # Errors
    /// When the gateway takes no connection.
    pub async fn open_http2(address: SocketAddr) -> Result<Self, String> {
        let io = connect(address).await.map_err(|error| error.to_string())?;
        let handshake = http2::handshake(TokioExecutor::new(), io).await;
        let (sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self::Http2(sender))
    }

    /// Another share of the same connection, where it can be shared.
    pub fn share(&self) -> Option<Self> {
        match self {
            Self::Http1 { .. } => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    pub fn is_ready(&self) -> bool {
        match self {
            Self::Http1 { sender, .. } => sender.is_ready(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When the connection breaks before that: nothing came back.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, String> {
        let answer = match self {
            Self::Http1 { sender, .. } => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        };
        answer.map_err(|error| error.to_string())
    }
}

/// How a body ended.
pub struct Ending {
    pub whole: bool,
    pub error: Option<String>,
}

/// Reads a body to its end. A stream is whole when its last event, as its dialect has it, came.
pub async fn read(mut body: Incoming, status: u16, stream: Option<Dialect>) -> Ending {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                kept.extend_from_slice(frame.data_ref().map(Bytes::as_ref).unwrap_or_default());
                let surplus = kept.len().saturating_sub(KEPT_BYTES_MAX);
                kept.drain(..surplus);
            }
            Err(error) => return Ending { whole: false, error: Some(error.to_string()) },
        }
    }
    let kept_text = || Some(String::from_utf8_lossy(&kept).into_owned());
    if status != 200 {
        return Ending { whole: true, error: kept_text() };
    }
    let whole = stream.is_none_or(|dialect| dialect.ends(&kept));
    Ending { whole, error: if whole { None } else { kept_text() } }
}

/// The status of a `GET` on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Option<u16> {
    let mut lane = Lane::open(address).await.ok()?;
    let request = Request::get(path).header("host", address.to_string()).body(Full::default()).ok()?;
    let response = lane.send(request).await.ok()?;
    let status = response.status().as_u16();
    read(response.into_body(), status, None).await.whole.then_some(status)
}
