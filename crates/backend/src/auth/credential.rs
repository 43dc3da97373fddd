//! Where a request carries its key; the order is that of the compatible surface.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::refusal::AuthError;

/// The dashboard's cookie.
pub const SESSION_COOKIE: &str = "bulkhead_session";

/// Headers that carry a bare key, after `Authorization`.
const KEY_HEADERS: [&str; 4] = ["api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"];

#[derive(Debug, PartialEq, Eq)]
pub enum Credential {
    Key(String),
    /// Token of a dashboard session.
    Session(String),
}

/// What a request proves itself with. A key wins over the cookie.
pub fn credential(headers: &HeaderMap) -> Result<Credential, AuthError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    if let Some(value) = text("x-litellm-api-key") {
        return key(value.strip_prefix("Bearer ").unwrap_or(value));
    }
    if let Some(value) = text(AUTHORIZATION.as_str()) {
        return key(authorization(value).ok_or(AuthError::Malformed)?);
    }
    if let Some(value) = KEY_HEADERS.iter().find_map(|name| text(name)) {
        return key(value);
    }
    session_token(headers).map(Credential::Session).ok_or(AuthError::Missing)
}

fn key(text: &str) -> Result<Credential, AuthError> {
    let text = text.trim();
    if text.is_empty() { Err(AuthError::Malformed) } else { Ok(Credential::Key(text.into())) }
}

fn authorization(value: &str) -> Option<&str> {
    let aws = value.strip_prefix("AWS4-HMAC-SHA256 Credential=Bearer ");
    aws.map(|rest| rest.split('/').next().unwrap_or(rest))
        .or_else(|| ["Bearer ", "bearer ", "Basic "].iter().find_map(|scheme| value.strip_prefix(scheme)))
}

/// The token in the dashboard's cookie.
fn session_token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == SESSION_COOKIE).map(|(_, token)| token.to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Result<Credential, AuthError> {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        credential(&pairs.collect())
    }

    #[test]
    fn keys_come_in_many_headers() {
        for headers in [
            &[("authorization", "Bearer sk-1")][..],
            &[("authorization", "bearer sk-1")],
            &[("authorization", "Basic sk-1")],
            &[("authorization", "AWS4-HMAC-SHA256 Credential=Bearer sk-1/2026/x")],
            &[("x-litellm-api-key", "Bearer sk-1"), ("authorization", "Bearer sk-2")],
            &[("x-litellm-api-key", "sk-1")],
            &[("api-key", "sk-1"), ("x-api-key", "sk-2")],
            &[("x-goog-api-key", "sk-1"), ("cookie", "bulkhead_session=t")],
        ] {
            assert_eq!(of(headers).unwrap(), Credential::Key("sk-1".into()), "{headers:?}");
        }
    }

    #[test]
    fn without_a_key_the_cookie_counts() {
        let session = of(&[("cookie", "a=b; bulkhead_session=t; c=d")]);
        assert_eq!(session.unwrap(), Credential::Session("t".into()));
    }

    #[test]
    fn what_is_missing_and_what_is_malformed_differ() {
        assert!(matches!(of(&[]), Err(AuthError::Missing)));
        for bad in ["sk-1", "Bearer ", "Digest sk-1", ""] {
            assert!(matches!(of(&[("authorization", bad)]), Err(AuthError::Malformed)), "{bad}");
        }
    }
}
