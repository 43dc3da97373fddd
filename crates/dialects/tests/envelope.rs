//! What a body may be, and how each that may not is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bulkhead_dialects::envelope::{TOP_LEVEL_FIELDS_MAX, scan};
use bulkhead_dialects::{Envelope, EnvelopeError, Field};
use bytes::Bytes;

fn read(body: &str) -> Result<Envelope, EnvelopeError> {
    scan(&Bytes::copy_from_slice(body.as_bytes()))
}

#[test]
fn what_is_asked_is_found() {
    let envelope = read(
        r#" {"model":"gpt-\u0034o","stream":true,"max_tokens":10,"max_completion_tokens":20,"user":"u\"1",
        "stream_options":{"include_usage":true},"messages":[],"n":3,"timeout":1.5,"tags":null} "#,
    )
    .unwrap();
    assert_eq!(envelope.model().unwrap(), "gpt-4o");
    assert!(envelope.stream() && envelope.wants_usage() && envelope.has(Field::Messages));
    assert_eq!(envelope.max_tokens(), Some(20));
    assert_eq!(envelope.text(Field::User).unwrap(), "u\"1");
    assert_eq!(envelope.choices(), 3);
    assert_eq!(envelope.number(Field::Timeout), Some(1.5));
    assert!(!envelope.has(Field::Tags), "null is absent");
    assert_eq!(&envelope.body()[envelope.span(Field::Tags).unwrap()], b"null");
}

#[test]
fn each_bad_body_has_its_own_error() {
    assert_eq!(read("").unwrap_err(), EnvelopeError::Empty);
    assert_eq!(read(" \n").unwrap_err(), EnvelopeError::Empty);
    for body in ["[]", "1", "null", r#""x""#] {
        assert_eq!(read(body).unwrap_err(), EnvelopeError::NotAnObject, "{body}");
    }
    for body in ["{", "nope", r#"{"a":1,}"#, r#"{"a":1} x"#, r#"{"a":01}"#, r#"{a:1}"#, r#"{"model":"\x"}"#] {
        assert!(matches!(read(body).unwrap_err(), EnvelopeError::NotJson(_)), "{body}");
    }
    let bytes = Bytes::from_static(b"{\"model\":\"\xff\"}");
    assert_eq!(scan(&bytes).unwrap_err(), EnvelopeError::NotUtf8 { at: 10 });
}

#[test]
fn a_field_cannot_be_smuggled_past_a_check() {
    assert_eq!(read(r#"{"model":"a","model":"b"}"#).unwrap_err(), EnvelopeError::Duplicate("model"));
    assert_eq!(read(r#"{"model":"a","mod\u0065l":"b"}"#).unwrap_err(), EnvelopeError::Duplicate("model"));
    assert!(read(r#"{"other":1,"other":2}"#).is_ok(), "fields that nobody inspects are the provider's");
}

#[test]
fn wrong_types_name_the_field() {
    for (body, field) in [
        (r#"{"model":1}"#, "model"),
        (r#"{"stream":"yes"}"#, "stream"),
        (r#"{"stream_options":[]}"#, "stream_options"),
        (r#"{"max_tokens":-1}"#, "max_tokens"),
        (r#"{"max_tokens":"10"}"#, "max_tokens"),
        (r#"{"n":1.5}"#, "n"),
    ] {
        assert_eq!(read(body).unwrap_err().field(), Some(field), "{body}");
    }
}

#[test]
fn nesting_may_be_deep_and_fields_many_but_not_endless() {
    let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert!(read(&deep).is_ok());
    let fields = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!(r#""f{n}":0"#)).collect();
        read(&format!("{{{}}}", list.join(",")))
    };
    assert!(fields(TOP_LEVEL_FIELDS_MAX).is_ok());
    assert_eq!(fields(TOP_LEVEL_FIELDS_MAX + 1).unwrap_err(), EnvelopeError::TooManyFields);
}
