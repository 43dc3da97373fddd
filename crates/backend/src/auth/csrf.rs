//! A cookie travels with every request a browser makes; a write counts only when our own page made it.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};

use super::refusal::AuthError;

/// Browsers say where a request comes from in `Sec-Fetch-Site`; over plain HTTP they leave it out, and
/// `Origin` tells. A page elsewhere can set neither, nor can it set `X-Forwarded-Host` without asking first.
pub fn check(method: &Method, headers: &HeaderMap) -> Result<(), AuthError> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && (host == text(HOST.as_str()) || host == text("x-forwarded-host"))
        }
        (None, None) => false,
    };
    if ours { Ok(()) } else { Err(AuthError::CrossSite) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn allows(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        check(&method, &pairs.collect()).is_ok()
    }

    #[test]
    fn reads_need_no_proof_and_writes_do() {
        assert!(allows(Method::GET, &[("sec-fetch-site", "cross-site")]));
        assert!(!allows(Method::POST, &[]));
    }

    #[test]
    fn a_write_must_come_from_our_own_page() {
        let host = ("host", "gw.example:4000");
        for (headers, allowed) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), host, ("origin", "http://gw.example:4000")], false),
            (&[host, ("origin", "http://gw.example:4000")], true),
            (&[host, ("origin", "http://gw.example:4001")], false),
            (&[host, ("origin", "http://evil.example")], false),
            (&[host, ("origin", "null")], false),
            (
                &[("host", "10.0.0.1"), ("x-forwarded-host", "gw.example"), ("origin", "https://gw.example")],
                true,
            ),
        ] {
            assert_eq!(allows(Method::POST, headers), allowed, "{headers:?}");
        }
    }
}
