//! The route table (`domain::routes`) in the forms that others need.

use std::fmt::Write as _;

use domain::routes::{Component, Match, RULES, Rule};
use serde_json::json;

use crate::cli::RouteFormat;

const HTTP_ROUTE_MATCHES_MAX: usize = 8;

pub fn print(format: RouteFormat) -> String {
    match format {
        RouteFormat::Table => table(),
        RouteFormat::Json => json_list(),
        RouteFormat::Nginx => nginx(),
        RouteFormat::Ingress => ingress(),
        RouteFormat::Httproute => http_route(),
    }
}

const fn kind(rule: &Rule) -> &'static str {
    match rule.kind {
        Match::Exact => "exact",
        Match::Prefix => "prefix",
    }
}

fn table() -> String {
    let mut out = format!("{:<18} {:<7} component\n", "path", "match");
    for rule in RULES {
        let _ = writeln!(out, "{:<18} {:<7} {}", rule.path, kind(rule), rule.component.name());
    }
    out
}

fn json_list() -> String {
    let rules: Vec<_> = RULES
        .iter()
        .map(|rule| json!({"path": rule.path, "match": kind(rule), "component": rule.component.name()}))
        .collect();
    format!("{:#}\n", json!(rules))
}

/// nginx takes an exact location first and then the longest prefix, so the order does not matter; a
/// prefix rule becomes two locations, since nginx compares letters and not path elements.
fn nginx() -> String {
    let mut out = String::new();
    for rule in RULES {
        let target = rule.component.name();
        if rule.kind == Match::Exact || rule.path != "/" {
            let _ = writeln!(out, "location = {} {{ proxy_pass http://bulkhead_{target}; }}", rule.path);
        }
        if rule.kind == Match::Prefix {
            let path = rule.path.trim_end_matches('/');
            let _ = writeln!(out, "location {path}/ {{ proxy_pass http://bulkhead_{target}; }}");
        }
    }
    out
}

fn ingress() -> String {
    let mut out = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: bulkhead\nspec:\n  rules:\n    - http:\n        paths:\n",
    );
    for rule in RULES {
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
fn http_route() -> String {
    let mut out = String::from(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: bulkhead\nspec:\n  rules:\n",
    );
    for component in [Component::Gateway, Component::Ui, Component::Backend] {
        let own: Vec<_> = RULES.iter().filter(|rule| rule.component == component).collect();
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
            let text = print(format);
            for rule in RULES {
                assert!(text.contains(rule.path), "{} is missing", rule.path);
            }
        }
    }

    #[test]
    fn an_http_route_stays_within_what_the_gateway_api_takes() {
        let text = http_route();
        let rules: Vec<_> = text.split("- matches:").skip(1).collect();
        assert!(rules.len() <= 16, "{} rules", rules.len());
        assert!(rules.iter().all(|rule| rule.matches("- path:").count() <= HTTP_ROUTE_MATCHES_MAX));
        assert_eq!(text.matches("- path:").count(), RULES.len());
    }

    #[test]
    fn nginx_matches_whole_path_elements() {
        let text = nginx();
        assert!(text.contains("location = /ui { proxy_pass http://bulkhead_ui; }"));
        assert!(text.contains("location /ui/ { proxy_pass http://bulkhead_ui; }"));
        assert!(text.contains("location / { proxy_pass http://bulkhead_backend; }"));
        assert!(!text.contains("location /ui {"));
    }
}
