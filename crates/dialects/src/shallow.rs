//! A quick walk over JSON that comes from a provider and is passed on as it is: finds the members of one
//! level, steps over their values, checks no more than it must.

use std::ops::Range;

/// Not the shape of a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) struct Member<'a> {
    /// As written between its quotes.
    pub(crate) key: &'a [u8],
    /// Where its opening quote is.
    pub(crate) key_start: usize,
    pub(crate) value: Range<usize>,
}

/// The members of the object that starts at the first byte that is not white space.
pub(crate) struct Members<'a> {
    body: &'a [u8],
    at: usize,
    first: bool,
}

impl<'a> Members<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, Malformed> {
        let at = skip_space(body, 0);
        match body.get(at) {
            Some(b'{') => Ok(Self { body, at: at + 1, first: true }),
            _ => Err(Malformed),
        }
    }

    /// Goes on at the member whose key's opening quote is at `at`, of an object seen before.
    pub(crate) const fn resume(body: &'a [u8], at: usize) -> Self {
        Self { body, at, first: true }
    }

    /// Is there nothing behind the closing brace, at which the walk is, but white space?
    pub(crate) fn is_last(&self) -> bool {
        skip_space(self.body, self.at + 1) == self.body.len()
    }

    /// The next member, or `None` at the closing brace.
    pub(crate) fn next(&mut self) -> Result<Option<Member<'a>>, Malformed> {
        let body = self.body;
        let mut at = skip_space(body, self.at);
        match body.get(at) {
            Some(b'}') => {
                self.at = at;
                return Ok(None);
            }
            Some(b',') if !self.first => at = skip_space(body, at + 1),
            _ if self.first => {}
            _ => return Err(Malformed),
        }
        self.first = false;
        if body.get(at) != Some(&b'"') {
            return Err(Malformed);
        }
        let key_end = skip_string(body, at)?;
        let (key_start, colon) = (at, skip_space(body, key_end));
        if body.get(colon) != Some(&b':') {
            return Err(Malformed);
        }
        let start = skip_space(body, colon + 1);
        let end = skip_value(body, start)?;
        self.at = end;
        Ok(Some(Member { key: &body[at + 1..key_end - 1], key_start, value: start..end }))
    }
}

/// The byte range of a member's value, `null` counting as absent.
pub(crate) fn member(body: &[u8], key: &[u8]) -> Option<Range<usize>> {
    let mut members = Members::new(body).ok()?;
    while let Ok(Some(member)) = members.next() {
        if member.key == key {
            return Some(member.value.clone()).filter(|value| &body[value.clone()] != b"null");
        }
    }
    None
}

pub(crate) fn skip_space(body: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = body.get(at) {
        at += 1;
    }
    at
}

/// How far a string is searched byte by byte.
const NEAR_BYTES: usize = 16;

/// Behind the closing quote of the string whose opening quote is at `at`.
pub(crate) fn skip_string(body: &[u8], at: usize) -> Result<usize, Malformed> {
    let mut at = at + 1;
    // Most keys and many values are so short that a search is over before a vector one has begun.
    let near = body.get(at..).ok_or(Malformed)?;
    for (index, byte) in near.iter().take(NEAR_BYTES).enumerate() {
        match byte {
            b'"' => return Ok(at + index + 1),
            b'\\' => break,
            _ => {}
        }
    }
    loop {
        let rest = body.get(at..).ok_or(Malformed)?;
        let found = at + memchr::memchr2(b'"', b'\\', rest).ok_or(Malformed)?;
        if body[found] == b'"' {
            return Ok(found + 1);
        }
        at = found + 2;
    }
}

/// Behind the value that starts at `at`.
fn skip_value(body: &[u8], at: usize) -> Result<usize, Malformed> {
    match body.get(at) {
        Some(b'"') => skip_string(body, at),
        Some(b'{' | b'[') => skip_nested(body, at),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            let rest = &body[at..];
            let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            Ok(at + rest.iter().position(is_end).unwrap_or(rest.len()))
        }
        _ => Err(Malformed),
    }
}

fn skip_nested(body: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let mut depth = 0usize;
    loop {
        match body.get(at).ok_or(Malformed)? {
            b'"' => {
                at = skip_string(body, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Calls `seen` with the key and the JSON text of every string, number or literal in `body`, however
/// deep (elements of arrays under the key of their array). Stops at the first thing that is no JSON.
pub(crate) fn leaves<'a>(body: &'a [u8], mut seen: impl FnMut(&'a [u8], &'a [u8])) {
    let mut key: &[u8] = b"";
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        let end = match byte {
            b'"' => {
                let Ok(end) = skip_string(body, at) else { return };
                let next = skip_space(body, end);
                if body.get(next) == Some(&b':') {
                    key = &body[at + 1..end - 1];
                    at = next + 1;
                    continue;
                }
                end
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => match skip_value(body, at) {
                Ok(end) => end,
                Err(Malformed) => return,
            },
            _ => {
                at += 1;
                continue;
            }
        };
        seen(key, &body[at..end]);
        at = end;
    }
}

/// How many characters a JSON string stands for, an escape counted as one.
pub(crate) fn chars(string: &[u8]) -> u64 {
    let mut count = 0u64;
    let mut at = 1;
    let end = string.len().saturating_sub(1);
    while at < end {
        match string[at] {
            b'\\' if string.get(at + 1) == Some(&b'u') => at += 6,
            b'\\' => at += 2,
            byte => {
                at += 1;
                if byte & 0xC0 == 0x80 {
                    continue;
                }
            }
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(body: &str) -> Result<Vec<(String, String)>, Malformed> {
        let mut members = Members::new(body.as_bytes())?;
        let mut found = Vec::new();
        while let Some(member) = members.next()? {
            found.push((String::from_utf8_lossy(member.key).into_owned(), body[member.value].to_owned()));
        }
        Ok(found)
    }

    #[test]
    fn finds_the_members_of_one_level() {
        let body = r#" { "a" : {"b":"}\""} , "c":[1,"]"],"d":null , "e":-1.5e3 }"#;
        let found = keys(body).unwrap();
        let pairs: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", r#"{"b":"}\""}"#), ("c", r#"[1,"]"]"#), ("d", "null"), ("e", "-1.5e3")]);
    }

    #[test]
    fn garbage_is_malformed() {
        for body in ["", "[]", "{", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":"x"#, r#"{"a":1 "b":2}"#, r#"{"a":{"#] {
            assert!(keys(body).is_err(), "{body}");
        }
    }

    #[test]
    fn leaves_carry_their_key() {
        let mut found = Vec::new();
        leaves(br#"{"a":[{"content":"x\"y"},{"n":null}],"t":["p","q"]}"#, |key, leaf| {
            found.push(format!("{}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(leaf)));
        });
        assert_eq!(found, [r#"content="x\"y""#, "n=null", r#"t="p""#, r#"t="q""#]);
    }

    #[test]
    fn an_escape_is_one_character() {
        assert_eq!(chars(br#""a\"b""#), 3);
        assert_eq!(chars(r#""äé""#.as_bytes()), 2);
        assert_eq!(chars(br#""\u00e4""#), 1);
    }
}
