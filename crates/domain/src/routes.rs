//! Which path belongs to which component: the single source for the front door, nginx, an Ingress
//! and the chart.

use Component::{Backend, Gateway, Ui};

/// A part of Bulkhead that answers HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    Gateway,
    Backend,
    Ui,
}

impl Component {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Backend => "backend",
            Self::Ui => "ui",
        }
    }

    /// The port that the role listens on unless told otherwise.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Gateway => 4000,
            Self::Backend => 4001,
            Self::Ui => 3000,
        }
    }
}

/// How a rule's path is compared with a request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    Exact,
    /// Whole path elements: `/ui` takes `/ui` and `/ui/keys`, not `/uikit`.
    Prefix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub path: &'static str,
    pub kind: Match,
    pub component: Component,
}

const fn exact(path: &'static str, component: Component) -> Rule {
    Rule { path, kind: Match::Exact, component }
}

const fn prefix(path: &'static str, component: Component) -> Rule {
    Rule { path, kind: Match::Prefix, component }
}

/// First match wins; what no rule takes belongs to the backend.
pub const RULES: &[Rule] = &[
    prefix("/v1/chat", Gateway),
    prefix("/chat", Gateway),
    prefix("/v1/completions", Gateway),
    prefix("/completions", Gateway),
    prefix("/v1/embeddings", Gateway),
    prefix("/embeddings", Gateway),
    prefix("/engines", Gateway),
    prefix("/openai", Gateway),
    prefix("/v1/messages", Gateway),
    prefix("/messages", Gateway),
    prefix("/v1/models", Gateway),
    prefix("/models", Gateway),
    exact("/health/liveness", Gateway),
    exact("/health/liveliness", Gateway),
    exact("/health/readiness", Gateway),
    prefix("/metrics", Gateway),
    exact("/", Ui),
    exact("/favicon.ico", Ui),
    prefix("/_next", Ui),
    prefix("/ui", Ui),
    prefix("/", Backend),
];

/// The component that answers `path`.
pub fn component_of(path: &str) -> Component {
    RULES.iter().find(|rule| rule.takes(path)).map_or(Component::Backend, |rule| rule.component)
}

impl Rule {
    pub fn takes(&self, path: &str) -> bool {
        match self.kind {
            Match::Exact => path == self.path,
            Match::Prefix => {
                let root = self.path.trim_end_matches('/');
                path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_gets_its_paths() {
        for (path, component) in [
            ("/v1/chat/completions", Gateway),
            ("/openai/deployments/gpt-4o/chat/completions", Gateway),
            ("/v1/messages/count_tokens", Gateway),
            ("/health/readiness", Gateway),
            ("/health", Backend),
            ("/health/latest", Backend),
            ("/key/generate", Backend),
            ("/v1/model/info", Backend),
            ("/spend/logs", Backend),
            ("/", Ui),
            ("/ui/keys/", Ui),
            ("/uikit", Backend),
            ("/_next/static/a.js", Ui),
        ] {
            assert_eq!(component_of(path), component, "{path}");
        }
    }
}
