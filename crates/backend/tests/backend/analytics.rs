use std::time::Duration;

use domain::Status;
use kit::KeyHash;
use serde_json::{Value, json};

use crate::support::{App, NOW, backends, call};

const HOUR: Duration = Duration::from_secs(3600);
/// 2026-01-31T08:00:00Z is now.
const DAYS: &str = "start_date=2026-01-29&end_date=2026-01-31";

/// Today: a dear call of one key and a failed one of another; yesterday: two of the master key, one by another model.
async fn seed(app: &App) -> (String, String) {
    let (one, two) = (app.key(json!({"user_id": "ada"})).await, app.key(json!({"user_id": "bob"})).await);
    let mut failed = call(2, Some(&two), 2 * HOUR, 0);
    failed.outcome.status = Status::UpstreamError;
    failed.intent.user_id = Some("bob".into());
    let mut other = call(4, None, 25 * HOUR, 70);
    other.intent.model = "claude-opus".into();
    other.intent.provider = "anthropic".into();
    other.intent.tags = vec!["blue".into(), "red".into()];
    let events = [call(1, Some(&one), HOUR, 1_000), failed, call(3, None, 24 * HOUR, 7), other];
    app.store.ledger().ship(&events, NOW).await.unwrap();
    (one, two)
}

async fn ask(app: &App, more: &str) -> Value {
    app.get(&format!("/analytics/usage?{DAYS}{more}")).await.ok()
}

fn spends(points: &Value) -> Vec<(String, i64)> {
    let points = points.as_array().unwrap().iter();
    points
        .map(|point| {
            (point["at"].as_str().unwrap().to_owned(), point["metrics"]["spend_nano"].as_i64().unwrap())
        })
        .collect()
}

fn groups(usage: &Value) -> Vec<(Value, i64)> {
    let groups = usage["groups"].as_array().unwrap().iter();
    groups.map(|group| (group["names"].clone(), group["metrics"]["spend_nano"].as_i64().unwrap())).collect()
}

