//! Answers: their headers, and refusals in the client's dialect.

use std::sync::Arc;
use std::time::Duration;

use dialects::ResponseContext;
use dialects::error::ErrorFacts;
use dialects::stream::{Machine, StreamContext};
use domain::{Dialect, Status};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use kit::Money;

use crate::body::Body;
use crate::names;
use crate::pipeline::admit::Admitted;
use crate::pipeline::attempt::{AnswerBody, Answered};
use crate::pipeline::failure;
use crate::pipeline::identify::{Caller, Principal};
use crate::pipeline::read::Ask;
use crate::pipeline::receive::Received;
use crate::pipeline::settle::End;
use crate::pipeline::stream::{Keep, Metered};
use crate::refusal::{Refusal, Source, Words};
use crate::worker::{InFlight, Worker};

/// Headers of a provider that are about its connection or its body, not about the answer.
const NOT_PASSED_ON: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::SET_COOKIE,
    header::TRANSFER_ENCODING,
    header::CONTENT_TYPE,
];
/// Headers that an answer has, about; room for them is made at once.
const ANSWER_HEADERS: usize = 32;
/// Most headers of a provider that are passed on.
const PROVIDER_HEADERS_MAX: usize = 64;

/// What an answer's headers are made of.
pub struct Facts<'f> {
    pub worker: &'f Arc<Worker>,
    pub received: &'f Received,
    pub caller: &'f Caller,
    pub admitted: &'f Admitted,
}

/// The dialect in which to refuse where the path tells none.
pub fn dialect_of(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") { Dialect::AnthropicMessages } else { Dialect::OpenAiChat }
}

pub fn call_id(headers: &mut HeaderMap, id: &str) {
    put(headers, names::CALL_ID, id);
}

