//! The route table (`domain::routes`) in the forms that others need.

use std::fmt::Write as _;

use domain::RootPath;
use domain::routes::{Component, Match, RULES, Rule};
use serde_json::json;

use crate::cli::RouteFormat;

const HTTP_ROUTE_MATCHES_MAX: usize = 8;

pub fn print(format: RouteFormat, root: &RootPath) -> String {
    let rules: Vec<_> = RULES.iter().flat_map(|rule| place(rule, root)).collect();
    match format {
        RouteFormat::Table => table(&rules),
        RouteFormat::Json => json_list(&rules),
        RouteFormat::Nginx => nginx(&rules, &root.outside("/")),
        RouteFormat::Ingress => ingress(&rules),
        RouteFormat::Httproute => http_route(&rules),
    }
}

/// A rule beneath the path under which everything is served.
struct Placed {
    path: String,
    kind: Match,
    component: Component,
}

impl Placed {
    const fn kind(&self) -> &'static str {
        match self.kind {
            Match::Exact => "exact",
            Match::Prefix => "prefix",
        }
    }
}

/// The root itself may be asked with and without its last slash.
fn place(rule: &Rule, root: &RootPath) -> Vec<Placed> {
    let placed = |path: String| Placed { path, kind: rule.kind, component: rule.component };
    match (rule.path, rule.kind) {
        ("/", Match::Exact) if !root.is_none() => {
            vec![placed(root.as_str().to_owned()), placed(root.outside("/"))]
        }
        ("/", Match::Prefix) if !root.is_none() => vec![placed(root.as_str().to_owned())],
        _ => vec![placed(root.outside(rule.path))],
    }
}

fn table(rules: &[Placed]) -> String {
    let width = rules.iter().map(|rule| rule.path.len()).max().unwrap_or_default();
    let mut out = format!("{:<width$} {:<7} component\n", "path", "match");
    for rule in rules {
        let _ = writeln!(out, "{:<width$} {:<7} {}", rule.path, rule.kind(), rule.component.name());
    }
    out
}

fn json_list(rules: &[Placed]) -> String {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| json!({"path": rule.path, "match": rule.kind(), "component": rule.component.name()}))
        .collect();
    format!("{:#}\n", json!(rules))
}

/// nginx takes an exact location first and then the longest prefix, so the order does not matter; a
/// prefix rule becomes two locations, since nginx compares letters and not path elements.
fn nginx(rules: &[Placed], root: &str) -> String {
    let mut out = String::new();
    for rule in rules {
        let target = rule.component.name();
        // The root itself is the dashboard's, by a rule of its own.
        if rule.kind == Match::Exact || rule.path.trim_end_matches('/') != root.trim_end_matches('/') {
            let _ = writeln!(out, "location = {} {{ proxy_pass http://bulkhead_{target}; }}", rule.path);
        }
        if rule.kind == Match::Prefix {
            let path = rule.path.trim_end_matches('/');
            let _ = writeln!(out, "location {path}/ {{ proxy_pass http://bulkhead_{target}; }}");
        }
    }
    out
}

fn ingress(rules: &[Placed]) -> String {
    let mut out = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: bulkhead\nspec:\n  rules:\n    - http:\n        paths:\n",
    );
    for rule in rules {
        let path_type = if rule.kind == Match::Exact { "Exact" } else { "Prefix" };
        let _ = write!(
            out,
            "          - path: {}\n            pathType: {path_type}\n            backend:\n              service:\n                name: bulkhead-{}\n                port:\n                  name: http\n",
            rule.path,
            rule.component.name()
        );
    }
    out
}

/// A route of the Gateway API takes 16 rules with 8 matches each (in its first version), and lets the most specific
/// match win whatever the order: so each component has its paths in as few rules as that allows.
fn http_route(rules: &[Placed]) -> String {
    let mut out = String::from(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: bulkhead\nspec:\n  rules:\n",
    );
    for component in [Component::Gateway, Component::Ui, Component::Backend] {
        let own: Vec<_> = rules.iter().filter(|rule| rule.component == component).collect();
        for rules in own.chunks(HTTP_ROUTE_MATCHES_MAX) {
            out.push_str("    - matches:\n");
            for rule in rules {
                let path_type = if rule.kind == Match::Exact { "Exact" } else { "PathPrefix" };
                let _ = write!(
                    out,
                    "        - path:\n            type: {path_type}\n            value: {}\n",
                    rule.path
                );
            }
            let _ = write!(
                out,
                "      backendRefs:\n        - name: bulkhead-{}\n          port: {}\n",
                component.name(),
                component.default_port(),
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_every_rule() {
        for format in [
            RouteFormat::Table,
            RouteFormat::Json,
            RouteFormat::Nginx,
            RouteFormat::Ingress,
            RouteFormat::Httproute,
        ] {
            let text = print(format, &RootPath::default());
            for rule in RULES {
                assert!(text.contains(rule.path), "{} is missing", rule.path);
            }
        }
    }

    #[test]
    fn an_http_route_stays_within_what_the_gateway_api_takes() {
        let text = print(RouteFormat::Httproute, &"/llm".parse().unwrap());
        let rules: Vec<_> = text.split("- matches:").skip(1).collect();
        assert!(rules.len() <= 16, "{} rules", rules.len());
        assert!(rules.iter().all(|rule| rule.matches("- path:").count() <= HTTP_ROUTE_MATCHES_MAX));
        assert_eq!(text.matches("- path:").count(), RULES.len() + 1);
    }

    #[test]
    fn nginx_matches_whole_path_elements() {
        let text = print(RouteFormat::Nginx, &RootPath::default());
        assert!(text.contains("location = /ui { proxy_pass http://bulkhead_ui; }"));
        assert!(text.contains("location /ui/ { proxy_pass http://bulkhead_ui; }"));
        assert!(text.contains("location / { proxy_pass http://bulkhead_backend; }"));
        assert!(!text.contains("location /ui {"));
    }

    #[test]
    fn a_prefix_stands_before_every_path() {
        let text = print(RouteFormat::Nginx, &"/services/llm".parse().unwrap());
        for line in [
            "location = /services/llm { proxy_pass http://bulkhead_ui; }",
            "location = /services/llm/ { proxy_pass http://bulkhead_ui; }",
            "location /services/llm/v1/chat/ { proxy_pass http://bulkhead_gateway; }",
            "location /services/llm/ { proxy_pass http://bulkhead_backend; }",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
        }
        let ours = |line: &str| line.split(' ').any(|word| word.starts_with("/services/llm"));
        assert!(text.lines().all(ours), "{text}");
    }
}
