//! Spend by team, customer and key; refusals of providers; users of tags; spend that is set anew.

use std::time::Duration;

use domain::Status;
use kit::KeyHash;
use serde_json::{Value, json};

use crate::activity::{DAYS, seed};
use crate::support::{App, NOW, backends, call};

const HOUR: Duration = Duration::from_secs(3600);

async fn ask(app: &App, path: &str) -> Value {
    app.get(&format!("{path}{}{DAYS}", if path.contains('?') { "&" } else { "?" })).await.ok()
}

backends! {
    async fn a_report_tells_who_spent_what_on_what(app: App) {
        let (ada, _) = seed(&app).await;
        let hash = KeyHash::of(&ada).to_hex();
        let teams = ask(&app, "/global/spend/report").await;
        let days = teams.as_array().unwrap().iter().map(|day| &day["group_by_day"]).collect::<Vec<_>>();
        assert_eq!(days, ["2026-01-30T00:00:00+00:00", "2026-01-31T00:00:00+00:00"]);
        let red = &teams[1]["teams"][0];
        assert_eq!((&red["team_name"], &red["total_spend"]), (&json!("the reds"), &json!(1e-6)));
        assert_eq!(red["metadata"][0], json!({"model": "opus", "spend": 1e-6, "total_tokens": 15, "api_key": hash}));
        let named = teams[0]["teams"].as_array().unwrap().iter().map(|team| &team["team_name"]).collect::<Vec<_>>();
        assert_eq!(named, ["blue", "Unassigned"]);
        let customers = ask(&app, "/global/spend/report?group_by=customer").await;
        let customer = &customers[1]["customers"][0];
        assert_eq!((&customer["customer"], &customer["metadata"][0]["api_key"]), (&json!("customer"), &Value::Null));
        assert_eq!(customers[1]["teams"], Value::Null);
        for path in ["/global/spend/report?group_by=api_key&team_id=red".to_owned(), format!("/global/spend/report?api_key={ada}")] {
            let keys = ask(&app, &path).await;
            let detail = json!({"model": "opus", "total_cost": 1e-6, "total_input_tokens": 10, "total_output_tokens": 5});
            assert_eq!((&keys[0]["api_key"], &keys[0]["model_details"][0]), (&json!(hash), &detail), "{path}");
        }
        let of_bob = ask(&app, "/global/spend/report?internal_user_id=bob").await;
        assert_eq!((of_bob.as_array().unwrap().len(), &of_bob[0]["total_input_tokens"]), (1, &json!(10)));
        app.get(&format!("/global/spend/report?group_by=moon&{DAYS}")).await.error(400);
        app.get("/global/spend/report").await.error(400);
        app.get_as(&ada, &format!("/global/spend/report?{DAYS}")).await.error(401);
    }

    async fn requests_are_told_by_key_and_kind(app: App) {
        let (ada, _) = seed(&app).await;
        let hits = ask(&app, "/global/activity/cache_hits").await;
        let all = hits.as_array().unwrap();
        let sum = |name: &str| all.iter().map(|hit| hit[name].as_i64().unwrap()).sum::<i64>();
        assert_eq!((all.len(), sum("total_rows"), sum("generated_completion_tokens"), sum("cache_hit_true_rows")), (3, 4, 20, 0));
        assert_eq!(all[0]["call_type"], "acompletion");
        let own = app.get_as(&ada, &format!("/global/activity/cache_hits?{DAYS}")).await.ok();
        assert_eq!((own.as_array().unwrap().len(), &own[0]["api_key"]), (1, &json!(KeyHash::of(&ada).to_hex())));
    }

    async fn refusals_of_providers_are_counted_by_day_and_deployment(app: App) {
        let refused = |id: u128, ago, deployment: &str, status| {
            let mut event = call(id, None, ago, 0);
            event.outcome.http_status = status;
            event.outcome.status = Status::UpstreamError;
            event.intent.deployment_id = deployment.into();
            event.intent.api_base = if deployment == "d2" { "".into() } else { "https://api.example".into() };
            event
        };
        let events = [
            refused(1, HOUR, "d1", 429), refused(2, HOUR, "d2", 429), refused(3, 24 * HOUR, "d1", 429),
            refused(4, HOUR, "d1", 500), refused(5, HOUR, "", 429), refused(6, 240 * HOUR, "d1", 429),
        ];
        app.store.ledger().ship(&events, NOW).await.unwrap();
        let all = ask(&app, "/global/activity/exceptions?model_group=smart").await;
        assert_eq!(all, json!({
            "daily_data": [{"date": "Jan 30", "num_rate_limit_exceptions": 1}, {"date": "Jan 31", "num_rate_limit_exceptions": 2}],
            "sum_num_rate_limit_exceptions": 3,
        }));
        let by_deployment = ask(&app, "/global/activity/exceptions/deployment?model_group=smart").await;
        assert_eq!(by_deployment[0]["deployment"], "d2");
        assert_eq!((&by_deployment[1]["deployment"], &by_deployment[1]["sum_num_rate_limit_exceptions"]), (&json!("https://api.example"), &json!(2)));
        assert_eq!(ask(&app, "/global/activity/exceptions?model_group=other").await["daily_data"], json!([]));
        assert_eq!(app.get(&format!("/global/activity/exceptions?{DAYS}")).await.status, 422);
    }

    async fn tags_have_users(app: App) {
        seed(&app).await;
        let tags = app.get("/tag/distinct").await.ok();
        assert_eq!(tags, json!({"results": [{"tag": "blue"}, {"tag": "green"}]}));
        let summary = ask(&app, "/tag/summary").await;
        assert_eq!(summary["results"][0], json!({
            "tag": "blue", "unique_users": 2, "total_requests": 4, "successful_requests": 3, "failed_requests": 1,
            "total_tokens": 60, "total_spend": 1.077e-6,
        }));
        for (query, expected) in
            [("tag_filter=GRE", vec!["green"]), ("tag_filters=blue&tag_filters=green", vec!["blue", "green"]), ("tag_filters=red", vec![])]
        {
            let named = ask(&app, &format!("/tag/summary?{query}")).await;
            let named = named["results"].as_array().unwrap().iter().map(|tag| tag["tag"].as_str().unwrap()).collect::<Vec<_>>();
            assert_eq!(named, expected, "{query}");
        }
        let days = app.get("/tag/dau").await.ok();
        let none = Value::Null;
        assert_eq!(days, json!({"results": [
            {"tag": "blue", "active_users": 2, "date": "2026-01-31", "period_start": none, "period_end": none},
            {"tag": "green", "active_users": 1, "date": "2026-01-31", "period_start": none, "period_end": none},
        ]}));
        let weeks = app.get("/tag/wau?tag_filters=green").await.ok();
        assert_eq!(weeks, json!({"results": [
            {"tag": "green", "active_users": 1, "date": "Week 7 (Jan 25)", "period_start": "2026-01-25", "period_end": "2026-01-31"},
        ]}));
        let months = app.get("/tag/mau?tag_filter=blue").await.ok();
        assert_eq!((&months["results"][0]["date"], &months["results"][0]["active_users"]), (&json!("Month 7 (Jan 02)"), &json!(2)));
        app.get("/tag/summary").await.error(400);

        let all = app.get("/tag/user-agent/per-user-analytics").await.ok();
        assert_eq!(all["results"][0], json!({
            "user_id": "ada", "user_email": null, "user_agent": "blue", "successful_requests": 1, "failed_requests": 0,
            "total_requests": 1, "total_tokens": 15, "spend": 1e-6,
        }));
        assert_eq!((&all["total_count"], &all["total_pages"], &all["page_size"]), (&json!(3), &json!(1), &json!(50)));
        let second = app.get("/tag/user-agent/per-user-analytics?page=2&page_size=2").await.ok();
        assert_eq!((second["results"].as_array().unwrap().len(), &second["total_pages"]), (1, &json!(2)));
        let green = app.get("/tag/user-agent/per-user-analytics?tag_filter=GRE").await.ok();
        assert_eq!((&green["results"][0]["user_id"], &green["results"][0]["failed_requests"]), (&json!("bob"), &json!(1)));
        for wrong in ["page=0", "page_size=1001", "page=x"] {
            app.get(&format!("/tag/user-agent/per-user-analytics?{wrong}")).await.error(400);
        }
    }

    async fn all_spend_is_set_anew_by_the_master_key(app: App) {
        let (ada, _) = seed(&app).await;
        let other = app.post("/user/new", json!({"user_id": "eve", "user_role": "proxy_admin"})).await.ok();
        let spent = async || {
            let key = app.get(&format!("/key/info?key={ada}")).await.ok()["info"]["spend"].as_f64().unwrap();
            let team = app.get("/team/info?team_id=red").await.ok()["team_info"]["spend"].as_f64().unwrap();
            (key, team)
        };
        assert_eq!(spent().await, (1e-6, 1e-6));
        let reset = async |key: &str| {
            let key = format!("Bearer {key}");
            app.send(http::Method::POST, "/global/spend/reset", &[("authorization", &key)], "").await
        };
        reset(other["key"].as_str().unwrap()).await.error(403);
        assert_eq!(spent().await, (1e-6, 1e-6));
        let done = reset(crate::support::MASTER).await.ok();
        assert_eq!(done, json!({"message": "Spend of 1 keys and 2 teams is 0", "status": "success"}));
        assert_eq!(spent().await, (0.0, 0.0));
        assert_eq!(reset(crate::support::MASTER).await.ok()["message"], "Spend of 0 keys and 0 teams is 0");
        // What was used is still told.
        assert_eq!(ask(&app, "/user/daily/activity").await["metadata"]["total_spend_nano"], 1_077);
        let entries = app.get("/audit?object_id=red&page_size=100").await.ok();
        assert!(entries["audit_logs"].as_array().unwrap().iter().any(|entry| entry["action"] == "spend_reset"), "{entries}");
        assert_eq!(app.post("/global/spend/refresh", json!({})).await.ok()["status"], "success");
    }

    async fn everyone_reports_on_their_own(app: App) {
        let (ada, bob) = seed(&app).await;
        let hash = |key: &str| KeyHash::of(key).to_hex();
        let report = async |key: &str, path: &str| {
            let path = format!("{path}{}{DAYS}", if path.contains('?') { "&" } else { "?" });
            app.get_as(key, &path).await
        };
        let keys = |report: &Value| {
            report.as_array().unwrap().iter().map(|key| key["api_key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let own = report(&ada, "/key/spend/report").await.ok();
        assert_eq!(own, json!([{
            "api_key": hash(&ada), "total_cost": 1e-6, "total_input_tokens": 10, "total_output_tokens": 5,
            "model_details": [{"model": "opus", "total_cost": 1e-6, "total_input_tokens": 10, "total_output_tokens": 5}],
        }]));
        for path in ["/user/spend/report".to_owned(), "/team/spend/report?team_id=red".into(), format!("/key/spend/report?api_key={ada}")] {
            assert_eq!(report(&ada, &path).await.ok(), own, "{path}");
        }
        // Bob administers the team, and sees all of it.
        assert_eq!(keys(&report(&bob, "/team/spend/report?team_id=red").await.ok()), [hash(&ada), hash(&bob)]);
        for (path, param) in [
            (format!("/key/spend/report?api_key={}", hash(&bob)), "api_key"),
            ("/user/spend/report?internal_user_id=bob".into(), "internal_user_id"),
        ] {
            let refused = report(&ada, &path).await;
            refused.error(403);
            let detail = format!("Not authorized to view spend for a {param} other than your own");
            assert_eq!(refused.json()["detail"], detail);
        }
        report(&ada, "/team/spend/report?team_id=blue").await.error(403);
        report(&ada, "/organization/spend/report").await.error(401);
        let all = report(crate::support::MASTER, "/key/spend/report").await.ok();
        assert_eq!(all.as_array().unwrap().len(), 3);
        for path in ["/key/spend/report", "/organization/spend/report"] {
            let refused = app.get(path).await;
            refused.error(400);
            assert_eq!(refused.json()["detail"], "Please provide start_date and end_date");
            app.get(&format!("{path}?start_date=2025-01-01&end_date=2026-01-02")).await.error(400);
        }
    }

    async fn a_report_on_an_organization_names_teams(app: App) {
        app.post("/organization/new", json!({"organization_id": "org", "organization_alias": "org"})).await.ok();
        let of = |id, team: Option<&str>| {
            let mut event = call(id, None, HOUR, 5);
            event.intent.organization_id = Some("org".into());
            event.intent.team_id = team.map(Into::into);
            event
        };
        app.store.ledger().ship(&[of(1, Some("red"))], NOW).await.unwrap();
        let report = async || ask(&app, "/organization/spend/report?organization_id=org").await;
        assert_eq!(report().await[0]["model_details"][0]["team_id"], "red");
        app.store.ledger().ship(&[of(2, None)], NOW).await.unwrap();
        let both = report().await;
        assert_eq!((&both[0]["total_cost"], both[0]["model_details"][0].get("team_id")), (&json!(1e-8), None));
    }
}
