//! A provider as fast as hyper can be: one fixed answer, or a fixed stream sent event by event.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Result;

/// Events of a streamed answer that carry text.
pub const STREAM_EVENTS: usize = 50;

const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"bench-model","#,
    r#""choices":[{"index":0,"message":{"role":"assistant","content":"The answer of the benchmark is as short as answers are."},"#,
    r#""logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":25,"completion_tokens":12,"total_tokens":37,"#,
    r#""prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":"fp_bench"}"#
);

enum Answer {
    Whole(Option<Bytes>),
    /// Hands out one event, then lets the connection write it before the next.
    Events {
        events: std::slice::Iter<'static, Bytes>,
        written: bool,
    },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events { written, .. } if !*written => {
                *written = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Events { events, written } => {
                *written = false;
                Poll::Ready(events.next().map(|event| Ok(Frame::data(event.clone()))))
            }
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                http_body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Events { .. } => http_body::SizeHint::default(),
        }
    }
}

fn stream_events() -> Vec<Bytes> {
    let chunk = |delta: &str, finish: &str, rest: &str| {
        Bytes::from(
            format!(
                r#"data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,"model":"bench-model","system_fingerprint":"fp_bench","choices":[{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}]{rest}}}"#
            ) + "\n\n",
        )
    };
    let mut events = vec![chunk(r#""role":"assistant","content":"""#, "null", "")];
    events.extend((0..STREAM_EVENTS).map(|n| chunk(&format!(r#""content":" word{n}""#), "null", "")));
    events.push(chunk("", r#""stop""#, ""));
    events.push(Bytes::from_static(
        b"data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"bench-model\",\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":50,\"total_tokens\":75}}\n\n",
    ));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

async fn answer(
    request: Request<Incoming>,
    events: &'static [Bytes],
) -> std::result::Result<Response<Answer>, Infallible> {
    let mut streams = false;
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.into_data().unwrap_or_default();
        streams |= data.windows(13).any(|window| window == b"\"stream\":true");
    }
    let (kind, body) = if streams {
        ("text/event-stream", Answer::Events { events: events.iter(), written: true })
    } else {
        ("application/json", Answer::Whole(Some(Bytes::from_static(ANSWER.as_bytes()))))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

#[tokio::main]
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    crate::process::announce("mock", listener.local_addr()?)?;
    let events: &'static [Bytes] = Vec::leak(stream_events());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, events));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