backends! {
    async fn usage_has_a_total_and_a_course(app: App) {
        seed(&app).await;
        let usage = ask(&app, "").await;
        for (field, value) in [
            ("spend_nano", json!(1_077)), ("requests", json!(4)), ("successes", json!(3)), ("failures", json!(1)),
            ("prompt_tokens", json!(40)), ("completion_tokens", json!(20)), ("total_tokens", json!(60)),
            ("mean_duration_ms", json!(250.0)),
        ] {
            assert_eq!(usage["total"][field], value, "{field}");
        }
        let day = |day: &str| format!("2026-01-{day}T00:00:00+00:00");
        assert_eq!(spends(&usage["series"]), [(day("29"), 0), (day("30"), 77), (day("31"), 1_000)]);
        assert_eq!((&usage["is_exact"], &usage["groups"], &usage["other"]), (&json!(true), &json!([]), &Value::Null));
    }

    async fn days_are_those_of_the_zone(app: App) {
        seed(&app).await;
        // 07:00 in UTC is 23:00 of the day before in Los Angeles.
        let usage = ask(&app, "&timezone=America/Los_Angeles").await;
        let day = |day: &str| format!("2026-01-{day}T00:00:00-08:00");
        assert_eq!(spends(&usage["series"]), [(day("29"), 70), (day("30"), 1_007), (day("31"), 0)]);
        let hours = app.get("/analytics/usage?start_date=2026-01-31&end_date=2026-01-31&step=hour").await.ok();
        assert_eq!(hours["series"].as_array().unwrap().len(), 24);
        assert_eq!(hours["series"][7]["metrics"]["spend_nano"], 1_000);
    }

    async fn groups_come_dearest_first_and_the_rest_together(app: App) {
        seed(&app).await;
        let usage = ask(&app, "&by=model&top=1&group_series=true").await;
        assert_eq!(groups(&usage), [(json!(["gpt-4o"]), 1_007)]);
        assert_eq!((&usage["other"]["spend_nano"], &usage["other"]["requests"]), (&json!(70), &json!(1)));
        let series = spends(&usage["groups"][0]["series"]);
        assert_eq!(series.iter().map(|(_, spend)| *spend).collect::<Vec<_>>(), [0, 7, 1_000]);
        let usage = ask(&app, "&by=provider,status").await;
        let expected = [
            (json!(["openai", "success"]), 1_007), (json!(["anthropic", "success"]), 70), (json!(["openai", "upstream_error"]), 0),
        ];
        assert_eq!(groups(&usage), expected);
        let usage = ask(&app, "&by=tag").await;
        assert_eq!(groups(&usage), [(json!(["blue"]), 1_077), (json!(["red"]), 70)]);
        assert_eq!(usage["other"], Value::Null);
    }

    async fn groups_have_their_other_names(app: App) {
        let (one, _) = seed(&app).await;
        app.post("/key/update", json!({"key": one, "key_alias": "the first"})).await.ok();
        let usage = ask(&app, "&by=key,model&top=2").await;
        assert_eq!((&usage["groups"][0]["labels"], &usage["groups"][1]["labels"]), (&json!(["the first", null]), &json!([null, null])));
    }

    async fn filters_hold_for_all_parts(app: App) {
        let (one, _) = seed(&app).await;
        let hash = KeyHash::of(&one).to_hex();
        for key in [one.as_str(), &hash] {
            let usage = ask(&app, &format!("&key={key}&by=model")).await;
            assert_eq!((groups(&usage), &usage["total"]["requests"]), (vec![(json!(["gpt-4o"]), 1_000)], &json!(1)));
        }
        let usage = ask(&app, "&model=claude-opus&compare=true").await;
        assert_eq!((&usage["total"]["spend_nano"], &usage["previous"]["spend_nano"]), (&json!(70), &json!(0)));
        let later = app.get("/analytics/usage?start_date=2026-01-31&end_date=2026-01-31&compare=true").await.ok();
        assert_eq!(later["previous"]["spend_nano"], 77);
    }

    async fn groups_are_held_against_the_time_before(app: App) {
        seed(&app).await;
        let later = app.get("/analytics/usage?start_date=2026-01-31&end_date=2026-01-31&by=model&compare=true").await.ok();
        let group = &later["groups"][0];
        assert_eq!((&group["names"], &group["metrics"]["spend_nano"], &group["previous"]["spend_nano"]), (&json!(["gpt-4o"]), &json!(1_000), &json!(7)));
        let pairs = app.get("/analytics/usage?start_date=2026-01-31&end_date=2026-01-31&by=model,status&compare=true").await.ok();
        let before = pairs["groups"].as_array().unwrap().iter().map(|group| &group["previous"]["requests"]).collect::<Vec<_>>();
        assert_eq!(before, [&json!(1), &json!(0)]);
        assert_eq!(ask(&app, "&by=model").await["groups"][0]["previous"], Value::Null);
    }

    async fn percentiles_are_told_where_they_are_counted(app: App) {
        seed(&app).await;
        let usage = ask(&app, "&by=model&percentiles=true").await;
        for latency in [&usage["latency"], &usage["groups"][0]["latency"], &usage["groups"][1]["latency"]] {
            let p95 = latency["duration_p95_ms"].as_f64().unwrap();
            assert!((p95 - 250.0).abs() < 25.0, "{latency}");
        }
        let by_key = ask(&app, "&by=key&percentiles=true").await;
        assert!(by_key["groups"][0]["latency"]["duration_p50_ms"].is_number());
        for more in ["&by=tag&percentiles=true", "&by=model,status&percentiles=true", "&by=model"] {
            assert_eq!(ask(&app, more).await["groups"][0]["latency"], Value::Null, "{more}");
        }
    }

    async fn a_month_is_told_before_it_is_over(app: App) {
        seed(&app).await;
        // It is the last day of January in UTC, and has seen a call.
        let forecast = &ask(&app, "&forecast=true").await["forecast"];
        assert_eq!((&forecast["month"], &forecast["days_left"]), (&json!("2026-01"), &json!(0)));
        let (spend, expected) = (forecast["spend"].as_f64().unwrap(), forecast["expected_spend"].as_f64().unwrap());
        assert_eq!((spend, expected), (1.077e-6, 1.077e-6));
        let of_model = &ask(&app, "&forecast=true&model=claude-opus").await["forecast"];
        assert_eq!((&of_model["spend"], &of_model["days_known"]), (&json!(7e-8), &json!(1)));
        // A day that costs 70 at the mean goes on as such.
        assert_eq!(of_model["expected_spend"], 1.4e-7);
        assert_eq!(ask(&app, "").await["forecast"], Value::Null);
    }

    async fn who_sees_only_their_own_is_kept_to_it(app: App) {
        let (_, two) = seed(&app).await;
        for more in ["", "&user=ada"] {
            let usage = app.get_as(&two, &format!("/analytics/usage?{DAYS}{more}")).await.ok();
            assert_eq!((&usage["total"]["requests"], &usage["total"]["failures"]), (&json!(1), &json!(1)), "{more}");
        }
    }

    async fn what_makes_no_sense_is_named(app: App) {
        for (more, param) in [
            ("&by=colour", "by"), ("&by=model,model", "by"), ("&by=team,customer", "by"), ("&top=0", "top"), ("&top=101", "top"),
            ("&timezone=Mars", "timezone"),
        ] {
            let (_, named, _) = app.get(&format!("/analytics/usage?{DAYS}{more}")).await.error(400);
            assert_eq!(named, json!(param), "{more}");
        }
        let unknown = app.get(&format!("/analytics/usage?{DAYS}&colour=red")).await;
        assert_eq!(unknown.status, 422);
        assert!(unknown.json().to_string().contains("colour"));
        assert_eq!(app.get("/analytics/usage?end_date=2026-01-31").await.status, 422);
    }
}
