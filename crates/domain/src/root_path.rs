//! The path under which everything is served, where Bulkhead shares a host with others.

use std::borrow::Cow;
use std::str::FromStr;

use thiserror::Error;

use crate::routes::RULES;

/// A path prefix such as `/llm`, without its last slash; empty for none.
///
/// What is asked beneath it is answered as if it stood alone. What is asked without it is answered too: by probes, by scrapers, by
/// proxies that take it off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootPath(String);

/// Longest prefix.
const BYTES_MAX: usize = 200;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidRootPath {
    #[error("a path prefix is `/` and words of letters, digits, `_` and `-`, such as /llm or /services/llm")]
    Form,
    #[error("`/{0}` is a path of the API itself; take another prefix, such as /llm")]
    Taken(String),
}

impl FromStr for RootPath {
    type Err = InvalidRootPath;

    fn from_str(text: &str) -> Result<Self, InvalidRootPath> {
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self::default());
        }
        let words = text.strip_prefix('/').ok_or(InvalidRootPath::Form)?;
        if text.len() > BYTES_MAX || !words.split('/').all(is_word) {
            return Err(InvalidRootPath::Form);
        }
        let first = words.split('/').next().unwrap_or_default();
        match RULES.iter().any(|rule| rule.path.split('/').nth(1) == Some(first)) {
            true => Err(InvalidRootPath::Taken(first.to_owned())),
            false => Ok(Self(text.to_owned())),
        }
    }
}

/// Nothing that a page, a script or an ingress would read in a way of its own.
fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

impl RootPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// `path` as it is named outside.
    pub fn outside(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// What of a path, or of a path with its query, lies beneath the prefix; `None` where nothing is to be taken off.
    pub fn beneath<'a>(&self, target: &'a str) -> Option<Cow<'a, str>> {
        let rest = target.strip_prefix(self.0.as_str()).filter(|_| !self.is_none())?;
        match rest.bytes().next() {
            Some(b'/') => Some(Cow::Borrowed(rest)),
            None | Some(b'?') => Some(Cow::Owned(format!("/{rest}"))),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> RootPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_is_taken_off_whole_words() {
        let root = root("/services/llm/");
        assert_eq!(root.as_str(), "/services/llm");
        for (target, beneath) in [
            ("/services/llm/v1/models?a=b", Some("/v1/models?a=b")),
            ("/services/llm", Some("/")),
            ("/services/llm?a", Some("/?a")),
            ("/services/llm/", Some("/")),
            ("/services/llmx/v1", None),
            ("/v1/models", None),
            ("/", None),
        ] {
            assert_eq!(root.beneath(target).as_deref(), beneath, "{target}");
        }
        assert_eq!(root.outside("/ui/"), "/services/llm/ui/");
    }

    #[test]
    fn none_takes_nothing_off() {
        for text in ["", "/"] {
            assert!(root(text).is_none());
            assert_eq!(root(text).beneath("/v1/models"), None);
            assert_eq!(root(text).outside("/ui/"), "/ui/");
        }
    }

    #[test]
    fn what_cannot_be_a_prefix_is_refused() {
        for text in ["llm", "//evil.example", "/a//b", "/a b", "/\"x", "/a/..", "/a.b", "/%2e", "/ä"] {
            assert_eq!(text.parse::<RootPath>(), Err(InvalidRootPath::Form), "{text}");
        }
        for text in ["/v1", "/ui/x", "/health", "/metrics/"] {
            assert!(matches!(text.parse::<RootPath>(), Err(InvalidRootPath::Taken(_))), "{text}");
        }
    }
}
