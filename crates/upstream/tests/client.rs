//! The client against scripted servers on the loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bulkhead_upstream::{
    Body, BodyError, Client, ClientSettings, Destination, Hook, HookError, ReadError, SendError, Sending,
    Target, read_limited, tls,
};
use bytes::Bytes;
use domain::Dialect;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use kit::{ManualClock, Secret, SeededRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// No test waits for it unless it says so.
const IDLE_MAX: Duration = Duration::from_secs(30);

const MAX_BYTES: usize = 1 << 20;
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn client() -> Client {
    let settings =
        ClientSettings { connect_timeout: Duration::from_millis(300), ..ClientSettings::default() };
    let roots = tls::client_config(None).unwrap();
    Client::new(&settings, &roots, Arc::new(ManualClock::default()), &mut SeededRng::new(1))
}

fn target(url: &str) -> Target {
    let destination = Destination::Remote(url.parse().unwrap());
    Target { destination, headers: HeaderMap::new(), dialect: Dialect::OpenAiChat }
}

async fn call(client: &Client, url: &str) -> Result<Response<Body>, SendError> {
    client.call(target(url), vec!["{\"a\"".into(), ":1}".into()], Sending::default()).await
}

/// Asks with a body that is watched while it goes out.
async fn watched(client: &Client, url: &str) -> (Result<Response<Body>, SendError>, bool) {
    let sending = Sending::default();
    let answer = client.call(target(url), vec!["{\"a\":1}".into()], sending.clone()).await;
    (answer, sending.has_begun())
}

async fn body(response: Response<Body>) -> Result<Bytes, ReadError> {
    read_limited(response.into_body(), MAX_BYTES, IDLE_MAX).await
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/chat", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads one request, which all tests send with the same 7 bytes of body.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"{\"a\":1}") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the client left early");
    }
    String::from_utf8(seen).unwrap()
}

async fn ends(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn pieces_arrive_as_one_body_with_its_length() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        (request, stream)
    };
    let http = client();
    let (answer, (request, _stream)) = tokio::join!(call(&http, &url), server);
    assert!(request.starts_with("POST /v1/chat HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("\r\ncontent-length: 7\r\n"), "{request}");
    assert_eq!(body(answer.unwrap()).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_when_it_was_closed() {
    let (listener, url) = listen().await;
    let http = client();
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..2 {
                read_request(&mut stream).await;
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
            // Dropped: the client finds its kept connection closed.
        }
    });
    for _ in 0..4 {
        assert_eq!(body(call(&http, &url).await.unwrap()).await.unwrap(), "ok");
        tokio::task::yield_now().await;
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_is_told_apart() {
    let (listener, url) = listen().await;
    drop(listener);
    let (answer, sent) = watched(&client(), &url).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    assert!(!error.may_have_arrived() && !sent);
}

#[tokio::test]
async fn a_body_that_went_out_is_known_before_the_answer() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
    };
    let http = client();
    let ((answer, sent), ()) = tokio::join!(watched(&http, &url), server);
    assert!(answer.unwrap_err().may_have_arrived() && sent);
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_told_apart() {
    // An empty label is refused by every resolver without asking anybody.
    let error = call(&client(), "http://no..such.host/v1").await.unwrap_err();
    assert!(matches!(error, SendError::UnknownHost { .. }), "{error:?}");
}

#[tokio::test]
async fn tls_with_a_server_that_does_not_speak_it_is_told_apart() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"I speak no TLS, and I never did\r\n\r\n").await.unwrap();
        stream
    };
    let url = url.replace("http:", "https:");
    let http = client();
    let (error, _stream) = tokio::join!(call(&http, &url), server);
    assert!(matches!(error, Err(SendError::Tls { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_without_end_times_out() {
    let (_listener, url) = listen().await; // the kernel accepts, nobody answers
    let error = call(&client(), &url.replace("http:", "https:")).await.unwrap_err();
    assert!(matches!(error, SendError::ConnectTimeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_a_reset_and_is_not_repeated() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
    };
    let http = client();
    let (error, ()) = tokio::join!(call(&http, &url), server);
    let error = error.unwrap_err();
    assert!(matches!(error, SendError::Reset { .. }) && error.may_have_arrived(), "{error:?}");
    let second = listener.into_std().unwrap().accept();
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the request was sent twice");
}

#[tokio::test]
async fn garbage_is_told_apart() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9.7\r\n\r\n").await.unwrap();
        stream
    };
    let http = client();
    let (error, _stream) = tokio::join!(call(&http, &url), server);
    assert!(matches!(error, Err(SendError::Malformed { .. })), "{error:?}");
}

async fn answer_with(bytes: &'static [u8]) -> (Response<Body>, TcpStream, Client) {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(bytes).await.unwrap();
        stream
    };
    let http = client();
    let (answer, stream) = tokio::join!(call(&http, &url), server);
    (answer.unwrap(), stream, http)
}

#[tokio::test]
async fn a_body_that_breaks_off_says_so() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".as_bytes(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let (answer, stream, _client) = answer_with(head).await;
        drop(stream);
        assert_eq!(body(answer).await, Err(ReadError::Broken(BodyError::Reset)));
    }
    let (answer, _stream, _client) =
        answer_with(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot-a-length\r\n").await;
    assert_eq!(body(answer).await, Err(ReadError::Broken(BodyError::Malformed)));
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound() {
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n123\r\n2\r\n45\r\n0\r\n\r\n";
    for bytes in [whole.as_slice(), chunked] {
        for (max_bytes, fits) in [(4, false), (5, true), (6, true)] {
            let (answer, _stream, _client) = answer_with(bytes).await;
            let read = read_limited(answer.into_body(), max_bytes, IDLE_MAX).await;
            let expected = if fits { Ok("12345".into()) } else { Err(ReadError::TooLong { max_bytes }) };
            assert_eq!(read, expected);
        }
    }
}

#[tokio::test]
async fn leaving_before_the_answer_closes_the_connection() {
    let (listener, url) = listen().await;
    let http = client();
    let waiting = tokio::spawn(async move { call(&http, &url).await.map(|_| ()) });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_request(&mut stream).await;
    waiting.abort();
    assert!(ends(&mut stream).await);
}

#[tokio::test]
async fn leaving_within_a_stream_closes_the_connection() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\ndata: \r\n";
    let (answer, mut stream, _client) = answer_with(head).await;
    let mut answer = answer.into_body();
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "data: ");
    drop(answer);
    assert!(ends(&mut stream).await);
}

