//! A provider that speaks OpenAI's and Anthropic's dialects and does as it is told.
//!
//! Answers are a pure function of the request and say what arrived, so that a test at the other end of a
//! gateway can see what the gateway made of its request. How it misbehaves is written in the request
//! (see [`script`]). `GET /_log` tells what was seen, `GET /_books?after=N` holds one short entry for each call
//! ever made, `GET /_counts` tells what was billed, and `POST /_control` sets a script for a model or forgets
//! everything.

mod answer;
mod anthropic;
mod anthropic_request;
mod asked;
mod books;
mod log;
mod openai;
mod openai_request;
pub mod script;
mod serve;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use books::{Entry, Page};
pub use log::{Billed, Counts, Course, Log, Record};

use crate::clock::SystemClock;

/// A running provider; it ends when this is dropped.
pub struct ScriptedUpstream {
    pub address: SocketAddr,
    pub log: Arc<Log>,
    accepting: JoinHandle<()>,
}

impl ScriptedUpstream {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// When no socket can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await?)
    }

    /// Starts on a socket that is already open.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start_on(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let log = Log::new(SystemClock::new());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&log)));
        Ok(Self { address, log, accepting })
    }

    /// The base URL of its OpenAI dialect, `/v1` included.
    pub fn openai_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, log: Arc<Log>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let Ok((stream, connection)) = wire::Connection::of(stream) else { return };
            let service = service_fn(|request| serve::serve(request, Arc::clone(&log), connection.clone()));
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A connection that ends badly is what the scripts are for.
            tokio::select! {
                _ = serving => {}
                () = connection.broken() => {}
            }
        });
    }
}
