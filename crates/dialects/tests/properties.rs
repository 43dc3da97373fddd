//! Properties that hold for any input: edits touch nothing else, machines survive anything, translations
//! there and back say the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bulkhead_dialects::stream::{End, Machine, StreamContext};
use bulkhead_dialects::{EnvelopeError, RequestOptions, ResponseContext, envelope, prepare, response};
use bytes::Bytes;
use domain::Dialect::{self, AnthropicMessages, OpenAiChat, OpenAiCompletions};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn options<'a>(model: &'a str, empty: &'a Map<String, Value>) -> RequestOptions<'a> {
    RequestOptions {
        model,
        defaults: empty,
        extra_body: empty,
        unsupported: &[],
        drop_params: false,
        additional_drop: &[],
        default_max_tokens: 4096,
    }
}

fn prepared(client: Dialect, provider: Dialect, body: &str) -> String {
    let empty = Map::new();
    let envelope = envelope::scan(&Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let made = prepare(client, provider, &envelope, &options("the-model", &empty)).unwrap();
    String::from_utf8(made.pieces.concat()).unwrap()
}

/// White space as JSON allows it.
fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", " ", "\n", "\t ", "\r\n"])
}

/// The text of some JSON value, with white space and escapes that no serialiser of ours would write.
fn value_text() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "1.0",
        "-0",
        "1e5",
        "12345678901234567890123",
        r#""a\u00e9\"}{""#,
        r#""""#,
        "[]",
        "{}",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 16, 4, |inner| {
        (prop::collection::vec((inner, space()), 1..4), any::<bool>()).prop_map(|(items, object)| {
            let members = items.iter().enumerate().map(|(index, (value, space))| match object {
                true => format!(r#"{space}"k{index}" :{space}{value}"#),
                false => format!("{space}{value}{space}"),
            });
            let inside = members.collect::<Vec<_>>().join(",");
            if object { format!("{{{inside}}}") } else { format!("[{inside}]") }
        })
    })
}

/// An object of which some fields are the gateway's; names are all different.
fn body() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
    let names = prop::sample::subsequence(
        vec![
            "tags",
            "a",
            "metadata",
            "b",
            "litellm_x",
            "c",
            "timeout",
            "temperature",
            "cache",
            "zz",
            "messages",
        ],
        0..11,
    )
    .prop_shuffle();
    (names, prop::collection::vec((value_text(), space(), space()), 11), space()).prop_map(
        |(names, values, around)| {
            let members: Vec<(String, String)> = names
                .iter()
                .zip(&values)
                .map(|(name, value)| ((*name).to_owned(), value.0.clone()))
                .collect();
            let texts = members.iter().zip(&values).map(|((name, value), (_, before, after))| {
                format!("{before}\"{name}\"{after}:{before}{value}{after}")
            });
            let text = format!("{around}{{{}{around}}}", texts.collect::<Vec<_>>().join(","));
            (text, members)
        },
    )
}

const GATEWAY: &[&str] = &["tags", "metadata", "litellm_x", "timeout", "cache"];

