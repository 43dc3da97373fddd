//! Reads bodies and queries; what does not fit is told field by field, as the surface does.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponseParts, ResponseParts};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::error::{ApiError, InvalidField};

/// Largest request body.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Longest list of names in a response header.
const HEADER_BYTES_MAX: usize = 1024;

/// Names the fields of a request that nothing here knows.
pub const IGNORED_FIELDS: HeaderName = HeaderName::from_static("x-bulkhead-ignored-fields");
/// Names the fields of a request that are kept and shown but have no effect yet.
pub const INACTIVE_FIELDS: HeaderName = HeaderName::from_static("x-bulkhead-inactive-fields");

/// A JSON object of a known shape.
pub struct Input<T> {
    pub value: T,
    /// The same as it was sent, which tells null from absent.
    pub raw: Map<String, Value>,
    pub ignored: Names,
}

/// Names of fields, told in a header when there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub header: HeaderName,
    pub names: Vec<String>,
}

impl IntoResponseParts for Names {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let mut list = self.names.join(", ");
        list.retain(|character| character.is_ascii_graphic() || character == ' ');
        list.truncate(HEADER_BYTES_MAX);
        if let (false, Ok(value)) = (list.is_empty(), HeaderValue::from_str(&list)) {
            response.headers_mut().insert(self.header, value);
        }
        Ok(response)
    }
}

/// Names those of `kept` that were sent with some effect in mind.
pub fn inactive<'n>(raw: &Map<String, Value>, kept: impl Iterator<Item = &'n &'n str>) -> Names {
    let sent = kept.filter(|name| raw.get(**name).is_some_and(has_effect));
    Names { header: INACTIVE_FIELDS, names: sent.map(|name| (*name).to_owned()).collect() }
}

