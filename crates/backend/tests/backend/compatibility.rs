//! The table of docs/compatibility.md: every management route of the surface that ordinary installations use, and
//! whether it is there. What is there is called, and answers as the document says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bulkhead_backend::roles::RULES;
use http::Method;
use serde_json::Value;

use crate::support::{App, MASTER};

/// Family, path, method and priority of each route: P0 is used in the first week, P1 is common in production.
const ROUTES: &str = include_str!("../data/routes.tsv");
/// Method, path and what differs.
const DIFFERENT: &str = include_str!("../data/routes_different.tsv");
const BEGINS: &str =
    "<!-- routes: made by `UPDATE_DOCS=1 cargo nextest run -p bulkhead-backend the_page` -->\n";
const ENDS: &str = "<!-- end of routes -->\n";

struct Route {
    family: &'static str,
    path: &'static str,
    method: &'static str,
    priority: &'static str,
}

fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().map(|line| line.split('\t').collect())
}

fn routes() -> Vec<Route> {
    lines(ROUTES)
        .map(|cells| Route { family: cells[0], path: cells[1], method: cells[2], priority: cells[3] })
        .collect()
}

/// Parameters of paths may have other names.
fn nameless(path: &str) -> String {
    let mut out = String::new();
    let mut is_name = false;
    for character in path.chars() {
        match character {
            '{' => (out.push('{'), is_name = true).1,
            '}' => (out.push('}'), is_name = false).1,
            other if !is_name => out.push(other),
            _ => {}
        }
    }
    out
}

fn served() -> BTreeMap<(String, String), &'static str> {
    RULES.iter().map(|rule| ((rule.method.to_owned(), nameless(rule.path)), rule.path)).collect()
}

fn table() -> String {
    let (served, routes) = (served(), routes());
    let different =
        lines(DIFFERENT).map(|cells| ((cells[0], cells[1]), cells[2])).collect::<BTreeMap<_, _>>();
    let names = routes.iter().map(|route| (route.method, route.path)).collect::<BTreeSet<_>>();
    let unknown = different.keys().filter(|name| !names.contains(*name)).collect::<Vec<_>>();
    assert!(unknown.is_empty(), "notes about routes that the list does not have: {unknown:?}");
    let is_there = |route: &Route| served.contains_key(&(route.method.into(), nameless(route.path)));
    let mut out = String::from(BEGINS);
    for priority in ["P0", "P1"] {
        let of = || routes.iter().filter(|route| route.priority == priority);
        let _ = write!(
            out,
            "\n{priority}: {} of {} routes are there.\n",
            of().filter(|route| is_there(route)).count(),
            of().count()
        );
    }
    out += "\n| family | route | | |\n| --- | --- | --- | --- |\n";
    for route in &routes {
        let note = different.get(&(route.method, route.path));
        let state = match (is_there(route), note) {
            (false, _) => "not yet".to_owned(),
            (true, None) => "there".to_owned(),
            (true, Some(why)) => format!("differs: {why}"),
        };
        let Route { family, path, method, priority } = route;
        let _ = writeln!(out, "| {family} | `{method} {path}` | {priority} | {state} |");
    }
    out + "\n" + ENDS
}

#[test]
fn the_page_about_compatibility_has_every_route() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let page = fs::read_to_string(&file).unwrap();
    let (head, rest) = page.split_once(BEGINS).expect("the page has no place for the table");
    let (_, tail) = rest.split_once(ENDS).expect("the table of the page has no end");
    let fresh = format!("{head}{}{tail}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &fresh).unwrap();
    }
    let page = fs::read_to_string(&file).unwrap();
    assert!(
        page == fresh,
        "docs/compatibility.md is stale: UPDATE_DOCS=1 cargo nextest run -p bulkhead-backend the_page"
    );
}

/// What the table calls there answers a call, with a status that the document has for it.
#[tokio::test]
async fn every_route_that_is_there_answers() {
    let app = App::sqlite().await;
    let document: Value = serde_json::from_str(&bulkhead_backend::openapi_json()).unwrap();
    let served = served();
    let mut called = 0;
    for route in routes() {
        let Some(path) = served.get(&(route.method.into(), nameless(route.path))) else { continue };
        let described = &document["paths"][path][route.method.to_lowercase()]["responses"];
        let bearer = format!("Bearer {MASTER}");
        let method = route.method.parse::<Method>().unwrap();
        let headers = [("authorization", bearer.as_str())];
        let answer = app.send(method, &path.replace(['{', '}'], ""), &headers, "{}").await;
        let status = answer.status.as_u16();
        assert!(
            described[status.to_string()].is_object(),
            "{} {path}: {status} {}",
            route.method,
            answer.text
        );
        assert!(!answer.text.contains(r#"{"detail":"Not Found"}"#), "{} {path} is not served", route.method);
        called += 1;
    }
    assert!(called >= 112, "{called}");
}
