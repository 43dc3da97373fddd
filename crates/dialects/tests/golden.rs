//! The golden matrix: `golden/<kind>/<dialect>/<case>/input.*` beside `expected.<other dialect>.*`.
//! The tables below say which pairs exist; `UPDATE_GOLDEN=1 cargo nextest run -p bulkhead-dialects` rewrites
//! the expectations, and a review reads them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use bulkhead_dialects::stream::{End, Machine, StreamContext};
use bulkhead_dialects::{RequestOptions, ResponseContext, envelope, prepare, response};
use bytes::Bytes;
use domain::Dialect;
use domain::Dialect::{
    AnthropicMessages as MESSAGES, OpenAiChat as CHAT, OpenAiCompletions as COMPLETIONS,
    OpenAiEmbeddings as EMBEDDINGS,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// From the client's dialect to each provider's.
const REQUESTS: &[(Dialect, &str, &[Dialect])] = &[
    (CHAT, "plain-text", &[CHAT, MESSAGES]),
    (CHAT, "multi-turn-system-and-developer", &[CHAT, MESSAGES]),
    (CHAT, "images", &[CHAT, MESSAGES]),
    (CHAT, "files", &[MESSAGES]),
    (CHAT, "audio-refused", &[CHAT, MESSAGES]),
    (CHAT, "tools-parallel-calls-and-results", &[CHAT, MESSAGES]),
    (CHAT, "tool-arguments-broken", &[CHAT, MESSAGES]),
    (CHAT, "tool-choice-required-serial", &[MESSAGES]),
    (CHAT, "tool-choice-named", &[MESSAGES]),
    (CHAT, "tool-choice-none", &[MESSAGES]),
    (CHAT, "tools-strict", &[MESSAGES]),
    (CHAT, "tools-of-the-provider", &[MESSAGES]),
    (CHAT, "json-schema", &[CHAT, MESSAGES]),
    (CHAT, "json-schema-older-model", &[MESSAGES]),
    (CHAT, "json-schema-with-limits", &[MESSAGES]),
    (CHAT, "json-object-beside-tools", &[MESSAGES]),
    (CHAT, "json-object-while-thinking", &[MESSAGES]),
    (CHAT, "reasoning-effort-budget", &[CHAT, MESSAGES]),
    (CHAT, "reasoning-effort-adaptive", &[MESSAGES]),
    (CHAT, "reasoning-effort-no-room", &[MESSAGES]),
    (CHAT, "reasoning-effort-older-model", &[MESSAGES]),
    (CHAT, "thinking-param", &[MESSAGES]),
    (CHAT, "thinking-blocks-in-history", &[MESSAGES]),
    (CHAT, "cache-control", &[CHAT, MESSAGES]),
    (CHAT, "stop-user-temperature-stream", &[CHAT, MESSAGES]),
    (CHAT, "stop-of-white-space", &[CHAT, MESSAGES]),
    (CHAT, "unsupported-refused", &[CHAT, MESSAGES]),
    (CHAT, "unsupported-dropped", &[CHAT, MESSAGES]),
    (CHAT, "no-ops-are-not-lost", &[MESSAGES]),
    (CHAT, "gateway-fields-go", &[CHAT, MESSAGES]),
    (CHAT, "unknown-fields-survive", &[CHAT, MESSAGES]),
    (CHAT, "defaults-and-extra-body", &[CHAT, MESSAGES]),
    (CHAT, "stream-options-kept", &[CHAT]),
    (CHAT, "legacy-functions", &[CHAT, MESSAGES]),
    (COMPLETIONS, "plain-prompt", &[COMPLETIONS, CHAT, MESSAGES]),
    (COMPLETIONS, "several-prompts", &[COMPLETIONS, MESSAGES]),
    (COMPLETIONS, "echo-and-suffix", &[MESSAGES]),
    (EMBEDDINGS, "plain", &[EMBEDDINGS, MESSAGES]),
    (MESSAGES, "plain-text", &[CHAT, MESSAGES]),
    (MESSAGES, "system-blocks-cached", &[CHAT, MESSAGES]),
    (MESSAGES, "images-and-documents", &[CHAT, MESSAGES]),
    (MESSAGES, "document-by-address", &[CHAT]),
    (MESSAGES, "tools-parallel-calls-and-results", &[CHAT, MESSAGES]),
    (MESSAGES, "tool-choice-any-serial", &[CHAT]),
    (MESSAGES, "tool-choice-named", &[CHAT]),
    (MESSAGES, "tools-of-the-provider", &[CHAT, MESSAGES]),
    (MESSAGES, "thinking-in-history", &[CHAT]),
    (MESSAGES, "thinking-adaptive", &[CHAT, MESSAGES]),
    (MESSAGES, "thinking-budget-reasoning-model", &[CHAT]),
    (MESSAGES, "output-schema", &[CHAT]),
    (MESSAGES, "only-anthropic-refused", &[CHAT]),
    (MESSAGES, "only-anthropic-dropped", &[CHAT]),
    (MESSAGES, "stream-and-stop", &[CHAT, MESSAGES]),
];

/// From the provider's dialect to each client's.
const RESPONSES: &[(Dialect, &str, &[Dialect])] = &[
    (CHAT, "text", &[CHAT, MESSAGES, COMPLETIONS]),
    (CHAT, "tool-calls", &[CHAT, MESSAGES]),
    (CHAT, "tool-call-cut", &[MESSAGES]),
    (CHAT, "length", &[MESSAGES, COMPLETIONS]),
    (CHAT, "refusal", &[MESSAGES]),
    (CHAT, "content-filter", &[MESSAGES]),
    (CHAT, "reasoning", &[CHAT, MESSAGES]),
    (CHAT, "cached-usage", &[CHAT, MESSAGES]),
    (COMPLETIONS, "text", &[COMPLETIONS]),
    (EMBEDDINGS, "plain", &[EMBEDDINGS]),
    (MESSAGES, "text", &[CHAT, MESSAGES, COMPLETIONS]),
    (MESSAGES, "tool-use", &[CHAT, MESSAGES]),
    (MESSAGES, "thinking", &[CHAT, MESSAGES]),
    (MESSAGES, "stop-sequence", &[CHAT, MESSAGES]),
    (MESSAGES, "refusal", &[CHAT]),
    (MESSAGES, "pause-and-server-tools", &[CHAT, MESSAGES]),
    (MESSAGES, "json-answer", &[CHAT]),
    (MESSAGES, "cached-usage", &[CHAT, MESSAGES]),
];

/// From the provider's dialect to each client's.
const STREAMS: &[(Dialect, &str, &[Dialect])] = &[
    (CHAT, "text", &[CHAT, MESSAGES, COMPLETIONS]),
    (CHAT, "usage-asked-for", &[CHAT, COMPLETIONS]),
    (CHAT, "tool-calls", &[CHAT, MESSAGES]),
    (CHAT, "tool-calls-without-index", &[CHAT, MESSAGES]),
    (CHAT, "reasoning", &[CHAT, MESSAGES]),
    (CHAT, "refusal", &[CHAT, MESSAGES]),
    (CHAT, "cut", &[CHAT, MESSAGES, COMPLETIONS]),
    (CHAT, "error-within", &[CHAT, MESSAGES]),
    (CHAT, "garbage", &[CHAT, MESSAGES]),
    (CHAT, "nothing", &[CHAT, MESSAGES]),
    (COMPLETIONS, "text", &[COMPLETIONS]),
    (COMPLETIONS, "cut", &[COMPLETIONS]),
    (MESSAGES, "text", &[CHAT, MESSAGES, COMPLETIONS]),
    (MESSAGES, "usage-asked-for", &[CHAT]),
    (MESSAGES, "tool-use", &[CHAT, MESSAGES]),
    (MESSAGES, "thinking", &[CHAT, MESSAGES]),
    (MESSAGES, "json-answer", &[CHAT]),
    (MESSAGES, "server-tools", &[CHAT, MESSAGES]),
    (MESSAGES, "cut", &[CHAT, MESSAGES]),
    (MESSAGES, "error-within", &[CHAT, MESSAGES]),
];

/// What a case may set beside its input, in `options.json`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// The provider's model, by dialect; `claude-sonnet-4-5`, `gpt-4o` otherwise.
    models: Map<String, Value>,
    defaults: Map<String, Value>,
    extra_body: Map<String, Value>,
    unsupported: Vec<String>,
    drop_params: bool,
    additional_drop: Vec<String>,
    wants_usage: bool,
}

