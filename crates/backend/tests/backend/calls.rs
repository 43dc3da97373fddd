//! The search of single calls, and sums of everyone.

use std::sync::Arc;
use std::time::Duration;

use domain::Status;
use kit::{KeyHash, Money};
use serde_json::{Value, json};

use crate::support::{App, Kind, NOW, backends, call, event_id, models};

const HOUR: Duration = Duration::from_secs(3600);
const DAYS: &str = "start_date=2026-01-01&end_date=2026-01-31";

/// Five calls, an hour between them, the newest of a key of a team.
async fn seed(app: &App) -> String {
    app.post("/team/new", json!({"team_id": "red", "team_alias": "the reds"})).await.ok();
    let key = app.key(json!({"user_id": "bob", "key_alias": "bobs"})).await;
    let mut events = (1..=5)
        .map(|id| call(id, None, u32::try_from(id).unwrap() * HOUR, 1_000 * id as i64))
        .collect::<Vec<_>>();
    events[0].intent.key = Some(KeyHash::of(&key));
    events[0].intent.key_alias = Some("bobs".into());
    events[0].intent.user_id = Some("bob".into());
    events[0].intent.team_id = Some("red".into());
    events[0].intent.session_id = Some("s1".into());
    events[1].outcome.status = Status::UpstreamError;
    events[1].outcome.http_status = 529;
    events[1].outcome.error = Some("Overloaded by far".into());
    events[2].intent.model = "opus".into();
    events[2].intent.provider = "anthropic".into();
    events[2].intent.tags = vec!["green".into(), "a,\"b\"".into()];
    events[3].intent.customer = Some("acme".into());
    events[3].outcome.ended_at = kit::Timestamp(events[3].intent.started_at.micros() + 9_000_000);
    app.store.ledger().ship(&events, NOW).await.unwrap();
    key
}

