use domain::Dialect;
use domain::providers::Wire;
use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::TargetError;

/// What the compatible surface uses when neither configuration nor environment names a version.
const AZURE_API_VERSION: &str = "2025-02-01-preview";
/// Unreserved characters of a path segment (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Paths that people paste along with the base URL.
const PASTED_PATHS: [&str; 4] = ["/chat/completions", "/completions", "/embeddings", "/v1/messages"];

/// The URL of each dialect that a deployment may be called in.
#[derive(Clone, Debug)]
pub(super) struct Urls {
    chat: Uri,
    completions: Uri,
    embeddings: Uri,
    messages: Uri,
}

impl Urls {
    pub(super) fn build(
        wire: Wire,
        base: &str,
        model: &str,
        api_version: Option<&str>,
    ) -> Result<Self, TargetError> {
        let prefix = Prefix::new(wire, base, model, api_version);
        Ok(Self {
            chat: prefix.join("/chat/completions")?,
            completions: prefix.join("/completions")?,
            embeddings: prefix.join("/embeddings")?,
            messages: prefix.join("/v1/messages")?,
        })
    }

    pub(super) fn of(&self, dialect: Dialect) -> Uri {
        let uri = match dialect {
            Dialect::OpenAiChat => &self.chat,
            Dialect::OpenAiCompletions => &self.completions,
            Dialect::OpenAiEmbeddings => &self.embeddings,
            Dialect::AnthropicMessages => &self.messages,
        };
        uri.clone()
    }
}

struct Prefix {
    path: String,
    query: Option<String>,
}

impl Prefix {
    fn new(wire: Wire, base: &str, model: &str, api_version: Option<&str>) -> Self {
        let (path, query) = match base.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (base, None),
        };
        let path = path.trim_end_matches('/');
        let path = PASTED_PATHS.iter().find_map(|pasted| path.strip_suffix(pasted)).unwrap_or(path);
        match wire {
            Wire::AzureOpenAi => azure(path, query, model, api_version),
            Wire::OpenAiBelowV1 if !path.ends_with("/v1") => Self { path: format!("{path}/v1"), query },
            Wire::Anthropic => Self { path: path.trim_end_matches("/v1").to_owned(), query },
            _ => Self { path: path.to_owned(), query },
        }
    }

    fn join(&self, suffix: &str) -> Result<Uri, TargetError> {
        let url = match &self.query {
            Some(query) => format!("{}{suffix}?{query}", self.path),
            None => format!("{}{suffix}", self.path),
        };
        Uri::try_from(url.as_str())
            .ok()
            .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some())
            .ok_or_else(|| TargetError::BadUrl { url: url.into() })
    }
}

/// Azure OpenAI: the model is part of the path, unless the base is of the newer `/openai/v1` API or names
/// its deployment already.
/// <https://learn.microsoft.com/azure/ai-services/openai/reference>
fn azure(path: &str, query: Option<String>, model: &str, api_version: Option<&str>) -> Prefix {
    if path.ends_with("/openai/v1") {
        let version = api_version.filter(|version| matches!(*version, "preview" | "latest"));
        return Prefix {
            path: path.to_owned(),
            query: query.or_else(|| version.map(|version| format!("api-version={version}"))),
        };
    }
    let version = utf8_percent_encode(api_version.unwrap_or(AZURE_API_VERSION), SEGMENT);
    let query =
        query.filter(|query| query.contains("api-version=")).unwrap_or(format!("api-version={version}"));
    if path.contains("/openai/deployments/") {
        return Prefix { path: path.to_owned(), query: Some(query) };
    }
    let deployment = utf8_percent_encode(model.trim_start_matches("o_series/"), SEGMENT);
    let root = path.trim_end_matches("/openai");
    Prefix { path: format!("{root}/openai/deployments/{deployment}"), query: Some(query) }
}
