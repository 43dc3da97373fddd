//! Files of usage: whole, in the forms that the surface has, and let go of when nobody reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use kit::KeyHash;
use serde_json::{Value, json};

use crate::activity::{DAYS, seed};
use crate::reports::{Held, PATIENCE};
use crate::support::{Answer, App, MASTER, backends, call, send};

const HOUR: Duration = Duration::from_secs(3600);

/// The records of a file, by their titles.
fn records(answer: &Answer) -> Vec<BTreeMap<String, String>> {
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, Some("text/csv; charset=utf-8"))
    );
    csv::Reader::from_reader(answer.text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

fn texts<'r>(records: &'r [BTreeMap<String, String>], column: &str) -> Vec<&'r str> {
    records.iter().map(|record| record[column].as_str()).collect()
}

async fn json_of(app: &App, path: &str) -> Value {
    app.get(&format!("{path}?format=json&{DAYS}")).await.ok()
}

backends! {
    async fn days_of_teams_are_a_file(app: App) {
        let (ada, bob) = seed(&app).await;
        let answer = app.get(&format!("/team/daily/activity/export?{DAYS}")).await;
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"team_usage_daily_2026-01-31.csv\""));
        let days = records(&answer);
        assert_eq!(texts(&days, "Date"), ["2026-01-30", "2026-01-31"]);
        assert_eq!(texts(&days, "Team ID"), ["blue", "red"]);
        assert_eq!(texts(&days, "Team"), ["", "the reds"]);
        assert_eq!(texts(&days, "Spend ($)"), ["0.00000007", "0.000001"]);
        assert_eq!(texts(&days, "Requests"), ["1", "2"]);
        assert_eq!(texts(&days, "Failed Requests"), ["0", "1"]);
        let keys = app.get(&format!("/team/daily/activity/export?export_type=daily_with_keys&team_id=red&{DAYS}")).await;
        let keys = records(&keys);
        assert_eq!(texts(&keys, "Key ID"), [KeyHash::of(&ada).to_hex(), KeyHash::of(&bob).to_hex()]);
        assert_eq!(texts(&keys, "Key Alias"), ["adas", ""]);
        assert_eq!(texts(&keys, "Key User ID"), ["ada", "bob"]);
        for (kind, column, names) in [
            ("daily_with_models", "Model", ["haiku", "opus"].as_slice()),
            ("daily_with_users", "User ID", &["", "ada", "bob"]),
        ] {
            let rows = app.get(&format!("/team/daily/activity/export?export_type={kind}&{DAYS}")).await;
            assert_eq!(texts(&records(&rows), column), names, "{kind}");
        }
    }

    async fn each_kind_of_owner_has_one_in_json(app: App) {
        let (ada, _) = seed(&app).await;
        for (noun, nano, requests) in
            [("user", 1_077, 4), ("team", 1_070, 3), ("organization", 0, 0), ("customer", 1_077, 4), ("end_user", 1_077, 4), ("tag", 1_077, 5)]
        {
            for kind in ["daily", "daily_with_keys", "daily_with_models", "daily_with_users"] {
                let path = format!("/{noun}/daily/activity/export?export_type={kind}&format=json&{DAYS}");
                let file = app.get(&path).await.ok();
                let rows = file["data"].as_array().unwrap();
                let sum = |name: &str| rows.iter().map(|row| row[name].as_f64().unwrap()).sum::<f64>();
                assert_eq!((sum("spend") * 1e9).round() as i64, nano, "{path}");
                assert_eq!(sum("api_requests") as i64, requests, "{path}");
                let metadata = &file["metadata"];
                assert_eq!((&metadata["total_spend_nano"], &metadata["total_api_requests"]), (&json!(nano), &json!(requests)), "{path}");
                assert_eq!((&metadata["export_type"], &metadata["start_date"]), (&json!(kind), &json!("2026-01-29")));
            }
        }
        let tags = app.get(&format!("/tag/daily/activity/export?export_type=daily_with_keys&format=json&tags=blue&{DAYS}")).await.ok();
        let today = &tags["data"][1];
        assert_eq!((&today["entity_id"], &today["api_key"]), (&json!("blue"), &json!(KeyHash::of(&ada).to_hex())));
        let users = json_of(&app, "/user/daily/activity/export").await;
        assert_eq!((&users["data"][1]["user_id"], &users["data"][1]["date"]), (&json!("ada"), &json!("2026-01-31")));
    }

    async fn keys_of_customers_and_tags_are_told_from_their_calls(app: App) {
        let (ada, _) = seed(&app).await;
        let hash = KeyHash::of(&ada).to_hex();
        for noun in ["customer", "end_user", "tag"] {
            let page = app.get(&format!("/{noun}/daily/activity/aggregated/keys?{DAYS}&limit=1")).await.ok();
            assert_eq!((&page["total_api_keys"], &page["api_keys"][0]["api_key"]), (&json!(3), &json!(hash)), "{noun}");
            let top = app.get(&format!("/{noun}/daily/activity/aggregated/model_top_keys?model=haiku&{DAYS}")).await.ok();
            assert_eq!(top["api_keys"][0]["metrics"]["api_requests"], 2, "{noun}");
            let found = app.get(&format!("/{noun}/daily/activity/aggregated/search?search=adas&{DAYS}")).await.ok();
            assert_eq!(found["api_keys"][0]["metadata"]["key_alias"], "adas", "{noun}");
        }
        let green = app.get(&format!("/tag/daily/activity/aggregated/keys?tags=green&{DAYS}")).await.ok();
        assert_eq!((&green["total_api_keys"], &green["api_keys"][0]["metrics"]["failed_requests"]), (&json!(1), &json!(1)));
    }

    async fn a_file_has_what_its_caller_may_see(app: App) {
        let (ada, bob) = seed(&app).await;
        for (noun, key, status) in [
            ("team", &bob, 200), ("user", &ada, 200), ("organization", &ada, 401), ("tag", &ada, 401), ("customer", &bob, 401),
        ] {
            let answer = app.get_as(key, &format!("/{noun}/daily/activity/export?format=json&{DAYS}")).await;
            assert_eq!(answer.status.as_u16(), status, "{noun}");
            if noun == "user" {
                assert_eq!(answer.ok()["metadata"]["total_spend_nano"], 1_000);
            }
        }
        app.get_as(&ada, &format!("/user/daily/activity/export?user_id=bob&{DAYS}")).await.error(403);
        app.get_as(&bob, &format!("/team/daily/activity/export?team_ids=blue&{DAYS}")).await.error(403);
        app.get("/team/daily/activity/export").await.error(400);
        for odd in ["format=xml", "export_type=hourly"] {
            assert_eq!(app.get(&format!("/team/daily/activity/export?{odd}&{DAYS}")).await.status, 422);
        }
    }

    async fn usage_by_step_and_group_is_a_file(app: App) {
        let (ada, _) = seed(&app).await;
        let answer = app.get(&format!("/analytics/usage/export?by=team,model&{DAYS}")).await;
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"usage_2026-01-29_2026-01-31.csv\""));
        let rows = records(&answer);
        assert_eq!(texts(&rows, "team"), ["blue", "", "red"]);
        assert_eq!(texts(&rows, "team_alias"), ["", "", "the reds"]);
        assert_eq!(texts(&rows, "model"), ["haiku", "haiku", "opus"]);
        assert_eq!(texts(&rows, "requests"), ["1", "1", "2"]);
        assert_eq!(texts(&rows, "spend"), ["0.00000007", "0.000000007", "0.000001"]);
        assert_eq!(rows[2]["at"], "2026-01-31T00:00:00+00:00");
        let lines = app.get(&format!("/analytics/usage/export?format=jsonl&timezone=Asia/Kolkata&step=hour&{DAYS}")).await;
        assert_eq!(lines.header("content-type"), Some("application/jsonl"));
        let lines = lines.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
        assert_eq!(lines.iter().map(|line| line["requests"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 1, 1, 1]);
        assert_eq!(lines[3]["at"], "2026-01-31T12:00:00+05:30");
        let own = records(&app.get_as(&ada, &format!("/analytics/usage/export?step=month&by=user&{DAYS}")).await);
        assert_eq!((own.len(), own[0]["user"].as_str(), own[0]["spend"].as_str()), (1, "ada", "0.000001"));
        app.get(&format!("/analytics/usage/export?by=moon&{DAYS}")).await.error(400);
        app.get(&format!("/analytics/usage/export?by=customer,key&{DAYS}")).await.error(400);
    }

    async fn calls_that_are_looked_for_are_a_file(app: App) {
        let (ada, bob) = seed(&app).await;
        let mut events = Vec::new();
        for id in 100..2_300_u32 {
            let mut event = call(u128::from(id), None, 30 * HOUR + Duration::from_secs(u64::from(id)), 1);
            event.intent.session_id = Some("long".into());
            events.push(event);
        }
        for part in events.chunks(500) {
            app.store.ledger().ship(part, crate::support::NOW).await.unwrap();
        }
        let long = records(&app.get(&format!("/analytics/calls/export?session_id=long&{DAYS}")).await);
        assert_eq!(long.len(), 2_200);
        assert!(long.is_sorted_by(|one, other| one["started_at"] > other["started_at"]));
        let some = records(&app.get(&format!("/analytics/calls/export?session_id=long&limit=1500&{DAYS}")).await);
        let rest = app.get(&format!("/analytics/calls/export?session_id=long&cursor={}&{DAYS}", some[1_499]["cursor"])).await;
        let both = [some, records(&rest)].concat();
        assert_eq!(both, long);
        let lines = app.get(&format!("/analytics/calls/export?format=jsonl&user_id=bob&sort_order=asc&{DAYS}")).await;
        let line: Value = serde_json::from_str(lines.text.trim_end()).unwrap();
        assert_eq!((&line["tags"], &line["status"], &line["key"]), (&json!(["blue", "green"]), &json!("upstream_error"), &json!(KeyHash::of(&bob).to_hex())));
        assert_eq!((&line["spend"], &line["prompt_tokens"], &line["team"]), (&json!(0.0), &json!(10), &json!("red")));
        let own = records(&app.get_as(&ada, &format!("/analytics/calls/export?{DAYS}")).await);
        assert_eq!(texts(&own, "user"), ["ada"]);
        app.get_as(&ada, &format!("/analytics/calls/export?user_id=bob&{DAYS}")).await.error(403);
        for odd in ["limit=0", "limit=1000001", "sort_by=spend", "cursor=x"] {
            app.get(&format!("/analytics/calls/export?{odd}&{DAYS}")).await.error(400);
        }
        app.get("/analytics/calls/export").await.error(400);
    }

    async fn a_day_of_many_names_is_bounded_and_its_sum_whole(app: App) {
        let mut events = Vec::new();
        for id in 0..5_300_u32 {
            let mut event = call(u128::from(id), None, HOUR, i64::from(id));
            event.intent.customer = Some(format!("customer-{id}").into());
            events.push(event);
        }
        for part in events.chunks(500) {
            app.store.ledger().ship(part, crate::support::NOW).await.unwrap();
        }
        let rows = records(&app.get(&format!("/customer/daily/activity/export?{DAYS}")).await);
        assert_eq!(rows.len(), 5_001);
        assert_eq!(rows[5_000]["Customer ID"], "other");
        let nano = |row: &BTreeMap<String, String>| (row["Spend ($)"].parse::<f64>().unwrap() * 1e9).round() as i64;
        assert_eq!(rows.iter().map(nano).sum::<i64>(), (0..5_300).sum::<i64>());
    }
}

#[tokio::test]
async fn when_the_client_leaves_the_statement_ends() {
    let mut held = Held::new(Default::default()).await;
    seed(&held.app).await;
    let lock = Held::lock(&mut held.locker).await;
    let port = held.app.port;
    let path = format!("/team/daily/activity/export?{DAYS}");
    let asking =
        tokio::spawn(async move { send(port, Method::GET, &path, &[("x-api-key", MASTER)], "").await });
    Held::standing(&mut held.server, 1).await;
    asking.abort();
    Held::standing(&mut held.server, 0).await;
    lock.rollback().await.unwrap();
    tokio::time::timeout(PATIENCE, held.app.get(&format!("/team/daily/activity/export?{DAYS}")))
        .await
        .unwrap();
}
