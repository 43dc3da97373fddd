//! `GET /v1/models`: the names that the caller may send, in the form that its SDK reads.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::body::Body;
use crate::pipeline::admit::check_access;
use crate::pipeline::identify::Caller;
use crate::worker::Core;

/// The compatible surface gives every model this birthday (seconds since 1970).
const CREATED: i64 = 1_677_610_602;
const CREATED_ISO: &str = "2023-02-28T18:56:42Z";
/// Most names in one answer; a price book of thousands expands wildcards to fewer.
const NAMES_MAX: usize = 10_000;

pub fn list(core: &Core, caller: &Caller, headers: &HeaderMap) -> Response<Body> {
    let names = visible(core, caller);
    let body = if headers.contains_key("anthropic-version") {
        anthropic_list(core, &names)
    } else {
        let data: Vec<_> = names.iter().map(|name| entry(core, name)).collect();
        json!({"data": data, "object": "list"})
    };
    json_response(StatusCode::OK, &body)
}

pub fn one(core: &Core, caller: &Caller, headers: &HeaderMap, id: &str) -> Response<Body> {
    let visible =
        core.table.resolve(id).is_some_and(|group| check_access(caller, [id; 2], Some(&group)).is_ok());
    if !visible {
        let detail = format!("The model `{id}` does not exist, or this key may not call it");
        return json_response(StatusCode::NOT_FOUND, &json!({ "detail": detail }));
    }
    let body = if headers.contains_key("anthropic-version") { anthropic(core, id) } else { entry(core, id) };
    json_response(StatusCode::OK, &body)
}

fn visible(core: &Core, caller: &Caller) -> Vec<String> {
    let known = core.prices.known_models();
    let mut names = core.table.public_names(&known);
    names.retain(|name| check_access(caller, [name; 2], core.table.resolve(name).as_deref()).is_ok());
    names.truncate(NAMES_MAX);
    names
}

fn entry(core: &Core, name: &str) -> Value {
    let mut entry = json!({"id": name, "object": "model", "created": CREATED, "owned_by": "openai"});
    let Some(info) = core.prices.info(name, &core.table) else { return entry };
    entry["mode"] = info.mode.as_str().into();
    if let Some(tokens) = info.max_input_tokens {
        entry["max_input_tokens"] = tokens.into();
    }
    if let Some(tokens) = info.max_output_tokens {
        entry["max_output_tokens"] = tokens.into();
    }
    entry
}

fn anthropic(core: &Core, name: &str) -> Value {
    let info = core.prices.info(name, &core.table).unwrap_or_default();
    json!({
        "type": "model", "id": name, "display_name": name, "created_at": CREATED_ISO,
        "max_input_tokens": info.max_input_tokens, "max_tokens": info.max_output_tokens,
    })
}

fn anthropic_list(core: &Core, names: &[String]) -> Value {
    let data: Vec<_> = names.iter().map(|name| anthropic(core, name)).collect();
    json!({"data": data, "has_more": false, "first_id": names.first(), "last_id": names.last()})
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
