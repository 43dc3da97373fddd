//! Content parts of chat messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::DialectError;
use crate::hub::{Part, PartKind, Source};
use crate::read::{Notes, Object, Path, ReadError, elements, text};

/// `content` of a message: absent, a string, or an array of parts.
pub(super) fn content<'a>(
    object: &mut Object<'a, '_>,
    notes: &mut Notes,
) -> Result<Vec<Part<'a>>, DialectError> {
    let Some(raw) = object.take("content") else { return Ok(Vec::new()) };
    let path = object.path.key("content");
    if let Some(text) = text(raw.get()) {
        return Ok(vec![Part { kind: PartKind::Text(text), cache: None, path: path.to_string() }]);
    }
    let list = elements(raw.get()).ok_or_else(|| ReadError::new(&path, "a string or an array of parts"))?;
    list.into_iter().enumerate().map(|(index, raw)| part(raw, &path.index(index), notes)).collect()
}

fn part<'a>(raw: &'a RawValue, path: &Path<'_>, notes: &mut Notes) -> Result<Part<'a>, DialectError> {
    if let Some(text) = text(raw.get()) {
        return Ok(Part { kind: PartKind::Text(text), cache: None, path: path.to_string() });
    }
    let mut object = Object::of(raw, path)?;
    let kind = object.required_text("type")?;
    let cache = object.take("cache_control");
    let kind = match kind.as_ref() {
        "text" => PartKind::Text(object.required_text("text")?),
        "refusal" => PartKind::Refusal(object.required_text("refusal")?),
        "image_url" => PartKind::Image { source: image(&mut object, notes)? },
        "file" => file(&mut object, notes)?,
        "thinking" | "redacted_thinking" => return crate::anthropic_messages::part(raw, path, notes),
        _ => return Ok(Part { kind: PartKind::Native { kind, raw }, cache: None, path: path.to_string() }),
    };
    object.finish(notes);
    Ok(Part { kind, cache, path: path.to_string() })
}

fn image<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<Source<'a>, DialectError> {
    let path = object.path.key("image_url");
    let raw = object.required("image_url", "an object with a `url`")?;
    if let Some(url) = text(raw.get()) {
        return source(url, &path);
    }
    let mut inner = Object::of(raw, &path)?;
    let url = inner.required_text("url")?;
    if inner.peek("detail").is_some_and(|raw| raw.get() == r#""auto""#) {
        inner.ignore(&["detail"]);
    }
    inner.ignore(&["format"]);
    inner.finish(notes);
    source(url, &path.key("url"))
}

/// A data URL's bytes, or an address.
fn source<'a>(url: Cow<'a, str>, path: &Path<'_>) -> Result<Source<'a>, DialectError> {
    if !url.starts_with("data:") {
        return Ok(Source::Url(url));
    }
    split_data_url(&url).map_or_else(
        || Err(ReadError::new(path, "an address or a data URL in base64").into()),
        |(media_type, data)| Ok(Source::Base64 { media_type, data }),
    )
}

fn split_data_url<'a>(url: &Cow<'a, str>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let comma = url.find(',')?;
    let media_type = url.get("data:".len()..comma)?.strip_suffix(";base64")?;
    let length = media_type.split(';').next().unwrap_or_default().len();
    Some((slice(url, 5, 5 + length), slice(url, comma + 1, url.len())))
}

/// A part of a string that stays borrowed where the string is.
fn slice<'a>(text: &Cow<'a, str>, start: usize, end: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(start..end).unwrap_or_default().to_owned()),
    }
}

fn file<'a>(object: &mut Object<'a, '_>, notes: &mut Notes) -> Result<PartKind<'a>, DialectError> {
    let path = object.path.key("file");
    let mut inner = Object::of(object.required("file", "an object")?, &path)?;
    let title = inner.text("filename")?;
    inner.ignore(&["format"]);
    let (data, id) = (inner.text("file_data")?, inner.text("file_id")?);
    inner.finish(notes);
    let source = match (data, id) {
        (Some(data), _) => source(data, &path.key("file_data"))?,
        (None, Some(id)) if id.starts_with("http://") || id.starts_with("https://") => Source::Url(id),
        (None, Some(id)) => Source::FileId(id),
        (None, None) => return Err(ReadError::new(&path, "a file with `file_data` or `file_id`").into()),
    };
    match source {
        Source::Base64 { media_type, data } if media_type.starts_with("image/") => {
            Ok(PartKind::Image { source: Source::Base64 { media_type, data } })
        }
        source => Ok(PartKind::Document { source, title }),
    }
}

/// A call that the model made in an earlier turn. Its arguments are JSON within a string.
pub(super) fn tool_call<'a>(
    raw: &'a RawValue,
    path: &Path<'_>,
    notes: &mut Notes,
) -> Result<Part<'a>, DialectError> {
    let mut object = Object::of(raw, path)?;
    let kind = object.text("type")?.unwrap_or(Cow::Borrowed("function"));
    if kind != "function" {
        notes.refuse(path);
    }
    let id = object.required_text("id")?;
    let cache = object.take("cache_control");
    let inner_path = path.key("function");
    let mut inner = Object::of(object.required("function", "an object")?, &inner_path)?;
    let name = inner.required_text("name")?;
    let input = arguments(inner.text("arguments")?, &inner_path.key("arguments"))?;
    inner.finish(notes);
    object.ignore(&["index", "provider_specific_fields"]);
    object.finish(notes);
    Ok(Part { kind: PartKind::ToolUse { id, name, input }, cache, path: path.to_string() })
}

fn arguments<'a>(
    arguments: Option<Cow<'a, str>>,
    path: &Path<'_>,
) -> Result<Cow<'a, RawValue>, DialectError> {
    let wrong = |_| DialectError::from(ReadError::new(path, "a string that holds a JSON object"));
    let arguments = arguments.unwrap_or_default();
    let input = match arguments {
        _ if arguments.trim().is_empty() => empty_object()?,
        Cow::Borrowed(text) => Cow::Borrowed(serde_json::from_str::<&RawValue>(text).map_err(wrong)?),
        Cow::Owned(text) => Cow::Owned(RawValue::from_string(text).map_err(wrong)?),
    };
    if input.get().starts_with('{') {
        return Ok(input);
    }
    Err(ReadError::new(path, "a string that holds a JSON object").into())
}

fn empty_object<'a>() -> Result<Cow<'a, RawValue>, DialectError> {
    let empty = serde_json::from_str::<&RawValue>("{}");
    empty.map(Cow::Borrowed).map_err(|error| DialectError::invalid("arguments", error.to_string()))
}
