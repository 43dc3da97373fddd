use super::names::{self, Kind, Name};

const HEAD: &str = "\
# Metrics

<!-- Made from crates/telemetry/src/metrics/names.rs; `UPDATE_DOCS=1` with the tests of bulkhead-telemetry
     rewrites this page. -->

`GET /metrics` of a gateway answers in the OpenMetrics text format. `model` is the name under which the
configuration lists a model (a wildcard stays a wildcard), so that clients cannot make up new series; no
metric carries a key or a user.

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
";

/// `docs/metrics.md`.
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    for name in names::all() {
        page.push_str(&row(name));
    }
    page
}

fn row(name: &Name) -> String {
    let kind = match name.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels = name.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    format!("| `{}` | {kind} | {labels} | {} |\n", name.name, name.help)
}
