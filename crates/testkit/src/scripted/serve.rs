//! One request, from its bytes to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::asked::{Asked, Invalid, strings};
use super::log::{Billed, Call, Course, Log, Record};
use super::openai::Names;
use super::script::{Fault, Script};
use super::wire::{self, Answering, Connection, Stream};
use super::{anthropic, anthropic_request, openai, openai_request};

/// Largest request body that is read.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Largest body that is kept in the log.
const LOGGED_BODY_BYTES_MAX: usize = 256 << 10;
/// The provider key that is refused as wrong.
const WRONG_KEY: &str = "wrong-provider-key";

type Reply = Response<Answering>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Chat,
    Completions,
    Embeddings,
    Messages,
    CountTokens,
}

impl Api {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            _ if path.ends_with("/chat/completions") => Self::Chat,
            _ if path.ends_with("/completions") => Self::Completions,
            _ if path.ends_with("/embeddings") => Self::Embeddings,
            _ if path.ends_with("/messages/count_tokens") => Self::CountTokens,
            _ if path.ends_with("/messages") => Self::Messages,
            _ => return None,
        })
    }

    const fn is_anthropic(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }

    fn error(self, status: u16, kind: Option<&str>, param: Option<&str>, message: &str) -> Value {
        if self.is_anthropic() {
            anthropic::error(status, kind, message)
        } else {
            openai::error(status, kind, param, message)
        }
    }
}

pub async fn serve(
    request: Request<Incoming>,
    log: Arc<Log>,
    connection: Connection,
) -> Result<Reply, Infallible> {
    let path = request.uri().path().to_owned();
    let reply = match (request.method(), path.as_str()) {
        (_, "/_log" | "/_books" | "/_counts" | "/_control" | "/_ready") => {
            control(request, &path, &log).await
        }
        (&Method::GET, path) if path.ends_with("/models") => json_reply(200, &openai::models()),
        (&Method::POST, path) => match Api::of(path) {
            Some(api) => answer(api, request, log, connection).await,
            None => json_reply(404, &openai::error(404, None, None, "Unknown request URL")),
        },
        _ => json_reply(404, &openai::error(404, None, None, "Unknown request URL")),
    };
    Ok(reply)
}

#[allow(clippy::disallowed_methods, reason = "the reader is limited")]
async fn read(request: Request<Incoming>) -> Option<Bytes> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX);
    body.collect().await.ok().map(http_body_util::Collected::to_bytes)
}

fn json_reply(status: u16, body: &Value) -> Reply {
    bytes_reply(status, "application/json", body.to_string().into())
}

fn bytes_reply(status: u16, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Answering::Whole(Some(body)));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static(kind));
    headers.insert("x-request-id", http::HeaderValue::from_static("req_scripted"));
    headers.insert("x-ratelimit-remaining-requests", http::HeaderValue::from_static("99"));
    reply
}

async fn control(request: Request<Incoming>, path: &str, log: &Log) -> Reply {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let asked = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    match path {
        "/_log" => json_reply(200, &json!(log.records(asked("id").as_deref(), asked("model").as_deref()))),
        "/_books" => {
            let after = asked("after").and_then(|number| number.parse().ok()).unwrap_or(0);
            json_reply(200, &json!(log.books_after(after)))
        }
        "/_counts" => json_reply(200, &json!(log.counts())),
        "/_ready" => json_reply(200, &json!({"ready": true})),
        _ => {
            let body = read(request).await.unwrap_or_default();
            let order: Value = serde_json::from_slice(&body).unwrap_or_default();
            if order["reset"] == true {
                log.reset();
            }
            if let Some(model) = order["model"].as_str() {
                log.set_script(model, order["script"].as_str());
            }
            json_reply(200, &json!({"ok": true}))
        }
    }
}

/// A request that has been read and entered in the log.
struct Seen {
    api: Api,
    body: Value,
    model: String,
    stream: bool,
    script: Script,
    number: String,
    key: Option<String>,
    versioned: bool,
}

async fn answer(api: Api, request: Request<Incoming>, log: Arc<Log>, connection: Connection) -> Reply {
    let (head, body) = request.into_parts();
    let Some(bytes) = read(Request::from_parts(head.clone(), body)).await else {
        return json_reply(400, &api.error(400, None, None, "the body did not arrive"));
    };
    let text = String::from_utf8_lossy(&bytes);
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let model = model_of(head.uri.path(), &body);
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let words = Script::find(&text)
        .map(str::to_owned)
        .or_else(|| header("x-script"))
        .or_else(|| log.script_of(&model));
    let script = match Script::parse(words.as_deref().unwrap_or_default()) {
        Ok(script) => script,
        Err(error) => return json_reply(500, &api.error(500, None, None, &error)),
    };
    let stream = body["stream"] == true;
    let record = Record {
        number: 0,
        id: script.id.clone(),
        at_us: 0,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers_of(&head.headers),
        model: model.clone(),
        stream,
        body: if bytes.len() <= LOGGED_BODY_BYTES_MAX { body.clone() } else { Value::Null },
        body_bytes: bytes.len(),
        status: None,
        events_sent: 0,
        course: Course::default(),
    };
    let key = header("x-api-key").or_else(|| header("api-key")).or_else(|| {
        header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned))
    });
    let versioned = header("anthropic-version").is_some();
    let call = log.begin(record);
    let number = call.number().to_string();
    let seen = Seen { api, body, model, stream, script, number, key, versioned };
    act(seen, call, &log, connection).await
}

