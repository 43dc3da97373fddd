//! Where a request carries its key: the order and forms of the compatible surface.

use http::{HeaderMap, HeaderName, HeaderValue};

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented<'r> {
    Key(&'r str),
    /// An `Authorization` header of a form that holds no key.
    Malformed,
    Nothing,
}

/// Headers that carry a bare key, in the order in which they are looked at.
const BARE_KEY_HEADERS: [&str; 4] = ["api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"];

/// The header of one's own that carries keys, by name.
///
/// # Errors
/// When it is no header name.
pub fn key_header(name: &str) -> Result<HeaderName, http::header::InvalidHeaderName> {
    name.parse()
}

/// Finds the key; the first header that is present decides.
pub fn find<'r>(headers: &'r HeaderMap, own_header: Option<&HeaderName>) -> Presented<'r> {
    if let Some(name) = own_header {
        return headers.get(name).map_or(Presented::Nothing, |value| bearer_or_bare(value));
    }
    if let Some(value) = headers.get("x-litellm-api-key") {
        return bearer_or_bare(value);
    }
    if let Some(value) = headers.get(http::header::AUTHORIZATION) {
        return authorization(value);
    }
    BARE_KEY_HEADERS
        .iter()
        .find_map(|name| headers.get(*name))
        .map_or(Presented::Nothing, |value| value.to_str().map_or(Presented::Malformed, Presented::Key))
}

fn bearer_or_bare(value: &HeaderValue) -> Presented<'_> {
    let Ok(text) = value.to_str() else { return Presented::Malformed };
    Presented::Key(strip_scheme(text, "bearer").unwrap_or(text).trim())
}

fn authorization(value: &HeaderValue) -> Presented<'_> {
    let Ok(text) = value.to_str() else { return Presented::Malformed };
    let signed = || text.strip_prefix("AWS4-HMAC-SHA256 Credential=Bearer ").map(first_word);
    strip_scheme(text, "bearer")
        .or_else(|| strip_scheme(text, "basic"))
        .or_else(signed)
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map_or(Presented::Malformed, Presented::Key)
}

fn strip_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let (head, rest) = text.split_once(' ')?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn first_word(text: &str) -> &str {
    text.split(['/', ',', ' ']).next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&'static str, &'static str)]) -> String {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        match find(&headers, None) {
            Presented::Key(key) => key.into(),
            Presented::Malformed => "malformed".into(),
            Presented::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn each_source_is_read() {
        assert_eq!(found(&[("authorization", "Bearer sk-a")]), "sk-a");
        assert_eq!(found(&[("authorization", "bearer sk-a")]), "sk-a");
        assert_eq!(found(&[("authorization", "Basic sk-a")]), "sk-a");
        assert_eq!(
            found(&[("authorization", "AWS4-HMAC-SHA256 Credential=Bearer sk-a/2024/us-east-1")]),
            "sk-a"
        );
        for name in ["api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"] {
            assert_eq!(found(&[(name, "sk-a")]), "sk-a", "{name}");
        }
        assert_eq!(found(&[("x-litellm-api-key", "Bearer sk-a")]), "sk-a");
        assert_eq!(found(&[("x-litellm-api-key", "sk-a")]), "sk-a");
    }

    #[test]
    fn the_first_source_decides() {
        assert_eq!(found(&[("x-api-key", "sk-b"), ("authorization", "Bearer sk-a")]), "sk-a");
        assert_eq!(found(&[("authorization", "Bearer sk-a"), ("x-litellm-api-key", "sk-c")]), "sk-c");
    }

    #[test]
    fn what_holds_no_key_is_told_apart() {
        assert_eq!(found(&[]), "nothing");
        assert_eq!(found(&[("authorization", "sk-a")]), "malformed");
        assert_eq!(found(&[("authorization", "Bearer ")]), "malformed");
    }

    #[test]
    fn a_header_of_ones_own_replaces_all_others() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer sk-a"));
        let own = HeaderName::from_static("x-team-key");
        assert_eq!(find(&headers, Some(&own)), Presented::Nothing);
        headers.insert("x-team-key", HeaderValue::from_static("sk-b"));
        assert_eq!(find(&headers, Some(&own)), Presented::Key("sk-b"));
    }
}
