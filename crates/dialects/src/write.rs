//! Writing JSON objects member by member, and SSE frames.

use serde::Serialize;

/// `value` as JSON. Only used with types of this crate, whose serialisation cannot fail; were it to,
/// the answer is `null`.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

pub(crate) fn json_into<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

/// A JSON object in the making.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes the key and gives the buffer for its value.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        json_into(self.out, key);
        self.out.push(b':');
        self.out
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        json_into(self.key(key), value);
    }

    pub(crate) fn put_some<T: Serialize>(&mut self, key: &str, value: &Option<T>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    pub(crate) fn object(&mut self, key: &str) -> Object<'_> {
        Object::open(self.key(key))
    }

    pub(crate) fn array(&mut self, key: &str) -> Array<'_> {
        Array::open(self.key(key))
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}

/// A JSON array in the making.
pub(crate) struct Array<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Array<'o> {
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, empty: true }
    }

    /// The buffer for the next element.
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out
    }

    pub(crate) fn object(&mut self) -> Object<'_> {
        Object::open(self.next())
    }

    pub(crate) fn close(self) {
        self.out.push(b']');
    }
}

/// Writes one SSE event. Line breaks within `data` (white space of JSON) become lines of their own, as
/// the format asks for.
pub(crate) fn sse(out: &mut Vec<u8>, event: Option<&str>, data: &[u8]) {
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    sse_data(out, data);
    out.push(b'\n');
}

fn sse_data(out: &mut Vec<u8>, mut data: &[u8]) {
    loop {
        let end = memchr::memchr2(b'\n', b'\r', data);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&data[..end.unwrap_or(data.len())]);
        out.push(b'\n');
        match end {
            Some(end) => data = &data[end + 1..],
            None => return,
        }
    }
}

/// An id with the prefix that the dialect's own ids have.
pub(crate) fn prefixed(prefix: &str, id: &str) -> String {
    if id.starts_with(prefix) { id.to_owned() } else { format!("{prefix}{id}") }
}

/// The frame that ends a stream of the OpenAI dialects.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_arrays_nest() {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.put("a", &1);
        let mut list = object.array("b");
        list.object().close();
        json_into(list.next(), "x\"");
        list.close();
        object.put_some("c", &None::<u64>);
        object.close();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":1,"b":[{},"x\""]}"#);
    }

    #[test]
    fn a_line_break_within_data_stays_one_event() {
        let mut out = Vec::new();
        sse(&mut out, Some("e"), b"{\n}");
        assert_eq!(out, b"event: e\ndata: {\ndata: }\n\n");
    }
}
