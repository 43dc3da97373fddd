#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bulkhead_upstream::{Body, Client, ClientSettings, Destination, Sending, Target, read_limited, tls};
use domain::Dialect;
use http::{HeaderMap, Response, StatusCode};
use kit::{ManualClock, SeededRng, Timestamp};
use serde_json::{Value, json};

/// No test waits for it unless it says so.
const IDLE_MAX: Duration = Duration::from_secs(30);

const MAX_BYTES: usize = 1 << 20;

async fn answer(destination: Destination, dialect: Dialect, request: &Value) -> Response<Body> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(7)));
    let roots = tls::client_config(None).unwrap();
    let client = Client::new(&ClientSettings::default(), &roots, clock, &mut SeededRng::new(1));
    let text = request.to_string();
    let (head, tail) = text.split_at(text.len() / 2);
    let pieces = vec![head.to_owned().into(), tail.to_owned().into()];
    client
        .call(Target { destination, headers: HeaderMap::new(), dialect }, pieces, Sending::default())
        .await
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(read_limited(response.into_body(), MAX_BYTES, IDLE_MAX).await.unwrap().to_vec())
        .unwrap()
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

async fn demo(dialect: Dialect, request: Value) -> Value {
    json_of(answer(Destination::Demo, dialect, &request).await).await
}

fn mock(text: &str) -> Destination {
    Destination::Mock(text.into())
}

fn chat(content: impl Into<Value>) -> Value {
    json!({"model": "demo", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": content.into()}]})
}

/// The JSON of each `data` line, `[DONE]` left out but required.
fn chunks(stream: &str) -> Vec<Value> {
    let mut frames = stream.split("\n\n").collect::<Vec<_>>();
    assert_eq!(frames.split_off(frames.len() - 2), ["data: [DONE]", ""]);
    frames.iter().map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn joined(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

#[tokio::test]
async fn the_demo_says_what_it_is_and_repeats_what_it_heard() {
    let whole = demo(Dialect::OpenAiChat, chat("knock\n knock")).await;
    let content = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        content.contains("Bulkhead's built-in demo model") && content.contains("“knock knock”"),
        "{content}"
    );
    assert_eq!(whole["system_fingerprint"], "bulkhead-demo");
    assert_eq!(
        (&whole["demo"], &whole["created"], &whole["model"]),
        (&json!(true), &json!(7), &json!("demo"))
    );
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    let usage = &whole["usage"];
    assert_eq!(usage["prompt_tokens"], 4); // `s` and 12 characters: 13 at four to the token
    assert_eq!(usage["completion_tokens"], content.chars().count().div_ceil(4));
}

#[tokio::test]
async fn the_demo_hears_parts_too() {
    let parts =
        json!([{"type": "text", "text": "look:"}, {"type": "image_url", "image_url": {"url": "data:"}}]);
    let whole = demo(Dialect::OpenAiChat, chat(parts)).await;
    assert!(whole["choices"][0]["message"]["content"].as_str().unwrap().ends_with("You said: “look:”"));
}

#[tokio::test]
async fn the_demo_keeps_to_max_tokens() {
    let mut request = chat("hello");
    request["max_tokens"] = 2.into();
    let whole = demo(Dialect::OpenAiChat, request).await;
    assert_eq!(whole["choices"][0]["message"]["content"], "Hello! I");
    assert_eq!(whole["choices"][0]["finish_reason"], "length");
    assert_eq!(whole["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_whole_answer() {
    let whole = demo(Dialect::OpenAiChat, chat("hello")).await;
    let mut request = chat("hello");
    request["stream"] = true.into();
    request["stream_options"] = json!({"include_usage": true});
    let response = answer(Destination::Demo, Dialect::OpenAiChat, &request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let chunks = chunks(&text(response).await);
    assert_eq!(joined(&chunks), whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let (usage, finish) = (chunks.last().unwrap(), &chunks[chunks.len() - 2]);
    assert_eq!((&usage["usage"], &usage["choices"]), (&whole["usage"], &json!([])));
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["demo"] == true));
}

#[tokio::test]
async fn legacy_completions_have_their_own_shape() {
    let whole = demo(Dialect::OpenAiCompletions, json!({"model": "demo", "prompt": "once"})).await;
    assert_eq!(whole["object"], "text_completion");
    assert!(whole["choices"][0]["text"].as_str().unwrap().ends_with("“once”"));
}

#[tokio::test]
async fn embeddings_are_of_length_one_and_the_same_for_the_same_text() {
    let embed = async |request: Value| demo(Dialect::OpenAiEmbeddings, request).await;
    let both = embed(json!({"model": "demo", "input": ["a", "b"], "dimensions": 32})).await;
    let vector =
        |at: usize| serde_json::from_value::<Vec<f32>>(both["data"][at]["embedding"].clone()).unwrap();
    assert_eq!((vector(0).len(), both["data"].as_array().unwrap().len()), (32, 2));
    assert!((vector(0).iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
    assert_ne!(vector(0), vector(1));
    let alone = embed(json!({"model": "demo", "input": "b", "dimensions": 32})).await;
    assert_eq!(alone["data"][0]["embedding"], both["data"][1]["embedding"]);
    let coded = embed(json!({"model": "demo", "input": [1, 2, 3], "encoding_format": "base64"})).await;
    assert_eq!(coded["data"][0]["embedding"].as_str().unwrap().len(), (64 * 4_usize).div_ceil(3) * 4);
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let response = answer(Destination::Demo, Dialect::OpenAiChat, &json!([1])).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_mock_response_is_given_as_it_is() {
    let whole = json_of(answer(mock("Hällo you"), Dialect::OpenAiChat, &chat("x")).await).await;
    assert_eq!(whole["choices"][0]["message"]["content"], "Hällo you");
    assert_eq!(
        (&whole["usage"]["prompt_tokens"], &whole["usage"]["completion_tokens"]),
        (&json!(10), &json!(20))
    );
    let mut request = chat("x");
    request["stream"] = true.into();
    let stream = text(answer(mock("Hällo you"), Dialect::OpenAiChat, &request).await).await;
    let parts = chunks(&stream)
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str().map(String::from))
        .collect::<Vec<_>>();
    assert_eq!(parts, ["Häl", "lo ", "you"]);
}

#[tokio::test]
async fn a_mock_response_may_stand_for_an_error() {
    for (name, status, code) in [
        ("litellm.RateLimitError", 429, "rate_limit_exceeded"),
        ("litellm.InternalServerError", 500, "internal_error"),
        ("litellm.ContextWindowExceededError", 400, "context_length_exceeded"),
        ("litellm.ContentPolicyViolationError", 400, "content_policy_violation"),
        ("litellm.BadRequestError", 400, "invalid_request"),
    ] {
        let response = answer(mock(name), Dialect::OpenAiChat, &chat("x")).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(json_of(response).await["error"]["code"], code);
    }
}

#[tokio::test]
async fn ids_do_not_repeat() {
    let clock = Arc::new(ManualClock::default());
    let roots = tls::client_config(None).unwrap();
    let client = Client::new(&ClientSettings::default(), &roots, clock, &mut SeededRng::new(1));
    let mut ids = std::collections::HashSet::new();
    for _ in 0..10 {
        let target = Target {
            destination: Destination::Demo,
            headers: HeaderMap::new(),
            dialect: Dialect::OpenAiChat,
        };
        let response =
            client.call(target, vec![chat("x").to_string().into()], Sending::default()).await.unwrap();
        assert!(ids.insert(json_of(response).await["id"].to_string()));
    }
}