/// Clients send many fields with an empty default.
pub fn has_effect(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// The fields of these names, as they were sent.
pub fn taken(raw: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let sent = names.iter().filter_map(|name| Some(((*name).to_owned(), raw.get(*name)?.clone())));
    sent.collect()
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await.map_err(|_| ApiError::too_large())?;
        parse(&body)
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<Input<T>, ApiError> {
    let invalid = |kind: &str, msg: String, input: Value| {
        ApiError::invalid(vec![InvalidField { kind: kind.into(), loc: vec!["body".into()], msg, input }])
    };
    // Some clients send no body at all where every field is optional.
    let body = if body.is_empty() { &Bytes::from_static(b"{}") } else { body };
    let document: Value = serde_json::from_slice(body)
        .map_err(|error| invalid("json_invalid", format!("JSON decode error: {error}"), Value::Null))?;
    let Value::Object(raw) = document else {
        let msg = "Input should be a valid dictionary or object to extract fields from";
        return Err(invalid("model_attributes_type", msg.into(), document));
    };
    // Postgres cannot store it in text, and no name has a use for it.
    if body.windows(6).any(|window| window == b"\\u0000") {
        let msg = "Input should not contain the NUL character";
        return Err(invalid("string_type", msg.into(), Value::Null));
    }
    Input::from_object(raw)
}

impl<T> Input<T> {
    /// For routes that know all their fields.
    ///
    /// # Errors
    /// 422 that names the first unknown field.
    pub fn refuse_unknown(&self) -> Result<(), ApiError> {
        let Some(name) = self.ignored.names.first() else { return Ok(()) };
        Err(ApiError::invalid(vec![InvalidField {
            kind: "extra_forbidden".into(),
            loc: vec!["body".into(), name.as_str().into()],
            msg: "Extra inputs are not permitted".into(),
            input: self.raw.get(name).cloned().unwrap_or_default(),
        }]))
    }
}

impl<T: DeserializeOwned> Input<T> {
    /// The same from an object that was read already.
    pub fn from_object(raw: Map<String, Value>) -> Result<Self, ApiError> {
        let mut ignored = Vec::new();
        let mut note = |path: serde_ignored::Path<'_>| ignored.push(path.to_string());
        let deserializer = serde_ignored::Deserializer::new(&raw, &mut note);
        let value = serde_path_to_error::deserialize(deserializer).map_err(|error| misfit(&raw, &error))?;
        Ok(Self { value, raw, ignored: Names { header: IGNORED_FIELDS, names: ignored } })
    }
}

/// Finds the value that did not fit and says what would.
fn misfit(raw: &Map<String, Value>, error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let text = error.inner().to_string();
    let mut loc = vec![Value::from("body")];
    let document = Value::Object(raw.clone());
    let input = locate(&document, error.path(), &mut loc).clone();
    let (kind, msg) = if let Some(field) = text.strip_prefix("missing field `") {
        loc.push(field.split('`').next().unwrap_or(field).into());
        ("missing", "Field required".to_owned())
    } else {
        expected(&text)
    };
    ApiError::invalid(vec![InvalidField { kind: kind.into(), loc, msg, input }])
}

fn locate<'v>(mut value: &'v Value, path: &Path, loc: &mut Vec<Value>) -> &'v Value {
    for segment in path.iter() {
        let next = match segment {
            Segment::Map { key } => {
                loc.push(key.as_str().into());
                value.get(key)
            }
            Segment::Seq { index } => {
                loc.push((*index).into());
                value.get(index)
            }
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        value = next.unwrap_or(value);
    }
    value
}

/// The surface's words for what the deserializer wanted to see.
fn expected(text: &str) -> (&'static str, String) {
    let wanted = text.rsplit("expected ").next().unwrap_or(text);
    let (kind, noun) = match wanted {
        wanted if wanted.starts_with("f64") => ("float_type", "number"),
        wanted if wanted.starts_with("i64") || wanted.starts_with("u32") => ("int_type", "integer"),
        wanted if wanted.contains("boolean") => ("bool_type", "boolean"),
        wanted if wanted.contains("string") => ("string_type", "string"),
        wanted if wanted.contains("sequence") => ("list_type", "list"),
        wanted if wanted.contains("map") => ("dict_type", "dictionary"),
        _ => return ("value_error", text.to_owned()),
    };
    (kind, format!("Input should be a valid {noun}"))
}

/// A query string of a known shape.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let invalid = |kind: &str, loc: Vec<Value>, msg: String| {
            ApiError::invalid(vec![InvalidField { kind: kind.into(), loc, msg, input: query.into() }])
        };
        if query.contains("%00") {
            let msg = "Input should not contain the NUL character".into();
            return Err(invalid("value_error", vec!["query".into()], msg));
        }
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let (kind, field, msg) = misfit_parameter(&error.path().to_string(), &error.inner().to_string());
            invalid(kind, vec!["query".into(), field.into()], msg)
        })
    }
}

/// What is wrong with which parameter, in the surface's words: a query holds nothing but text.
fn misfit_parameter(path: &str, text: &str) -> (&'static str, String, String) {
    let named = |rest: &str| rest.split('`').next().unwrap_or(rest).to_owned();
    if let Some(rest) = text.strip_prefix("missing field `") {
        return ("missing", named(rest), "Field required".into());
    }
    if let Some(rest) = text.strip_prefix("unknown field `") {
        let known = rest.split_once("expected ").map_or("no other", |(_, known)| known);
        return ("extra_forbidden", named(rest), format!("There is no such parameter: expected {known}"));
    }
    let (kind, msg) = match text {
        text if text.contains("digit") || text.contains("integer") || text.contains("number too") => {
            ("int_parsing", "Input should be a valid integer".to_owned())
        }
        text if text.contains("float") => ("float_parsing", "Input should be a valid number".to_owned()),
        text if text.contains("`true` or `false`") => {
            ("bool_parsing", "Input should be `true` or `false`".to_owned())
        }
        text => ("value_error", text.to_owned()),
    };
    (kind, path.to_owned(), msg)
}