proptest! {
    /// Same dialect: the gateway's fields are gone, the model is there, and all else is what it was, byte
    /// by byte and in order.
    #[test]
    fn edits_keep_every_other_byte((text, members) in body()) {
        let made = prepared(OpenAiChat, OpenAiChat, &text);
        serde_json::from_str::<Map<String, Value>>(&made).expect(&made);
        let kept = members.iter().filter(|(name, _)| !GATEWAY.contains(&name.as_str()));
        let mut rest = made.strip_prefix(text.split('{').next().unwrap()).unwrap();
        rest = rest.strip_prefix(r#"{"model":"the-model""#).expect(&made);
        for (name, value) in kept {
            let at = rest.find(&format!("\"{name}\"")).expect(&made);
            let (between, after) = rest.split_at(at);
            prop_assert!(between.trim().is_empty() || between.trim() == ",", "{} in {}", between, made);
            rest = after[name.len() + 2..].trim_start().strip_prefix(':').unwrap().trim_start();
            rest = rest.strip_prefix(value.as_str()).expect(&made);
        }
        prop_assert_eq!(rest.trim(), "}");
    }

    /// The scan takes exactly the objects that serde_json takes.
    #[test]
    fn scan_agrees_with_serde_json((text, _) in body(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        let valid = std::str::from_utf8(&bytes)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        match envelope::scan(&Bytes::from(bytes)) {
            Ok(_) => prop_assert!(valid),
            Err(EnvelopeError::NotUtf8 { .. } | EnvelopeError::NotJson(_) | EnvelopeError::Empty) => {
                prop_assert!(!valid);
            }
            Err(_) => prop_assert!(valid),
        }
    }

    #[test]
    fn scan_survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = envelope::scan(&Bytes::from(bytes));
    }
}

/// Chunks and events, valid and not, of which streams in any order are made.
fn vocabulary(provider: Dialect) -> Vec<&'static str> {
    let common =
        ["{}", "[]", "nonsense", "", "null", r#"{"error":{"message":"m"}}"#, r#"{"type":5}"#, "{\"a\":"];
    let own: &[&str] = match provider {
        AnthropicMessages => &[
            r#"{"type":"message_start","message":{"id":"m","model":"x","usage":{"input_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"redacted_thinking","data":"d"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"t"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
            r#"{"type":"message_stop"}"#,
            r#"{"type":"ping"}"#,
        ],
        _ => &[
            r#"{"id":"c","model":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"id":"c","model":"x","choices":[{"index":0,"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_content":"r"}}]}"#,
            r#"{"choices":[{"delta":{"refusal":"no"}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            r#"{"choices":[{"index":0,"text":"t","finish_reason":null}]}"#,
            "[DONE]",
        ],
    };
    common.into_iter().chain(own.iter().copied()).collect()
}

const PAIRS: &[(Dialect, Dialect)] = &[
    (OpenAiChat, OpenAiChat),
    (OpenAiChat, AnthropicMessages),
    (OpenAiChat, OpenAiCompletions),
    (OpenAiCompletions, OpenAiCompletions),
    (AnthropicMessages, AnthropicMessages),
    (AnthropicMessages, OpenAiChat),
    (AnthropicMessages, OpenAiCompletions),
];

fn context<'a>() -> StreamContext<'a> {
    StreamContext { model: "asked", id: "7", created: 1, client_wants_usage: true }
}

fn run(provider: Dialect, client: Dialect, events: &[&str], end: End<'_>) -> String {
    let mut machine = Machine::new(provider, client, context()).unwrap();
    let mut out = Vec::new();
    let mut end = end;
    for data in events {
        if machine.event(None, data.as_bytes(), &mut out).is_err() {
            end = End::Failed { status: 502, message: "broken" };
            break;
        }
    }
    machine.finish(end, &mut out);
    assert!(machine.done());
    String::from_utf8(out).unwrap()
}

/// Whole frames of JSON, or `[DONE]` as the last.
fn frames(out: &str) -> Vec<Value> {
    assert!(out.is_empty() || out.ends_with("\n\n"), "{out}");
    let blocks: Vec<&str> = out.split("\n\n").filter(|block| !block.is_empty()).collect();
    let data = |block: &&str| block.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned();
    let data: Vec<String> = blocks.iter().map(data).collect();
    assert!(!data.iter().rev().skip(1).any(|data| data == "[DONE]"), "{out}");
    data.iter().filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// Blocks of a translated Messages stream follow each other: opened, filled, closed, then the next.
fn check_blocks(frames: &[Value]) {
    let (mut open, mut next) = (None, 0);
    for frame in frames {
        match frame["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open, None);
                assert_eq!(frame["index"], next);
                open = Some(next);
                next += 1;
            }
            "content_block_delta" => assert_eq!(frame["index"].as_i64(), open),
            "content_block_stop" => assert_eq!(frame["index"].as_i64(), open.take()),
            "message_delta" => assert_eq!(open, None),
            _ => {}
        }
    }
}

proptest! {
    /// Any events in any order: no panic, whole frames, an end.
    #[test]
    fn machines_survive_any_order(
        pair in prop::sample::select(PAIRS.to_vec()),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        how in 0..3,
    ) {
        let (provider, client) = pair;
        let words = vocabulary(provider);
        let events: Vec<&str> = picks.iter().map(|pick| words[pick.index(words.len())]).collect();
        let end = match how {
            0 => End::UpstreamDone,
            1 => End::UpstreamCut,
            _ => End::Failed { status: 504, message: "too \"late\"" },
        };
        let out = run(provider, client, &events, end);
        prop_assert!(!out.is_empty());
        let frames = frames(&out);
        if client == AnthropicMessages && provider != client {
            check_blocks(&frames);
        }
    }

    /// However a text is cut into events, the client reads the same text.
    #[test]
    fn cuts_between_events_do_not_matter(text in "[a-zA-Z\u{e9}\u{1F600}\"\\\\\n{}]{1,40}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let letters: Vec<char> = text.chars().collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(letters.len())).collect();
        at.extend([0, letters.len()]);
        at.sort_unstable();
        let pieces: Vec<String> = at.windows(2).map(|pair| letters[pair[0]..pair[1]].iter().collect()).collect();
        for (provider, client) in PAIRS.iter().filter(|(provider, _)| *provider != OpenAiCompletions) {
            let events: Vec<String> = stream_of(*provider, &pieces);
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            let out = frames(&run(*provider, *client, &events, End::UpstreamDone));
            let said: String = out.iter().filter_map(|frame| match client {
                AnthropicMessages => frame["delta"]["text"].as_str(),
                OpenAiChat => frame["choices"][0]["delta"]["content"].as_str(),
                _ => frame["choices"][0]["text"].as_str(),
            }.map(str::to_owned)).collect();
            // Chat to completions passes through the translation, completions alone reads `text`.
            prop_assert_eq!(&said, &text);
        }
    }
}

fn stream_of(provider: Dialect, pieces: &[String]) -> Vec<String> {
    let mut events = Vec::new();
    if provider == AnthropicMessages {
        events.push(json!({"type":"message_start","message":{"id":"m","model":"x"}}));
        events
            .push(json!({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}));
        events.extend(pieces.iter().map(
            |piece| json!({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":piece}}),
        ));
        events.push(json!({"type":"content_block_stop","index":0}));
        events.push(json!({"type":"message_delta","delta":{"stop_reason":"end_turn"}}));
        events.push(json!({"type":"message_stop"}));
        return events.iter().map(Value::to_string).collect();
    }
    events.extend(pieces.iter().map(|piece| json!({"choices":[{"index":0,"delta":{"content":piece}}]})));
    events.push(json!({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}));
    let mut texts: Vec<String> = events.iter().map(Value::to_string).collect();
    texts.push("[DONE]".to_owned());
    texts
}

/// A conversation that both dialects can say.
fn conversation() -> impl Strategy<Value = Value> {
    let text = "[a-z\u{e9}\"\\\\ ]{1,12}";
    let turn = (text, text, any::<bool>(), any::<u32>()).prop_map(|(asked, said, tool, number)| {
        if !tool {
            return vec![json!({"role":"user","content":asked}), json!({"role":"assistant","content":said})];
        }
        let arguments = json!({"x": number, "y": said}).to_string();
        let call = json!({"id":"c1","type":"function","function":{"name":"f","arguments":arguments}});
        vec![
            json!({"role":"user","content":asked}),
            json!({"role":"assistant","content":said,"tool_calls":[call]}),
            json!({"role":"tool","tool_call_id":"c1","content":asked}),
        ]
    });
    (prop::collection::vec(turn, 1..4), text).prop_map(|(turns, system)| {
        let mut messages = vec![json!({"role":"system","content":system})];
        for turn in turns {
            // Two user turns in a row would become one on the other side.
            if messages.last().is_some_and(|last| last["role"] == "tool") {
                messages.push(json!({"role":"assistant","content":"ok"}));
            }
            messages.extend(turn);
        }
        Value::Array(messages)
    })
}

proptest! {
    /// From chat to messages and back: the same conversation.
    #[test]
    fn requests_go_there_and_back(messages in conversation(), max in 1..9999u32, serial in any::<bool>()) {
        let body = json!({"model":"m","messages":messages,"max_tokens":max,"temperature":0.5,"stop":["END"],
            "user":"u","stream":true,"parallel_tool_calls":!serial,"tool_choice":"required",
            "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]});
        let there = prepared(OpenAiChat, AnthropicMessages, &body.to_string());
        let back = prepared(AnthropicMessages, OpenAiChat, &there);
        let mut back: Value = serde_json::from_str(&back).unwrap();
        back["model"] = json!("m");
        back.as_object_mut().unwrap().remove("stream_options");
        prop_assert_eq!(back, body);
    }

    /// An answer from messages to chat and back: the same content, reason and count.
    #[test]
    fn answers_go_there_and_back(
        text in "[a-z\"\\\\]{1,9}",
        thought in prop::option::of("[a-z]{1,9}"),
        tool in any::<bool>(),
        tokens in (0..5000u64, 0..5000u64, prop::option::of(0..99u64), prop::option::of(0..99u64)),
    ) {
        let mut content = Vec::new();
        if let Some(thought) = &thought {
            content.push(json!({"type":"thinking","thinking":thought,"signature":"S"}));
        }
        content.push(json!({"type":"text","text":text}));
        if tool {
            content.push(json!({"type":"tool_use","id":"t","name":"f","input":{"a":[1.5]}}));
        }
        let (input, output, read, write) = tokens;
        let mut usage = json!({"input_tokens":input,"output_tokens":output});
        for (key, count) in [("cache_read_input_tokens", read), ("cache_creation_input_tokens", write)] {
            if let Some(count) = count {
                usage[key] = json!(count);
            }
        }
        let stop = if tool { "tool_use" } else { "max_tokens" };
        let message = json!({"id":"msg_7","type":"message","role":"assistant","model":"asked","content":content,
            "stop_reason":stop,"stop_sequence":null,"usage":usage});
        let context = ResponseContext { model: "asked", id: "7", created: 1 };
        let answer = |from, to, body: String| {
            let answer = response(from, to, &Bytes::from(body), &context).unwrap();
            (String::from_utf8(answer.pieces.concat()).unwrap(), answer.usage)
        };
        let (there, first) = answer(AnthropicMessages, OpenAiChat, message.to_string());
        let (back, second) = answer(OpenAiChat, AnthropicMessages, there);
        let mut back: Value = serde_json::from_str(&back).unwrap();
        // Chat tells cached tokens as 0 once it tells of writes: the one loss, of a zero.
        if read.is_none() && write.is_some() {
            back["usage"].as_object_mut().unwrap().remove("cache_read_input_tokens");
        } else {
            prop_assert_eq!(first, second);
        }
        prop_assert_eq!(back, message);
    }
}

/// Chunks with and without a common head, in shapes that providers send and that none does.
const CHUNKS: &[&str] = &[
    r#"{"id":"c","model":"x","choices":[{"index":0,"delta":{"content":"a"}}]}"#,
    r#"{"id":"c","model":"x","choices":[{"index":0,"delta":{"content":"b"}}],"usage":null}"#,
    r#"{"id":"c","model":"x","choices":[]}"#,
    r#"{"id":"c","model":"x","usage":{"prompt_tokens":1},"choices":[]}"#,
    r#"{"id":"c","model":"x"}"#,
    r#"{"id":"c","model":"x","choices":[],"model":"y"}"#,
    r#"{"id":"d","model":"asked","choices":[{"index":0,"delta":{}}]}"#,
    r#"{"choices":[{"index":0,"delta":{}}],"model":"x"}"#,
    r#"{"error":null,"model":"x","choices":[]}"#,
    "{\n\"model\":\"x\",\n\"choices\":[]\n}",
    r#"{ "model" : "x" , "choices" : [ ] }"#,
];

proptest! {
    /// What is remembered of earlier chunks never changes what is written of a later one.
    #[test]
    fn chunks_do_not_depend_on_each_other(picks in prop::collection::vec(0..CHUNKS.len(), 0..12)) {
        let machine = || Machine::new(OpenAiChat, OpenAiChat, context()).unwrap();
        let mut old = machine();
        for pick in picks {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            old.event(None, CHUNKS[pick].as_bytes(), &mut one).unwrap();
            machine().event(None, CHUNKS[pick].as_bytes(), &mut other).unwrap();
            prop_assert_eq!(String::from_utf8(one).unwrap(), String::from_utf8(other).unwrap());
        }
    }
}
