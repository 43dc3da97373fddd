//! What a path asks for. Kept as one match, so that a reader sees every data-plane path at once.

use std::borrow::Cow;

use domain::{Dialect, RootPath};
use http::{Method, Uri};
use percent_encoding::percent_decode_str;

/// What the gateway does with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// An inference call; `model` is the one named by the path, if the path names one.
    Inference {
        dialect: Dialect,
        /// The path as error messages name it, without `/v1`.
        label: &'static str,
        model: Option<String>,
    },
    CountTokens,
    ListModels,
    OneModel(String),
    Liveness,
    Readiness,
    Metrics,
    /// A data-plane path asked with the wrong method.
    WrongMethod {
        allow: &'static str,
    },
    /// Not a path of the data plane: for the front door, or nobody.
    Elsewhere,
}

/// Path suffixes that stand alone, under `/engines/{model}` and under `/openai/deployments/{model}`.
fn inference(suffix: &str) -> Option<(Dialect, &'static str)> {
    match suffix {
        "chat/completions" => Some((Dialect::OpenAiChat, "/chat/completions")),
        "completions" => Some((Dialect::OpenAiCompletions, "/completions")),
        "embeddings" => Some((Dialect::OpenAiEmbeddings, "/embeddings")),
        _ => None,
    }
}

/// What is asked beneath the path under which everything is served; `None` where it is asked without that.
pub fn beneath(root: &RootPath, uri: &Uri) -> Option<Uri> {
    root.beneath(uri.path_and_query()?.as_str())?.parse().ok()
}

/// `method` and `path` → what to do. `/v1` is optional where the compatible surface has it so.
pub fn find(method: &Method, path: &str) -> Route {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let route = by_path(path);
    let expected = match route {
        Route::Inference { .. } | Route::CountTokens => Method::POST,
        Route::Elsewhere => return route,
        _ => Method::GET,
    };
    match (&expected, method) {
        (expected, actual) if expected == actual => route,
        (&Method::GET, &Method::HEAD | &Method::OPTIONS) => route,
        (&Method::POST, _) => Route::WrongMethod { allow: "POST" },
        _ => Route::WrongMethod { allow: "GET" },
    }
}

fn by_path(path: &str) -> Route {
    match path {
        "/health/liveliness" | "/health/liveness" => return Route::Liveness,
        "/health/readiness" => return Route::Readiness,
        "/metrics" => return Route::Metrics,
        "/v1/models" | "/models" => return Route::ListModels,
        "/v1/messages/count_tokens" => return Route::CountTokens,
        "/v1/messages" => {
            return Route::Inference {
                dialect: Dialect::AnthropicMessages,
                label: "/v1/messages",
                model: None,
            };
        }
        _ => {}
    }
    let plain = path.strip_prefix("/v1").unwrap_or(path);
    if let Some(suffix) = plain.strip_prefix('/')
        && let Some((dialect, label)) = inference(suffix)
    {
        return Route::Inference { dialect, label, model: None };
    }
    if let Some(id) = plain.strip_prefix("/models/") {
        return Route::OneModel(decode(id));
    }
    path.strip_prefix("/engines/")
        .or_else(|| path.strip_prefix("/openai/deployments/"))
        .and_then(model_in_path)
        .unwrap_or(Route::Elsewhere)
}

/// `{model}/chat/completions`; a model name may itself hold slashes.
fn model_in_path(rest: &str) -> Option<Route> {
    ["/chat/completions", "/completions", "/embeddings"].iter().find_map(|suffix| {
        let model = rest.strip_suffix(suffix).filter(|model| !model.is_empty())?;
        let (dialect, label) = inference(&suffix[1..])?;
        Some(Route::Inference { dialect, label, model: Some(decode(model)) })
    })
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(model: Option<&str>) -> Route {
        Route::Inference {
            dialect: Dialect::OpenAiChat,
            label: "/chat/completions",
            model: model.map(Into::into),
        }
    }

    #[test]
    fn every_alias_finds_its_endpoint() {
        for path in ["/v1/chat/completions", "/chat/completions", "/chat/completions/"] {
            assert_eq!(find(&Method::POST, path), chat(None), "{path}");
        }
        for path in ["/openai/deployments/gpt-4o/chat/completions", "/engines/gpt-4o/chat/completions"] {
            assert_eq!(find(&Method::POST, path), chat(Some("gpt-4o")), "{path}");
        }
        assert_eq!(
            find(&Method::POST, "/engines/meta%2Fllama/x/chat/completions"),
            chat(Some("meta/llama/x"))
        );
        assert_eq!(find(&Method::GET, "/models/openai/gpt-4o"), Route::OneModel("openai/gpt-4o".into()));
        assert_eq!(find(&Method::GET, "/v1/models"), Route::ListModels);
        assert_eq!(find(&Method::POST, "/v1/messages/count_tokens"), Route::CountTokens);
    }

    #[test]
    fn what_is_not_ours_is_elsewhere() {
        for path in ["/", "/key/generate", "/ui/", "/v1/chat", "/v1/model/info"] {
            assert_eq!(find(&Method::POST, path), Route::Elsewhere, "{path}");
        }
    }

    #[test]
    fn a_wrong_method_names_the_right_one() {
        assert_eq!(find(&Method::GET, "/v1/chat/completions"), Route::WrongMethod { allow: "POST" });
        assert_eq!(find(&Method::POST, "/v1/models"), Route::WrongMethod { allow: "GET" });
        assert_eq!(find(&Method::HEAD, "/health/liveliness"), Route::Liveness);
    }
}