fn options(case: &std::path::Path) -> Options {
    match std::fs::read_to_string(case.join("options.json")) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => Options::default(),
    }
}

fn each(
    kind: &str,
    table: &[(Dialect, &str, &[Dialect])],
    extension: &str,
    make: impl Fn(&std::path::Path, Dialect, Dialect) -> String,
) {
    let mut failures = Vec::new();
    let mut listed = std::collections::BTreeSet::new();
    for (from, case, others) in table {
        let folder = support::golden().join(kind).join(support::name(*from)).join(case);
        listed.insert(folder.clone());
        for to in *others {
            let actual = make(&folder, *from, *to);
            let path = folder.join(format!("expected.{}.{extension}", support::name(*to)));
            listed.insert(path.clone());
            support::compare(&path, &actual, &mut failures);
        }
    }
    for dialect in std::fs::read_dir(support::golden().join(kind)).unwrap() {
        for case in std::fs::read_dir(dialect.unwrap().path()).unwrap() {
            let case = case.unwrap().path();
            assert!(listed.contains(&case), "{} is in no table", case.display());
            for file in std::fs::read_dir(&case).unwrap() {
                let file = file.unwrap().path();
                let expected = file.file_name().unwrap().to_string_lossy().starts_with("expected.");
                assert!(!expected || listed.contains(&file), "{} is in no table", file.display());
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn requests() {
    each("request", REQUESTS, "json", |folder, client, provider| {
        let options = options(folder);
        let model = match options.models.get(support::name(provider)) {
            Some(model) => model.as_str().unwrap(),
            None if provider == MESSAGES => "claude-sonnet-4-5",
            None => "gpt-4o",
        };
        let unsupported: Vec<&str> = options.unsupported.iter().map(String::as_str).collect();
        let options = RequestOptions {
            model,
            defaults: &options.defaults,
            extra_body: &options.extra_body,
            unsupported: &unsupported,
            drop_params: options.drop_params,
            additional_drop: &options.additional_drop,
            default_max_tokens: 4096,
        };
        let body = Bytes::from(std::fs::read(folder.join("input.json")).unwrap());
        let envelope = envelope::scan(&body).unwrap();
        match prepare(client, provider, &envelope, &options) {
            Ok(prepared) => {
                let body = String::from_utf8(prepared.pieces.concat()).unwrap();
                let dropped = serde_json::to_string(&prepared.dropped).unwrap();
                if client == provider {
                    // Every byte counts here, white space too.
                    format!("// dropped: {dropped}\n{body}")
                } else {
                    format!("// dropped: {dropped}\n{}\n", support::pretty(&body))
                }
            }
            Err(error) => format!("// {} refused: {error} (param: {:?})\n", error.status(), error.param()),
        }
    });
}

#[test]
fn responses() {
    each("response", RESPONSES, "json", |folder, provider, client| {
        let body = Bytes::from(std::fs::read(folder.join("input.json")).unwrap());
        let context = ResponseContext { model: "asked-for", id: "0123", created: 1_700_000_000 };
        let answer = response(provider, client, &body, &context).unwrap();
        let body = String::from_utf8(answer.pieces.concat()).unwrap();
        let body = if client == provider { body } else { support::pretty(&body) + "\n" };
        let facts = format!("{:?} {:?} {:?}", answer.id, answer.stop, answer.usage);
        format!("// {facts}\n// dropped: {:?}\n{body}", answer.dropped)
    });
}

#[test]
fn streams() {
    each("stream", STREAMS, "sse", |folder, provider, client| {
        let context = StreamContext {
            model: "asked-for",
            id: "0123",
            created: 1_700_000_000,
            client_wants_usage: options(folder).wants_usage,
        };
        let mut machine = Machine::new(provider, client, context).unwrap();
        let input = std::fs::read_to_string(folder.join("input.sse")).unwrap();
        let mut out = Vec::new();
        let mut end = End::UpstreamDone;
        for (name, data) in support::events(&input) {
            if machine.event(name, data.as_bytes(), &mut out).is_err() {
                end = End::Failed { status: 502, message: "the provider sent what cannot be read" };
                break;
            }
        }
        machine.finish(end, &mut out);
        let out = String::from_utf8(out).unwrap();
        format!(
            "{out}: id={:?} stop={:?} complete={} content={} chars={} error={:?}\n: usage={:?}\n",
            machine.response_id(),
            machine.stop(),
            machine.complete(),
            machine.saw_content(),
            machine.output_chars(),
            machine.error().map(|error| &error.message),
            machine.usage(),
        )
    });
}
