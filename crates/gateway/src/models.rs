//! `GET /v1/models`: the names that the caller may send, in the form that its SDK reads.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use pricing::ModelInfo;
use routing::Group;
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

/// A name that the caller may send, and what answers to it.
type Named = (String, Option<Arc<Group>>);

pub fn list(core: &Core, caller: &Caller, headers: &HeaderMap) -> Response<Body> {
    let models = visible(core, caller);
    let body = if headers.contains_key("anthropic-version") {
        anthropic_list(core, &models)
    } else {
        let data: Vec<_> = models.iter().map(|model| entry(core, model)).collect();
        json!({"data": data, "object": "list"})
    };
    json_response(StatusCode::OK, &body)
}

pub fn one(core: &Core, caller: &Caller, headers: &HeaderMap, id: &str) -> Response<Body> {
    let group = core.routing.get().table.resolve(id, caller.team());
    if group.is_none() || check_access(core, caller, [id; 2], group.as_deref()).is_err() {
        let detail = format!("The model `{id}` does not exist, or this key may not call it");
        return json_response(StatusCode::NOT_FOUND, &json!({ "detail": detail }));
    }
    let model = (id.to_owned(), group);
    let body =
        if headers.contains_key("anthropic-version") { anthropic(core, &model) } else { entry(core, &model) };
    json_response(StatusCode::OK, &body)
}

fn visible(core: &Core, caller: &Caller) -> Vec<Named> {
    let (known, routing) = (core.prices.known_models(), core.routing.get());
    let names = routing.table.public_names(&known, caller.team()).into_iter();
    let named = names.map(|name| {
        let group = routing.table.resolve(&name, caller.team());
        (name, group)
    });
    let granted =
        named.filter(|(name, group)| check_access(core, caller, [name; 2], group.as_deref()).is_ok());
    granted.take(NAMES_MAX).collect()
}

fn info(core: &Core, group: Option<&Group>) -> Option<ModelInfo> {
    core.prices.info(group?)
}

fn entry(core: &Core, (name, group): &Named) -> Value {
    let mut entry = json!({"id": name, "object": "model", "created": CREATED, "owned_by": "openai"});
    let Some(info) = info(core, group.as_deref()) else { return entry };
    entry["mode"] = info.mode.as_str().into();
    if let Some(tokens) = info.max_input_tokens {
        entry["max_input_tokens"] = tokens.into();
    }
    if let Some(tokens) = info.max_output_tokens {
        entry["max_output_tokens"] = tokens.into();
    }
    entry
}

fn anthropic(core: &Core, (name, group): &Named) -> Value {
    let info = info(core, group.as_deref()).unwrap_or_default();
    json!({
        "type": "model", "id": name, "display_name": name, "created_at": CREATED_ISO,
        "max_input_tokens": info.max_input_tokens, "max_tokens": info.max_output_tokens,
    })
}

fn anthropic_list(core: &Core, models: &[Named]) -> Value {
    let data: Vec<_> = models.iter().map(|model| anthropic(core, model)).collect();
    let name = |model: Option<&Named>| model.map(|(name, _)| name.clone());
    json!({"data": data, "has_more": false, "first_id": name(models.first()), "last_id": name(models.last())})
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