/// A refusal in the client's dialect. `call_id` is given once the request has one.
pub fn refusal(worker: &Worker, dialect: Dialect, refusal: &Refusal, id: Option<&str>) -> Response<Body> {
    let words = Words::from(refusal);
    worker.core.metrics.refused(refusal.reason());
    let body = dialects::error::write(
        dialect,
        &ErrorFacts {
            status: words.status,
            message: &words.message,
            kind: Some(&words.kind),
            param: words.param.as_deref(),
            ..ErrorFacts::default()
        },
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(words.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    put(headers, names::RESPONSE_COST, "0");
    put(headers, names::ERROR_SOURCE, if words.source == Source::Gateway { "gateway" } else { "provider" });
    match id {
        Some(id) => call_id(headers, id),
        None => call_id(headers, &worker.new_id().to_string()),
    }
    if let Some(after) = refusal.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    if let Some(after) = refusal.timeout() {
        put(headers, names::TIMEOUT, &after.as_secs_f64().to_string());
    }
    if let Refusal::WrongMethod { allow } = refusal {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if refusal.is_by_policy()
        && let Some(age) = worker.core.replica.staleness(worker.core.clock.now())
    {
        let age = age.map_or_else(|| "never".to_owned(), |age| age.as_secs().to_string());
        put(headers, names::POLICY_AGE, &age);
    }
    security(headers);
    response
}

/// Rounded up, so that a client that comes back then finds what it was told.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A whole answer.
pub fn whole(facts: &Facts<'_>, answered: Answered) -> Response<Body> {
    let Answered { ready, provider_dialect, head, body, mut settlement, retries, waited, dropped, occupied } =
        answered;
    let AnswerBody::Whole(bytes) = body else { return internal(facts) };
    settlement.first_byte();
    let context = ResponseContext {
        model: &facts.admitted.model,
        id: &facts.received.call_id,
        created: facts.received.started_at.secs(),
    };
    let answer = match dialects::response(provider_dialect, facts.received.dialect, &bytes, &context) {
        Ok(answer) => answer,
        Err(error) => {
            let told = failure::garbage(&ready.label, &error.to_string());
            settlement.end(End::free(Status::UpstreamError, 500, Some(error.to_string())));
            let refused = Refusal::Provider(told);
            return refusal(facts.worker, facts.received.dialect, &refused, Some(&facts.received.call_id));
        }
    };
    drop(occupied);
    let counted = answer.usage;
    let cost = settlement.end(End {
        status: Status::Success,
        http_status: 200,
        usage: counted.unwrap_or_default(),
        usage_estimated: counted.is_none(),
        streamed_tokens: None,
        response_id: answer.id.map(Into::into),
        error: None,
    });
    let mut response = Response::new(Body::Pieces(answer.pieces.into()));
    *response.headers_mut() = ready.headers.clone();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    common(facts, headers, retries, &dropped);
    put(headers, names::RESPONSE_COST, &cost.to_string());
    key_headers(facts, headers, cost);
    durations(facts, headers, waited);
    provider_headers(facts.worker, headers, &head.headers);
    response
}

/// A streamed answer: headers now, the account when the stream ends.
pub fn stream(facts: &Facts<'_>, answered: Answered, ask: Ask, in_flight: InFlight) -> Response<Body> {
    let Answered { ready, provider_dialect, head, body, settlement, retries, waited, dropped, occupied } =
        answered;
    let AnswerBody::Stream(begun, pace) = body else { return internal(facts) };
    let context = StreamContext {
        model: &facts.admitted.model,
        id: &facts.received.call_id,
        created: facts.received.started_at.secs(),
        client_wants_usage: ask.envelope.wants_usage(),
    };
    // A crossing that does not exist was refused before anything was sent.
    let Ok(machine) = Machine::new(provider_dialect, facts.received.dialect, context) else {
        return internal(facts);
    };
    let keep = Keep { occupied, held: ask.held, in_flight };
    let metered = Metered::new(begun, machine, settlement, pace, ready.label.clone(), keep);
    let mut response = Response::new(Body::Stream(Box::new(metered)));
    *response.headers_mut() = ready.headers.clone();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(names::ACCEL_BUFFERING, HeaderValue::from_static("no"));
    common(facts, headers, retries, &dropped);
    key_headers(facts, headers, Money::ZERO);
    durations(facts, headers, waited);
    provider_headers(facts.worker, headers, &head.headers);
    response
}

fn internal(facts: &Facts<'_>) -> Response<Body> {
    let refused = Refusal::Misconfigured { message: "Internal server error".into() };
    refusal(facts.worker, facts.received.dialect, &refused, Some(&facts.received.call_id))
}

/// What is the same for every answer of one deployment.
pub fn deployment_headers(candidate: &routing::Candidate, api_base: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(ANSWER_HEADERS);
    put(&mut headers, names::MODEL_ID, &candidate.deployment.id);
    put(&mut headers, names::MODEL_NAME, &candidate.full_model);
    put(&mut headers, names::MODEL_API_BASE, api_base);
    headers.insert(names::VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers.insert(names::ATTEMPTED_FALLBACKS, HeaderValue::from_static("0"));
    security(&mut headers);
    headers
}

fn common(facts: &Facts<'_>, headers: &mut HeaderMap, retries: u32, dropped: &[String]) {
    call_id(headers, &facts.received.call_id);
    put(headers, names::MODEL_GROUP, &facts.admitted.model);
    headers.insert(names::ATTEMPTED_RETRIES, HeaderValue::from(retries));
    if !dropped.is_empty() {
        put(headers, names::DROPPED_PARAMS, &dropped.join(","));
    }
}

/// `cost` is that of this call, not yet in the key's known spend.
fn key_headers(facts: &Facts<'_>, headers: &mut HeaderMap, cost: Money) {
    let Caller::Key(Principal { entry, .. }) = facts.caller else { return };
    let spend = entry.counted(facts.worker.core.clock.now());
    // Without a budget nothing was reserved, so this call is not among what waits to be shipped.
    let is_held = entry.policy.max_budget.is_some() || entry.shared_budget().is_some();
    let own = if is_held { Money::ZERO } else { cost };
    put(headers, names::KEY_SPEND, &(spend + own).to_string());
    if let Some(max) = entry.policy.max_budget {
        put(headers, names::KEY_MAX_BUDGET, &max.to_string());
    }
}

/// The whole time so far, and the part of it that was ours.
fn durations(facts: &Facts<'_>, headers: &mut HeaderMap, waited: Duration) {
    let core = &facts.worker.core;
    let took = core.clock.monotonic().saturating_sub(facts.received.started);
    let overhead = took.saturating_sub(waited);
    core.metrics.request_ended(facts.received.dialect, 200, took, overhead);
    put(headers, names::RESPONSE_DURATION, &millis(took));
    put(headers, names::OVERHEAD_DURATION, &millis(overhead));
}

fn millis(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

fn security(headers: &mut HeaderMap) {
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Every header of the provider under its prefix, and its rate limits under their own names as well.
fn provider_headers(worker: &Worker, headers: &mut HeaderMap, provider: &HeaderMap) {
    for (name, value) in provider.iter().take(PROVIDER_HEADERS_MAX) {
        if NOT_PASSED_ON.contains(name) {
            continue;
        }
        if name.as_str().starts_with("x-ratelimit-") {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(name) = worker.prefixed(name) {
            headers.append(name, value.clone());
        }
    }
}

/// Empty values and such as no header can carry are left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}
