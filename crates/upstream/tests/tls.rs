//! The client against a TLS server with a certificate of a private authority.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bulkhead_upstream::{Client, ClientSettings, Destination, SendError, Sending, Target, read_limited, tls};
use bytes::Bytes;
use domain::Dialect;
use http::{HeaderMap, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kit::{ManualClock, SeededRng};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// No test waits for it unless it says so.
const IDLE_MAX: Duration = Duration::from_secs(30);

struct Server {
    url: String,
    ca: tempfile::NamedTempFile,
}

/// Serves every connection; `service` answers each request on it.
async fn serve<S, F, B>(alpn: &[&str], service: S) -> Server
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut ca = tempfile::NamedTempFile::new().unwrap();
    ca.write_all(certified.cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, service) = (acceptor.clone(), service.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service_fn(service)).await;
            });
        }
    });
    Server { url, ca }
}

fn client(server: &Server, trusting: bool) -> Client {
    client_with(server, trusting, ClientSettings::default())
}

fn client_with(server: &Server, trusting: bool, settings: ClientSettings) -> Client {
    let roots = tls::client_config(trusting.then(|| server.ca.path())).unwrap();
    Client::new(&settings, &roots, Arc::new(ManualClock::default()), &mut SeededRng::new(1))
}

fn target(server: &Server) -> Target {
    let destination = Destination::Remote(server.url.parse().unwrap());
    Target { destination, headers: HeaderMap::new(), dialect: Dialect::OpenAiChat }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_its_file_is_given() {
    let server = serve(&[], |_| async { Ok(Response::new("hi".to_owned())) }).await;
    let answer =
        client(&server, true).call(target(&server), vec!["{}".into()], Sending::default()).await.unwrap();
    assert_eq!(read_limited(answer.into_body(), 10, IDLE_MAX).await.unwrap(), "hi");
}

#[tokio::test]
async fn a_private_authority_is_refused_otherwise() {
    let server = serve(&[], |_| async { Ok(Response::new("hi".to_owned())) }).await;
    let error = client(&server, false)
        .call(target(&server), vec!["{}".into()], Sending::default())
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn the_server_chooses_the_version_of_http() {
    for (alpn, version) in [("h2", Version::HTTP_2), ("http/1.1", Version::HTTP_11)] {
        let server = serve(&[alpn], |request: Request<Incoming>| async move {
            Ok(Response::new(format!(
                "{:?} {:?}",
                request.version(),
                request.headers().get("content-length")
            )))
        })
        .await;
        let answer = client(&server, true)
            .call(target(&server), vec!["{".into(), "}".into()], Sending::default())
            .await
            .unwrap();
        let text = read_limited(answer.into_body(), 100, IDLE_MAX).await.unwrap();
        assert_eq!(text, format!("{version:?} Some(\"2\")"));
    }
}

/// Says when it is dropped, which is when the other side reset its stream.
struct Endless(Option<oneshot::Sender<()>>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Pending
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.take().map(|gone| gone.send(()));
    }
}

#[tokio::test]
async fn leaving_within_an_http2_stream_resets_it() {
    let (gone, left) = oneshot::channel();
    let gone = Arc::new(std::sync::Mutex::new(Some(gone)));
    let server = serve(&["h2"], move |_| {
        let body = Endless(gone.lock().unwrap().take());
        async { Ok(Response::new(body)) }
    })
    .await;
    let http = client(&server, true);
    let answer = http.call(target(&server), vec!["{}".into()], Sending::default()).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    drop(answer);
    left.await.unwrap();
}

#[tokio::test]
async fn more_requests_than_streams_go_out_over_http1() {
    let server = serve(&["h2", "http/1.1"], |_| async { Ok(Response::new(Endless(None))) }).await;
    let settings = ClientSettings { http2_streams_per_host_max: 2, ..ClientSettings::default() };
    let http = client_with(&server, true, settings);
    let mut open = Vec::new();
    for version in [Version::HTTP_2, Version::HTTP_2, Version::HTTP_11, Version::HTTP_11] {
        let answer = http.call(target(&server), vec!["{}".into()], Sending::default()).await.unwrap();
        assert_eq!(answer.version(), version);
        open.push(answer);
    }
    drop(open.remove(0));
    let answer = http.call(target(&server), vec!["{}".into()], Sending::default()).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
}

#[tokio::test]
async fn a_file_without_certificates_is_refused() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(tls::client_config(Some(empty.path())).is_err());
    assert!(tls::client_config(Some(std::path::Path::new("/does/not/exist.pem"))).is_err());
}
