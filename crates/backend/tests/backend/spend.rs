use std::time::Duration;

use domain::Status;
use kit::KeyHash;
use serde_json::{Value, json};

use crate::support::{App, NOW, backends, call, event_id};

const HOUR: Duration = Duration::from_secs(3600);

/// Two calls of one key today, one of the master key yesterday, one failed call of another key.
async fn seed(app: &App) -> (String, String) {
    let (one, two) = (app.key(json!({"key_alias": "one"})).await, app.key(json!({"key_alias": "two"})).await);
    let mut failed = call(4, Some(&two), HOUR, 0);
    failed.outcome.status = Status::UpstreamError;
    failed.outcome.http_status = 502;
    failed.outcome.error = Some("the provider broke off".into());
    failed.outcome.response_id = None;
    failed.intent.user_id = None;
    let events = [
        call(1, Some(&one), HOUR, 1_000_000),
        call(2, Some(&one), 2 * HOUR, 500_000),
        call(3, None, 24 * HOUR, 7),
        failed,
    ];
    app.store.ledger().ship(&events, NOW).await.unwrap();
    (one, two)
}

fn ids(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["litellm_call_id"].as_str().unwrap()).collect()
}

fn name(id: u128) -> String {
    format!("call-{}", event_id(id))
}

backends! {
    async fn logs_show_each_call(app: App) {
        let (one, two) = seed(&app).await;
        let rows = app.get("/spend/logs").await.ok();
        // Calls 1 and 4 began at the same time; then the higher id comes first.
        assert_eq!(ids(&rows), [name(4), name(1), name(2), name(3)]);
        let row = rows.as_array().unwrap().iter().find(|row| row["litellm_call_id"] == name(1)).unwrap();
        for (field, value) in [
            ("api_key", json!(KeyHash::of(&one).to_hex())),
            ("spend", json!(0.001)),
            ("spend_nano", json!(1_000_000)),
            ("prompt_tokens", json!(10)),
            ("completion_tokens", json!(5)),
            ("total_tokens", json!(15)),
            ("call_type", json!("acompletion")),
            ("status", json!("success")),
            ("startTime", json!("2026-01-31T07:00:00Z")),
            ("request_duration_ms", json!(250)),
            ("request_id", json!(format!("resp-{}", event_id(1)))),
            ("user", json!("ada")),
            ("end_user", json!("customer")),
            ("request_tags", json!(["blue"])),
            ("model_group", json!("smart")),
            ("custom_llm_provider", json!("openai")),
        ] {
            assert_eq!(row[field], value, "{field}");
        }
        let of_two = app.get(&format!("/spend/logs?api_key={two}")).await.ok();
        assert_eq!((ids(&of_two), &of_two[0]["status"]), (vec![name(4).as_str()], &json!("failure")));
        assert_eq!(of_two[0]["metadata"]["error_information"]["error_message"], "the provider broke off");
        assert_eq!(of_two[0]["metadata"]["outcome"], "upstream_error");
        for request in [name(2), format!("resp-{}", event_id(2)), event_id(2).to_string()] {
            assert_eq!(ids(&app.get(&format!("/spend/logs?request_id={request}")).await.ok()), [name(2)]);
        }
        let master = app.get("/spend/logs?api_key=litellm_proxy_master_key").await.ok();
        assert_eq!(ids(&master), [name(3)]);
    }

    async fn logs_come_in_pages(app: App) {
        seed(&app).await;
        let first = app.get("/spend/logs?page_size=3").await;
        assert_eq!((first.ok().as_array().unwrap().len(), first.header("x-bulkhead-next-page")), (3, Some("2")));
        let last = app.get("/spend/logs?page_size=3&page=2").await;
        assert_eq!((last.ok().as_array().unwrap().len(), last.header("x-bulkhead-next-page")), (1, None));
        let dates = "start_date=2026-01-31&end_date=2026-01-31&summarize=false";
        assert_eq!(app.get(&format!("/spend/logs?{dates}")).await.ok().as_array().unwrap().len(), 3);
    }

    async fn a_summary_has_every_day(app: App) {
        let (one, _) = seed(&app).await;
        let days = app.get("/spend/logs?start_date=2026-01-29&end_date=2026-01-31").await.ok();
        assert_eq!(days.as_array().unwrap().len(), 3);
        assert_eq!(days[0], json!({"startTime": "2026-01-29", "spend": 0.0, "users": {}, "models": {}}));
        assert_eq!(days[1]["spend"], 7e-9);
        assert_eq!(days[2]["startTime"], "2026-01-31");
        assert_eq!((&days[2]["spend"], &days[2]["models"]), (&json!(0.0015), &json!({"gpt-4o": 0.0015})));
        assert_eq!(days[2]["users"], json!({"ada": 0.0015, "": 0.0}));
        let query = format!("/spend/logs?start_date=2026-01-31&end_date=2026-01-31&api_key={one}");
        assert_eq!(app.get(&query).await.ok()[0][KeyHash::of(&one).to_hex()], 0.0015);
        for bad in [
            "start_date=2026-01-31&end_date=2026-01-30",
            "start_date=2020-01-31&end_date=2026-01-30",
            "start_date=yesterday&end_date=2026-01-30",
            "page_size=1001",
            "page=0",
        ] {
            app.get(&format!("/spend/logs?{bad}")).await.error(400);
        }
    }

    async fn a_key_sees_its_own_spend_only(app: App) {
        let (one, two) = seed(&app).await;
        let own = app.get_as(&two, &format!("/spend/logs?api_key={one}")).await.ok();
        assert_eq!(ids(&own), [name(4)]);
        let keys = app.get_as(&two, "/spend/keys").await.ok();
        assert_eq!((keys.as_array().unwrap().len(), &keys[0]["key_alias"]), (1, &json!("two")));
        let ada = app.key(json!({"user_id": "ada"})).await;
        assert_eq!(ids(&app.get_as(&ada, "/spend/logs").await.ok()).len(), 2);
    }

    async fn sums_of_the_last_month(app: App) {
        let (one, _) = seed(&app).await;
        assert_eq!(app.get("/global/spend").await.ok(), json!({"spend": 0.001500007, "max_budget": 0.0}));
        let days = app.get("/global/spend/logs").await.ok();
        assert_eq!(days, json!([{"date": "2026-01-30", "spend": 7e-9}, {"date": "2026-01-31", "spend": 0.0015}]));
        let of_one = app.get(&format!("/global/spend/logs?api_key={one}")).await.ok();
        assert_eq!(of_one, json!([{"date": "2026-01-31", "spend": 0.0015}]));
        let keys = app.get("/global/spend/keys?limit=2").await.ok();
        assert_eq!(keys.as_array().unwrap().len(), 2);
        assert_eq!((&keys[0]["key_alias"], &keys[0]["total_spend"]), (&json!("one"), &json!(0.0015)));
        assert_eq!(keys[1]["api_key"], "litellm_proxy_master_key");
        let models = app.get("/global/spend/models").await.ok();
        assert_eq!(models, json!([{"model": "gpt-4o", "total_spend": 0.001500007}]));
        let keys = app.get("/spend/keys").await.ok();
        assert_eq!((&keys[0]["key_alias"], &keys[0]["spend"]), (&json!("one"), &json!(0.0015)));
    }

    async fn the_overview_shows_today_and_the_period(app: App) {
        seed(&app).await;
        let day = app.get("/analytics/overview").await.ok();
        let today = &day["today"];
        assert_eq!((&today["spend"], &today["requests"], &today["errors"]), (&json!(0.0015), &json!(3), &json!(1)));
        assert_eq!((&today["prompt_tokens"], &today["completion_tokens"]), (&json!(30), &json!(15)));
        assert!((today["latency_p50_ms"].as_f64().unwrap() - 250.0).abs() < 25.0);
        let series = day["series"].as_array().unwrap();
        assert_eq!((series.len(), &series[23]["at"], &series[22]["requests"]), (24, &json!("2026-01-31T08:00:00Z"), &json!(2)));
        assert_eq!(day["top_models"], json!([{"model": "gpt-4o", "spend": 0.0015, "requests": 3, "tokens": 45}]));
        assert_eq!(day["top_keys"][0]["key_alias"], "one");
        assert_eq!(day["total"]["requests"], 3);

        let week = app.get("/analytics/overview?period=7d").await.ok();
        assert_eq!((week["series"].as_array().unwrap().len(), &week["total"]["requests"]), (7, &json!(4)));
        assert_eq!(week["series"][6]["at"], "2026-01-31T00:00:00Z");
        // At +14:00 it is 22:00 of the same day, and the day began at 10:00 UTC of the day before.
        let east = app.get("/analytics/overview?period=7d&timezone=-840").await.ok();
        assert_eq!((&east["series"][6]["at"], &east["today"]["requests"]), (&json!("2026-01-30T10:00:00Z"), &json!(3)));
        app.get("/analytics/overview?timezone=841").await.error(400);
        app.get("/analytics/overview?timezone=-9223372036854775808").await.error(400);
        assert_eq!(app.get("/analytics/overview?period=1y").await.status.as_u16(), 422);
    }

    async fn an_empty_house_has_an_overview_too(app: App) {
        let day = app.get("/analytics/overview").await.ok();
        assert_eq!((&day["today"]["requests"], &day["today"]["latency_p95_ms"]), (&json!(0), &Value::Null));
        assert_eq!((&day["top_models"], &day["top_keys"]), (&json!([]), &json!([])));
    }
}