#[tokio::test]
async fn a_body_left_after_its_last_event_gives_its_connection_back_when_the_end_has_come() {
    let (listener, url) = listen().await;
    let http = client();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            read_request(&mut stream).await;
            let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    for _ in 0..2 {
        let mut answer = call(&http, &url).await.unwrap().into_body();
        let last = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(last, "done");
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_hook_says_what_became_of_its_message_and_only_the_host_of_its_address() {
    let (listener, url) = listen().await;
    let hook = Hook::new(client(), &Secret::new(&url)).unwrap();
    let server = async {
        let mut seen = Vec::new();
        for answer in [OK, "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            seen.push(read_request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        let (mut silent, _) = listener.accept().await.unwrap();
        read_request(&mut silent).await;
        assert!(ends(&mut silent).await, "the exchange is closed when its time is over");
        seen
    };
    let posts = async {
        let post = || hook.post("{\"a\":1}".into(), IDLE_MAX);
        let first = post().await;
        let second = post().await;
        (first, second, hook.post("{\"a\":1}".into(), Duration::from_millis(50)).await)
    };
    let (seen, (first, second, third)) = tokio::join!(server, posts);
    assert!(
        seen[0].starts_with("POST /v1/chat HTTP/1.1\r\n")
            && seen[0].contains("content-type: application/json")
    );
    assert_eq!((first, second), (Ok(()), Err(HookError::Status(http::StatusCode::FOUND))));
    assert_eq!(third, Err(HookError::Timeout(Duration::from_millis(50))));
    drop(listener);
    let error = hook.post("{}".into(), IDLE_MAX).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1") && !error.contains("/v1/chat"), "{error}");
    for address in ["", "/path", "ftp://a/b", "https://user:password@host/"] {
        assert_eq!(Hook::new(client(), &Secret::new(address)).err(), Some(HookError::Address), "{address}");
    }
}