/// The model of a body, or of a path in Azure's form.
fn model_of(path: &str, body: &Value) -> String {
    let in_path = path.split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
    in_path.or_else(|| body["model"].as_str()).unwrap_or_default().to_owned()
}

fn headers_of(headers: &http::HeaderMap) -> std::collections::BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

async fn act(mut seen: Seen, mut call: Call, log: &Log, connection: Connection) -> Reply {
    if let (Some(times), Some(id)) = (seen.script.times, &seen.script.id)
        && log.times_seen(id) > times
    {
        seen.script.status = None;
        seen.script.fault = None;
        seen.script.delay = std::time::Duration::ZERO;
    }
    let refused = refuse_access(&seen);
    if refused.is_none() && seen.script.status.is_none() {
        let whole = answer_to(&seen).ok().flatten().map(|(_, answer)| answer.billed).unwrap_or_default();
        call.accepted(whole, (!seen.stream).then_some(seen.script.delay));
    }
    tokio::time::sleep(seen.script.delay).await;
    if let Some(reply) = refused {
        call.head(reply.status().as_u16());
        call.failed();
        return reply;
    }
    if let Some(status) = seen.script.status {
        call.head(status);
        call.failed();
        return scripted_error(&seen, status);
    }
    match seen.script.fault.clone() {
        Some(Fault::Hang) => wire::hold().await,
        Some(Fault::Close) => connection.close(),
        Some(Fault::ResetAtOnce) => connection.reset(),
        Some(Fault::NotHttp) => connection.write_raw(b"\x00\xffthis is not HTTP\r\n\r\n"),
        Some(Fault::NotJson) => return finish_badly(call, "<html>not JSON at all"),
        Some(Fault::Empty) => return finish_badly(call, ""),
        _ => return answer_well(seen, call, connection),
    }
    call.failed();
    // The connection is about to be dropped, and this answer with it.
    wire::hold().await;
    json_reply(500, &Value::Null)
}

fn finish_badly(mut call: Call, body: &'static str) -> Reply {
    call.head(200);
    call.failed();
    bytes_reply(200, "application/json", Bytes::from_static(body.as_bytes()))
}

fn refuse_access(seen: &Seen) -> Option<Reply> {
    let api = seen.api;
    if seen.key.is_none() || seen.key.as_deref() == Some(WRONG_KEY) {
        let message = if api.is_anthropic() { "invalid x-api-key" } else { "Incorrect API key provided." };
        return Some(json_reply(401, &api.error(401, None, None, message)));
    }
    if api.is_anthropic() && !seen.versioned {
        return Some(json_reply(400, &api.error(400, None, None, "anthropic-version: header is required")));
    }
    None
}

fn scripted_error(seen: &Seen, status: u16) -> Reply {
    let message = seen.script.message.as_deref().unwrap_or("the provider fails as scripted");
    let mut reply =
        json_reply(status, &seen.api.error(status, seen.script.error_kind.as_deref(), None, message));
    if let Some(value) = seen.script.retry_after.as_deref().and_then(|after| after.parse().ok()) {
        reply.headers_mut().insert("retry-after", value);
    }
    reply
}

/// The whole answer before it is sent; `None` for embeddings, which are made otherwise.
fn answer_to(seen: &Seen) -> Result<Option<(Asked, Answer)>, Invalid> {
    let asked = match seen.api {
        Api::Chat => openai_request::read(&seen.body)?,
        Api::Messages => anthropic_request::read(&seen.body, false)?,
        Api::CountTokens => anthropic_request::read(&seen.body, true)?,
        Api::Completions => prompt(&seen.body)?,
        Api::Embeddings => return inputs(&seen.body).map(|_| None),
    };
    let answer = answer::make(&asked, &seen.script);
    Ok(Some((asked, answer)))
}

fn answer_well(seen: Seen, mut call: Call, connection: Connection) -> Reply {
    let made = match answer_to(&seen) {
        Ok(made) => made,
        Err(Invalid { message, param }) => {
            call.head(400);
            call.failed();
            return json_reply(400, &seen.api.error(400, None, param.as_deref(), &message));
        }
    };
    call.head(200);
    let Some((asked, answer)) = made else { return embed(&seen, call) };
    if seen.api == Api::CountTokens {
        call.finished(Billed::default());
        return json_reply(200, &json!({"input_tokens": answer.billed.input}));
    }
    if seen.stream {
        stream(seen, &asked, &answer, call, connection)
    } else {
        whole(seen, &asked, &answer, call, connection)
    }
}

