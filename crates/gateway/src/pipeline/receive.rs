//! Stage 1: the head of the request. Nothing of the body is read yet.

use std::net::IpAddr;
use std::time::Duration;

use domain::Dialect;
use http::{HeaderMap, HeaderName, Uri, request};
use kit::Timestamp;

use crate::names;
use crate::worker::Worker;

/// Longest call id that a client may choose; a longer or odd one is replaced by ours.
const CALL_ID_BYTES_MAX: usize = 128;
/// Longest piece of free text of a request (user agent, session) that the ledger keeps.
const NOTE_BYTES_MAX: usize = 256;
/// Most tags of one request that are kept.
const TAGS_MAX: usize = 32;

/// A request whose head is known.
pub struct Received {
    pub call_id: Box<str>,
    pub started_at: Timestamp,
    /// On the clock that never goes back, for durations.
    pub started: Duration,
    pub dialect: Dialect,
    /// The path as error messages name it.
    pub label: &'static str,
    /// The model that the path names, if it names one.
    pub path_model: Option<String>,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub peer: Option<IpAddr>,
}

pub fn receive(
    worker: &Worker,
    head: request::Parts,
    peer: Option<IpAddr>,
    dialect: Dialect,
    label: &'static str,
    path_model: Option<String>,
) -> Received {
    Received {
        call_id: call_id(worker, &head.headers),
        started_at: worker.core.clock.now(),
        started: worker.core.clock.monotonic(),
        dialect,
        label,
        path_model,
        uri: head.uri,
        headers: head.headers,
        peer,
    }
}

/// The client's own call id when it sent a usable one, else a new one.
pub fn call_id(worker: &Worker, headers: &HeaderMap) -> Box<str> {
    let own = text(headers, &names::CALL_ID).filter(|id| {
        !id.is_empty() && id.len() <= CALL_ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic())
    });
    own.map_or_else(|| worker.new_id().to_string().into(), Into::into)
}

pub fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

impl Received {
    /// A header as a note in the ledger, cut to its bound.
    pub fn note(&self, name: &HeaderName) -> Option<Box<str>> {
        let text = text(&self.headers, name).filter(|text| !text.is_empty())?;
        Some(cut(text, NOTE_BYTES_MAX).into())
    }

    pub fn seconds(&self, name: &HeaderName) -> Option<Duration> {
        let seconds = text(&self.headers, name)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
    }

    pub fn number(&self, name: &HeaderName) -> Option<u32> {
        text(&self.headers, name)?.trim().parse().ok()
    }

    pub fn tags(&self) -> impl Iterator<Item = Box<str>> {
        text(&self.headers, &names::TAGS)
            .unwrap_or("")
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .take(TAGS_MAX)
            .map(|tag| cut(tag, NOTE_BYTES_MAX).into())
    }
}

/// At most `bytes_max` bytes of `text`, whole characters.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("héllo", 2), "h");
        assert_eq!(cut("héllo", 3), "hé");
        assert_eq!(cut("hi", 9), "hi");
    }
}
