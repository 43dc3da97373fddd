//! The description that the dashboard's client is generated from is a reviewed file.

use std::fs;
use std::path::Path;

use serde_json::Value;

#[test]
fn the_snapshot_is_what_the_handlers_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/openapi.json");
    let document = bulkhead_backend::openapi_json();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&file, &document).unwrap();
    }
    let snapshot = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        snapshot == document,
        "ui/openapi.json is not what the handlers say: run `UPDATE_OPENAPI=1 cargo nextest run -p \
         bulkhead-backend the_snapshot`, look at the difference, and generate the dashboard's client anew"
    );
}

#[test]
fn every_operation_has_a_name_a_summary_and_an_answer() {
    let document: Value = serde_json::from_str(&bulkhead_backend::openapi_json()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "two operations are called `{name}`");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let mut statuses = operation["responses"].as_object().unwrap().keys();
            assert!(statuses.any(|status| status.starts_with('2')), "{method} {path} has no answer");
        }
    }
    assert!(names.len() >= 29, "{names:?}");
}
