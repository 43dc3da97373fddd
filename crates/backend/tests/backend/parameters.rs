use serde_json::{Value, json};

use crate::support::App;

async fn refusal(app: &App, path: &str) -> (Value, Value, String) {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 422, "{path}");
    let detail = &answer.json()["detail"][0];
    (detail["loc"].clone(), detail["type"].clone(), detail["msg"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_named() {
    let app = App::sqlite().await;
    for (path, field, kind, msg) in [
        ("/key/list?size=many", "size", "int_parsing", "Input should be a valid integer"),
        ("/key/list?page=", "page", "int_parsing", "Input should be a valid integer"),
        (
            "/key/list?return_full_object=7",
            "return_full_object",
            "bool_parsing",
            "Input should be `true` or `false`",
        ),
        ("/analytics/usage", "start_date", "missing", "Field required"),
    ] {
        assert_eq!(
            refusal(&app, path).await,
            (json!(["query", field]), json!(kind), msg.to_owned()),
            "{path}"
        );
    }
    let (loc, kind, msg) = refusal(&app, "/analytics/usage?from=2020-01-01").await;
    assert_eq!((loc, kind), (json!(["query", "from"]), json!("extra_forbidden")));
    assert!(msg.contains("`start_date`, `end_date`"), "{msg}");
}