fn ids(found: &Value) -> Vec<u128> {
    let rows = found["data"].as_array().unwrap().iter();
    rows.map(|row| row["event_id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap().as_u128() & 0xffff)
        .collect()
}

backends! {
    async fn calls_are_found_by_what_they_are(app: App) {
        let key = seed(&app).await;
        for (query, expected) in [
            ("", vec![1, 2, 3, 4, 5]),
            ("sort_order=asc", vec![5, 4, 3, 2, 1]),
            (&format!("api_key={key}"), vec![1]),
            ("key_alias=bobs", vec![1]),
            ("user_id=bob", vec![1]),
            ("team_id=red", vec![1]),
            ("session_id=s1", vec![1]),
            ("status_filter=failure", vec![2]),
            ("error_code=529", vec![2]),
            ("error_message=overloaded", vec![2]),
            ("model=opus", vec![3]),
            ("model_group=smart", vec![1, 2, 3, 4, 5]),
            ("model_id=d1", vec![1, 2, 3, 4, 5]),
            ("tag=green", vec![3]),
            ("tag=a%2C%22b%22", vec![3]),
            ("tag=gree", vec![]),
            ("end_user=acme", vec![4]),
            ("min_duration_ms=300", vec![4]),
            ("max_duration_ms=250", vec![1, 2, 3, 5]),
            ("min_spend=0.000003&max_spend=0.000004", vec![3, 4]),
            ("search=OPUS", vec![3]),
            ("search=acm", vec![4]),
            ("cache_hit_filter=hit", vec![]),
            (&format!("request_id={}", event_id(4)), vec![4]),
            ("sort_by=spend", vec![5, 4, 3, 2, 1]),
            ("sort_by=request_duration_ms", vec![4, 1, 2, 3, 5]),
            ("sort_by=model&sort_order=desc", vec![3, 1, 2, 4, 5]),
            ("api_key=nothing", vec![]),
        ] {
            for path in ["ui", "v2"] {
                let found = app.get(&format!("/spend/logs/{path}?{DAYS}&{query}")).await.ok();
                assert_eq!(ids(&found), expected, "{query}");
                assert_eq!(found["total"], expected.len(), "{query}");
            }
        }
        let early = "start_date=2026-01-31 04:00:00&end_date=2026-01-31 06:00:00".replace(' ', "%20");
        assert_eq!(ids(&app.get(&format!("/spend/logs/ui?{early}")).await.ok()), [2, 3, 4]);
        let session = app.get("/spend/logs/session/ui?session_id=s1").await.ok();
        assert_eq!(ids(&session), [1]);
        let bodies = app.get(&format!("/spend/logs/ui/{}", event_id(4))).await.ok();
        assert_eq!(bodies, json!({"messages": {}, "response": {}, "proxy_server_request": {}}));
        assert_eq!(app.get("/spend/logs/ui/nothing").await.ok(), Value::Null);
    }

    async fn pages_go_on_where_the_last_ended(app: App) {
        seed(&app).await;
        let first = app.get(&format!("/spend/logs/v2?{DAYS}&page_size=2")).await.ok();
        assert_eq!((ids(&first), &first["total_pages"], &first["total_is_capped"]), (vec![1, 2], &json!(3), &json!(false)));
        assert_eq!(ids(&app.get(&format!("/spend/logs/v2?{DAYS}&page_size=2&page=2")).await.ok()), [3, 4]);
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = app.get(&format!("/spend/logs/v2?{DAYS}&page_size=2&cursor={cursor}")).await.ok();
        assert_eq!(ids(&second), [3, 4]);
        let cursor = second["next_cursor"].as_str().unwrap();
        let last = app.get(&format!("/spend/logs/v2?{DAYS}&page_size=2&cursor={cursor}")).await.ok();
        assert_eq!((ids(&last), &last["next_cursor"]), (vec![5], &Value::Null));
        let back = app.get(&format!("/spend/logs/v2?{DAYS}&page_size=2&cursor={cursor}&sort_order=asc")).await.ok();
        assert_eq!(ids(&back), [3, 2]);
        let beyond = app.get(&format!("/spend/logs/v2?{DAYS}&page=1000000000")).await.ok();
        assert_eq!((ids(&beyond), &beyond["total"]), (vec![], &json!(5)));
    }

    async fn a_key_finds_its_own_calls(app: App) {
        let key = seed(&app).await;
        assert_eq!(ids(&app.get_as(&key, &format!("/spend/logs/ui?{DAYS}")).await.ok()), [1]);
        app.get_as(&key, &format!("/spend/logs/ui?{DAYS}&user_id=ada")).await.error(403);
        app.get_as(&key, &format!("/spend/logs/ui?{DAYS}&team_id=red")).await.error(403);
        assert_eq!(app.get_as(&key, &format!("/spend/logs/ui/{}", event_id(4))).await.ok(), Value::Null);
        let member = json!({"team_id": "red", "member": {"role": "admin", "user_id": "bob"}});
        app.post("/team/member_add", member).await.ok();
        assert_eq!(ids(&app.get_as(&key, &format!("/spend/logs/ui?{DAYS}&team_id=red")).await.ok()), [1]);
        let own = app.get_as(&key, "/spend/users").await.ok();
        assert_eq!((own.as_array().unwrap().len(), &own[0]["user_id"]), (1, &json!("bob")));
        app.get_as(&key, "/spend/users?user_id=ada").await.error(403);
        app.get_as(&key, "/spend/tags").await.error(401);
        let requests = app.get_as(&key, &format!("/global/activity?{DAYS}")).await.ok();
        assert_eq!(requests["sum_api_requests"], 1);
    }

    async fn what_makes_no_sense_is_refused(app: App) {
        for query in [
            "", "start_date=2026-01-01", "start_date=2026-01-02&end_date=2026-01-01", "start_date=then&end_date=now",
            &format!("{DAYS}&page=0"), &format!("{DAYS}&page_size=101"), &format!("{DAYS}&page_size=1000000000"),
            &format!("{DAYS}&sort_by=colour"), &format!("{DAYS}&sort_order=up"), &format!("{DAYS}&status_filter=odd"),
            &format!("{DAYS}&cursor=x"), &format!("{DAYS}&cursor=1.a&sort_by=spend"), &format!("{DAYS}&min_spend=1e300"),
            &format!("{DAYS}&cache_hit_filter=odd"),
        ] {
            app.get(&format!("/spend/logs/ui?{query}")).await.error(400);
        }
        for query in ["user_id=a%00b", "page=-1", "error_code=999999"] {
            assert_eq!(app.get(&format!("/spend/logs/ui?{DAYS}&{query}")).await.status, 422, "{query}");
        }
        assert_eq!(app.get("/spend/logs/ui/a%00b").await.ok(), Value::Null);
        app.get("/spend/logs/ui?start_date=1900-01-01&end_date=2900-01-01").await.ok();
        app.get(&format!("/spend/logs/ui?{DAYS}&search=%25%27--!&tag=%5C%22")).await.ok();
    }

    async fn sums_of_everyone(app: App) {
        seed(&app).await;
        let tags = app.get("/spend/tags").await.ok();
        assert_eq!(tags[0], json!({"individual_request_tag": "blue", "log_count": 4, "total_spend": 1.2e-5}));
        let tags = app.get(&format!("/global/spend/tags?{DAYS}&tags=green")).await.ok();
        assert_eq!(tags, json!({"spend_per_tag": [{"name": "green", "spend": 3e-6, "log_count": 1}]}));
        let names = app.get("/global/spend/all_tag_names").await.ok();
        assert_eq!(names["tag_names"].as_array().unwrap().len(), 3);
        assert_eq!(app.get("/global/all_end_users").await.ok(), json!({"end_users": ["customer", "acme"]}));
        let providers = app.get(&format!("/global/spend/provider?{DAYS}")).await.ok();
        assert_eq!(providers, json!([{"provider": "openai", "spend": 1.2e-5}, {"provider": "anthropic", "spend": 3e-6}]));
        let customers = app.post("/global/spend/end_users", json!({"startTime": "2026-01-01T00:00:00Z"})).await.ok();
        assert_eq!(customers[0], json!({"end_user": "customer", "total_count": 4, "total_spend": 1.1e-5}));
        let teams = app.get("/global/spend/teams").await.ok();
        assert_eq!(teams["teams"], json!(["Unassigned", "the reds"]));
        assert_eq!(teams["total_spend_per_team"][1], json!({"team_id": "red", "total_spend": 1e-6}));
        assert_eq!(teams["daily_spend"][0]["the reds"], 1e-6);
        let requests = app.get(&format!("/global/activity?{DAYS}")).await.ok();
        let day = json!([{"date": "Jan 31", "api_requests": 5, "total_tokens": 75}]);
        assert_eq!((&requests["daily_data"], &requests["sum_total_tokens"]), (&day, &json!(75)));
        let models = app.get(&format!("/global/activity/model?{DAYS}")).await.ok();
        assert_eq!((&models[0]["model"], &models[0]["daily_data"]), (&json!("smart"), &day));
        for path in [
            "/spend/tags?start_date=x", "/spend/tags?start_date=2026-01-02&end_date=2026-01-01", "/global/activity",
            "/global/activity?start_date=2006-01-01&end_date=2026-01-01", "/global/spend/provider?end_date=2026-13-01",
        ] {
            app.get(path).await.error(400);
        }
        app.post("/global/spend/end_users", json!({"api_key": "sk-x"})).await.error(400);
        assert_eq!(app.get("/global/spend/tags?tags=a%00b").await.status, 422);
    }
}

#[tokio::test]
async fn a_cost_is_calculated_without_a_call() {
    let app = App::with(Kind::Sqlite, |state| {
        state.catalog.cards = models();
        state.catalog.tokens = Arc::new(|text| text.len() as u64);
        let cost = |nano: u64| Some(Money(i64::try_from(nano).unwrap()));
        state.catalog.cost = Arc::new(move |deployment, usage| match deployment.model.as_str() {
            "gpt-4o" => cost(usage.input * 10 + usage.output * 100 - usage.cache_read.unwrap_or(0)),
            "claude-opus" => cost(usage.input),
            _ => None,
        });
    })
    .await;
    let messages = json!([{"role": "user", "content": "abc"}, {"role": "user", "content": [{"type": "text", "text": "de"}]}]);
    let openai =
        json!({"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}});
    let anthropic = json!({"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 7});
    for (body, cost) in [
        (json!({"model": "smart", "messages": messages}), 50e-9),
        (json!({"model": "openai/gpt-4o", "messages": messages}), 50e-9),
        (json!({"completion_response": {"model": "gpt-4o", "usage": openai}}), 229e-9),
        (json!({"model": "claude", "completion_response": {"model": "other", "usage": anthropic}}), 10e-9),
    ] {
        assert_eq!(app.post("/spend/calculate", body.clone()).await.ok(), json!({"cost": cost}), "{body}");
    }
    for body in [
        json!({"messages": messages}),
        json!({"model": "smart"}),
        json!({"model": "unheard/of", "messages": messages}),
        json!({"model": "smart", "completion_response": {}}),
    ] {
        app.post("/spend/calculate", body).await.error(400);
    }
}
