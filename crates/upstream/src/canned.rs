//! Answers made in this process: the demo model and `mock_response`. They come in OpenAI's dialects, as an
//! HTTP response, so that nothing downstream needs to know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::Dialect;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use kit::{Clock, Rng};
use serde_json::{Value, json};

use self::answer::Answer;
use crate::{Body, Pieces};

mod answer;
mod demo;
mod embedding;
mod mock;
mod prompt;

/// Makes canned answers; ids are unique among all instances.
pub(crate) struct Canned {
    clock: Arc<dyn Clock>,
    seed: u64,
    count: AtomicU64,
}

impl Canned {
    pub(crate) fn new(clock: Arc<dyn Clock>, rng: &mut dyn Rng) -> Self {
        Self { clock, seed: rng.next_u64(), count: AtomicU64::new(0) }
    }

    pub(crate) fn demo(&self, dialect: Dialect, body: &[Bytes]) -> Response<Body> {
        let Some(request) = parse(body) else { return bad_request() };
        match dialect {
            Dialect::OpenAiEmbeddings => embedding::respond(&request),
            _ => self.respond(dialect, &request, &demo::answer(&request)),
        }
    }

    pub(crate) fn mock(&self, dialect: Dialect, body: &[Bytes], text: &str) -> Response<Body> {
        let Some(request) = parse(body) else { return bad_request() };
        if let Some((status, error)) = mock::error(text) {
            return json_response(status, &error);
        }
        match dialect {
            Dialect::OpenAiEmbeddings => embedding::respond(&request),
            _ => self.respond(dialect, &request, &mock::answer(text)),
        }
    }

    fn respond(&self, dialect: Dialect, request: &Value, answer: &Answer) -> Response<Body> {
        let head = answer::Head {
            id: format!("chatcmpl-{:016x}{:x}", self.seed, self.count.fetch_add(1, Ordering::Relaxed)),
            created: self.clock.now().secs(),
            model: request["model"].as_str().unwrap_or_default(),
            chat: dialect != Dialect::OpenAiCompletions,
        };
        if request["stream"].as_bool() == Some(true) {
            let with_usage = request["stream_options"]["include_usage"].as_bool() == Some(true);
            stream_response(answer.events(&head, with_usage))
        } else {
            json_response(StatusCode::OK, &answer.whole(&head))
        }
    }
}

fn parse(body: &[Bytes]) -> Option<Value> {
    serde_json::from_slice(&body.concat()).ok().filter(Value::is_object)
}

fn bad_request() -> Response<Body> {
    let error = json!({"error": {"message": "the body is not a JSON object", "type": "invalid_request_error",
        "param": null, "code": null}});
    json_response(StatusCode::BAD_REQUEST, &error)
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    response(status, "application/json", vec![value.to_string().into()])
}

fn stream_response(events: Vec<Bytes>) -> Response<Body> {
    response(StatusCode::OK, "text/event-stream; charset=utf-8", events)
}

fn response(status: StatusCode, content_type: &'static str, pieces: Vec<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::canned(Pieces::from(pieces)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
