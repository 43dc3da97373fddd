//! How tests steer the programs of this crate while they run: JSON over HTTP on loopback.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Write as _};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Largest order that is read.
const ORDER_BYTES_MAX: usize = 1 << 20;

/// An order as it came.
pub struct Order {
    pub method: Method,
    pub path: String,
    pub body: Value,
}

/// Prints the line that the starter of a program waits for.
///
/// # Errors
/// When standard output is closed.
pub fn announce(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Answers orders until the socket fails. An order that cannot be carried out gets 400 with the reason.
///
/// # Errors
/// When the socket fails.
pub async fn serve<F, R>(listener: TcpListener, obey: F) -> io::Result<()>
where
    F: Fn(Order) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Value, String>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let obey = obey.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, obey.clone()));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

#[allow(clippy::disallowed_methods, reason = "the reader is limited")]
async fn answer<F, R>(request: Request<Incoming>, obey: F) -> Result<Response<Full<Bytes>>, Infallible>
where
    F: Fn(Order) -> R,
    R: Future<Output = Result<Value, String>>,
{
    let (head, body) = request.into_parts();
    let bytes = Limited::new(body, ORDER_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes);
    let body = match bytes.as_deref() {
        Ok([]) => Ok(Value::Null),
        Ok(bytes) => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let order = body.map(|body| Order { method: head.method, path: head.uri.path().to_owned(), body });
    let done = match order {
        Ok(order) => obey(order).await,
        Err(error) => Err(error),
    };
    let (status, said) = match done {
        Ok(said) => (StatusCode::OK, said),
        Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error})),
    };
    let mut response = Response::new(Full::from(said.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    Ok(response)
}