fn prompt(body: &Value) -> Result<Asked, Invalid> {
    let prompt = strings(&body["prompt"]).join(" ");
    if prompt.is_empty() {
        return Err(super::asked::invalid("prompt", "Missing required parameter: 'prompt'."));
    }
    let mut asked = Asked { turns: 1, choices: 1, stop: strings(&body["stop"]), ..Asked::default() };
    asked.max_tokens = body["max_tokens"].as_u64();
    asked.take_user_text(&prompt);
    Ok(asked)
}

/// One entry per input: texts, or lists of tokens.
fn inputs(body: &Value) -> Result<Vec<Value>, Invalid> {
    match &body["input"] {
        Value::String(_) => Ok(vec![body["input"].clone()]),
        Value::Array(list) if list.first().is_some_and(Value::is_number) => Ok(vec![body["input"].clone()]),
        Value::Array(list) if !list.is_empty() => Ok(list.clone()),
        _ => Err(super::asked::invalid("input", "Missing required parameter: 'input'.")),
    }
}

fn embed(seen: &Seen, call: Call) -> Reply {
    let inputs = inputs(&seen.body).unwrap_or_default();
    let words: usize = inputs
        .iter()
        .map(|input| input.as_str().map_or(1, |text| Script::strip(text).split_whitespace().count()))
        .sum();
    let tokens = seen.script.input_tokens.unwrap_or(words as u64);
    let dimensions = seen.body["dimensions"].as_u64().and_then(|n| usize::try_from(n).ok());
    let body = openai::embeddings(
        &seen.model,
        &inputs,
        seen.body["encoding_format"] == "base64",
        dimensions,
        tokens,
    );
    call.finished(Billed { input: tokens, ..Billed::default() });
    json_reply(200, &body)
}

fn shown_model(seen: &Seen) -> String {
    format!("{}-scripted", seen.model)
}

fn id_of(seen: &Seen) -> String {
    let prefix = match seen.api {
        Api::Chat => "chatcmpl-",
        Api::Messages => "msg_",
        _ => "cmpl-",
    };
    format!("{prefix}scripted{}", seen.number)
}

fn whole(seen: Seen, asked: &Asked, answer: &Answer, call: Call, connection: Connection) -> Reply {
    let (id, model) = (id_of(&seen), shown_model(&seen));
    let names = Names { id: &id, model: &model };
    let body = match seen.api {
        Api::Messages => anthropic::message(&names, answer),
        Api::Completions => openai::completion(&names, answer),
        _ => openai::chat(&names, answer, &seen.script, asked.choices),
    };
    let breaks = seen.script.fault.is_some();
    if !breaks && seen.script.drip.is_none() {
        call.finished(answer.billed);
        return json_reply(200, &body);
    }
    let bytes = Bytes::from(body.to_string());
    let halves = vec![bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..)];
    let stream = Stream { events: halves, error: Bytes::new(), billed: answer.billed };
    let mut reply = json_reply(200, &Value::Null);
    *reply.body_mut() = wire::send(stream, seen.script, call, connection);
    reply
}

fn stream(seen: Seen, asked: &Asked, answer: &Answer, call: Call, connection: Connection) -> Reply {
    let (id, model) = (id_of(&seen), shown_model(&seen));
    let names = Names { id: &id, model: &model };
    let with_usage = seen.body["stream_options"]["include_usage"] == true;
    let values = match seen.api {
        Api::Messages => anthropic::events(&names, answer),
        Api::Completions => openai::completion_events(&names, answer, with_usage),
        _ => openai::chat_events(&names, answer, &seen.script, asked.choices, with_usage),
    };
    let mut events: Vec<Bytes> = values.iter().map(|value| frame(seen.api, value)).collect();
    repeat_longest(&mut events, seen.script.repeat);
    if !seen.api.is_anthropic() {
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    }
    let message = seen.script.message.as_deref().unwrap_or("the provider broke off as scripted");
    let error =
        seen.api.error(529, seen.script.error_kind.as_deref().or(Some("overloaded_error")), None, message);
    let stream = Stream { events, error: frame(seen.api, &error), billed: answer.billed };
    let mut reply = bytes_reply(200, "text/event-stream; charset=utf-8", Bytes::new());
    *reply.body_mut() = wire::send(stream, seen.script, call, connection);
    reply
}

/// Repeats the longest event, which is the text of a `huge` answer; its bytes are shared.
fn repeat_longest(events: &mut Vec<Bytes>, times: Option<usize>) {
    let Some(times) = times else { return };
    if let Some((at, longest)) = events.iter().cloned().enumerate().max_by_key(|(_, event)| event.len()) {
        events.splice(at..=at, std::iter::repeat_n(longest, times));
    }
}

fn frame(api: Api, value: &Value) -> Bytes {
    match (api.is_anthropic(), value["type"].as_str()) {
        (true, Some(name)) => format!("event: {name}\ndata: {value}\n\n").into(),
        _ => format!("data: {value}\n\n").into(),
    }
}
