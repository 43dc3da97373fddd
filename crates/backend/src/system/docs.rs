use axum::response::{Html, IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;

use crate::openapi::{Operation, operations};

/// The page has no script, and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const HEAD: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Bulkhead control plane</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
details{border:1px solid #8884;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}
code{font:13px ui-monospace,monospace}b{display:inline-block;width:4.5em;font:600 12px ui-monospace,monospace}
pre{overflow:auto;background:#8881;padding:.6rem;border-radius:4px}h2{margin-top:2rem;text-transform:capitalize}
</style><h1>Bulkhead control plane</h1><p>Send <code>Authorization: Bearer &lt;key&gt;</code>. The same as data:
<a href="openapi.json">openapi.json</a>.</p>"#;

/// This description as a page.
#[utoipa::path(
    get, path = "/docs", tag = "meta", operation_id = "docs",
    responses((status = 200, description = "A page", content_type = "text/html")), security(()),
)]
pub async fn docs() -> Response {
    let mut page = HEAD.to_owned();
    let mut operations = operations();
    operations.sort_by(|a, b| (&a.tag, &a.path).cmp(&(&b.tag, &b.path)));
    let mut tag = String::new();
    for operation in &operations {
        if operation.tag != tag {
            tag.clone_from(&operation.tag);
            page.push_str(&format!("<h2>{}</h2>", escape(&tag)));
        }
        page.push_str(&entry(operation));
    }
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

fn entry(operation: &Operation) -> String {
    let Operation { method, path, summary, details, .. } = operation;
    format!(
        "<details><summary><b>{}</b><code>{}</code> {}</summary><pre><code>{}</code></pre></details>",
        escape(&method.to_uppercase()),
        escape(path),
        escape(summary),
        escape(details)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
