use std::time::Duration;

use domain::{Status, UsageEvent};
use kit::KeyHash;
use serde_json::{Value, json};

use crate::support::{App, NOW, backends, call};

const HOUR: Duration = Duration::from_secs(3600);
/// 2026-01-31T08:00:00Z is now.
pub const DAYS: &str = "start_date=2026-01-29&end_date=2026-01-31";

fn of_team(mut event: UsageEvent, team: Option<&str>, user: Option<&str>, model: &str) -> UsageEvent {
    event.intent.team_id = team.map(Into::into);
    event.intent.user_id = user.map(Into::into);
    event.intent.model = model.into();
    event
}

/// Today: ada's dear call in team red, and bob's failed one there; yesterday: one of team blue, and one of nobody.
pub async fn seed(app: &App) -> (String, String) {
    for (user, role) in [("ada", "user"), ("bob", "admin")] {
        app.post("/user/new", json!({"user_id": user, "auto_create_key": false})).await.ok();
        let team = if user == "ada" {
            json!({"team_id": "red", "team_alias": "the reds"})
        } else {
            json!({"team_id": "blue"})
        };
        app.post("/team/new", team).await.ok();
        let member = json!({"team_id": "red", "member": {"role": role, "user_id": user}});
        app.post("/team/member_add", member).await.ok();
    }
    let ada = app.key(json!({"user_id": "ada", "key_alias": "adas"})).await;
    let bob = app.key(json!({"user_id": "bob"})).await;
    let mut failed = of_team(call(2, Some(&bob), 2 * HOUR, 0), Some("red"), Some("bob"), "opus");
    failed.outcome.status = Status::UpstreamError;
    failed.intent.tags = vec!["blue".into(), "green".into()];
    let events = [
        of_team(call(1, Some(&ada), HOUR, 1_000), Some("red"), Some("ada"), "opus"),
        failed,
        of_team(call(3, None, 24 * HOUR, 70), Some("blue"), None, "haiku"),
        of_team(call(4, None, 25 * HOUR, 7), None, None, "haiku"),
    ];
    app.store.ledger().ship(&events, NOW).await.unwrap();
    (ada, bob)
}

async fn ask(app: &App, path: &str) -> Value {
    app.get(&format!("{path}{}{DAYS}", if path.contains('?') { "&" } else { "?" })).await.ok()
}

fn nano(metrics: &Value) -> i64 {
    (metrics["spend"].as_f64().unwrap() * 1e9).round() as i64
}

/// Names and spends of a breakdown.
fn spends(breakdown: &Value) -> Vec<(&str, i64)> {
    let entries = breakdown.as_object().unwrap().iter();
    entries.map(|(name, entry)| (name.as_str(), nano(&entry["metrics"]))).collect()
}

/// The sums of a breakdown, for a day and for all days.
fn sums(metrics: &Value) -> [i64; 5] {
    let count = |name: &str| metrics[name].as_i64().unwrap();
    [
        nano(metrics),
        count("api_requests"),
        count("failed_requests"),
        count("prompt_tokens"),
        count("total_response_time_ms"),
    ]
}

fn add(one: [i64; 5], other: [i64; 5]) -> [i64; 5] {
    std::array::from_fn(|index| one[index] + other[index])
}

backends! {
    async fn days_have_sums_and_breakdowns(app: App) {
        let (ada, bob) = seed(&app).await;
        let (ada, bob) = (KeyHash::of(&ada).to_hex(), KeyHash::of(&bob).to_hex());
        let activity = ask(&app, "/user/daily/activity").await;
        let days = activity["results"].as_array().unwrap();
        assert_eq!(days.iter().map(|day| &day["date"]).collect::<Vec<_>>(), [&json!("2026-01-31"), &json!("2026-01-30")]);
        for (field, value) in [
            ("spend", json!(1e-6)), ("api_requests", json!(2)), ("successful_requests", json!(1)), ("failed_requests", json!(1)),
            ("prompt_tokens", json!(20)), ("completion_tokens", json!(10)), ("total_tokens", json!(30)),
            ("cache_read_input_tokens", json!(8)), ("total_response_time_ms", json!(500)), ("timed_requests", json!(2)),
            ("flat_cost", json!(0.0)),
        ] {
            assert_eq!(days[0]["metrics"][field], value, "{field}");
        }
        let today = &days[0]["breakdown"];
        assert_eq!(spends(&today["models"]), [("opus", 1_000)]);
        assert_eq!(spends(&today["providers"]), [("openai", 1_000)]);
        assert_eq!(spends(&today["model_groups"]), [("smart", 1_000)]);
        assert_eq!(spends(&today["endpoints"]), [("/chat/completions", 1_000)]);
        assert_eq!(spends(&today["entities"]), [("ada", 1_000), ("bob", 0)]);
        assert_eq!(today["mcp_servers"], json!({}));
        let key = &today["api_keys"][&ada];
        assert_eq!((nano(&key["metrics"]), &key["metadata"]["key_alias"]), (1_000, &json!("adas")));
        assert_eq!((&key["metadata"]["user_id"], &key["metadata"]["key_exists"]), (&json!("ada"), &json!(true)));
        let by_key = &today["models"]["opus"]["api_key_breakdown"];
        assert_eq!((nano(&by_key[&ada]["metrics"]), &by_key[&bob]["metrics"]["failed_requests"]), (1_000, &json!(1)));
        let metadata = &activity["metadata"];
        for (field, value) in [
            ("total_spend", json!(1.077e-6)), ("total_spend_nano", json!(1_077)), ("total_api_requests", json!(4)), ("page", json!(1)),
            ("total_pages", json!(1)), ("has_more", json!(false)), ("is_cut", json!(false)), ("is_exact", json!(true)),
            ("total_api_keys", json!(3)),
        ] {
            assert_eq!(metadata[field], value, "{field}");
        }
        assert_eq!(ask(&app, "/user/daily/activity/aggregated").await, activity);
    }

    async fn pages_are_of_days(app: App) {
        seed(&app).await;
        let first = ask(&app, "/user/daily/activity?page_size=1").await;
        assert_eq!((&first["results"][0]["date"], &first["metadata"]["total_spend_nano"]), (&json!("2026-01-31"), &json!(1_000)));
        assert_eq!((&first["metadata"]["total_pages"], &first["metadata"]["has_more"]), (&json!(3), &json!(true)));
        let second = ask(&app, "/user/daily/activity?page_size=1&page=2").await;
        assert_eq!((&second["results"][0]["date"], &second["metadata"]["total_spend_nano"]), (&json!("2026-01-30"), &json!(77)));
        for page in [3, 4, 1_000_000_000] {
            let empty = ask(&app, &format!("/user/daily/activity?page_size=1&page={page}")).await;
            assert_eq!((&empty["results"], &empty["metadata"]["has_more"]), (&json!([]), &json!(false)));
        }
        // 06:00 in UTC is 22:00 of the day before, eight hours to the west.
        let west = ask(&app, "/user/daily/activity?timezone=480").await;
        assert_eq!(west["results"][0]["date"], "2026-01-30");
        assert_eq!(west["results"][1]["metrics"]["api_requests"], 1);
    }

    async fn each_kind_of_owner_has_its_own(app: App) {
        let (ada, _) = seed(&app).await;
        let teams = ask(&app, "/team/daily/activity").await;
        assert_eq!(teams["metadata"]["total_spend_nano"], 1_070, "usage of no team is none of teams");
        let red = &teams["results"][0]["breakdown"]["entities"]["red"];
        assert_eq!((nano(&red["metrics"]), &red["metadata"]["team_alias"]), (1_000, &json!("the reds")));
        assert_eq!(nano(&red["api_key_breakdown"][KeyHash::of(&ada).to_hex()]["metrics"]), 1_000);
        for (path, nano) in [
            ("/team/daily/activity?team_ids=blue", 70),
            ("/team/daily/activity?team_ids=blue,red", 1_070),
            ("/team/daily/activity?exclude_team_ids=red", 70),
            ("/team/daily/activity?team_ids=blue,red&exclude_team_ids=blue", 1_000),
            ("/team/daily/activity?model=haiku", 70),
            ("/user/daily/activity?user_id=ada", 1_000),
            ("/user/daily/activity?api_key=litellm_proxy_master_key", 77),
            ("/organization/daily/activity", 0),
            ("/customer/daily/activity", 1_077),
            ("/end_user/daily/activity?end_user_ids=customer", 1_077),
            ("/customer/daily/activity?end_user_ids=nobody", 0),
            ("/tag/daily/activity", 1_077),
            ("/tag/daily/activity?tags=green", 0),
            ("/tag/daily/activity/aggregated?exclude_tags=green", 1_077),
        ] {
            assert_eq!(ask(&app, path).await["metadata"]["total_spend_nano"], nano, "{path}");
        }
        let of_key = ask(&app, &format!("/user/daily/activity?api_key={ada}")).await;
        assert_eq!(of_key["metadata"]["total_api_requests"], 1);
        // A request with two tags counts for each.
        let tags = ask(&app, "/tag/daily/activity").await;
        assert_eq!(tags["metadata"]["total_api_requests"], 5);
        assert_eq!(spends(&tags["results"][0]["breakdown"]["entities"]), [("blue", 1_000), ("green", 0)]);
        app.get(&format!("/tag/daily/activity?{DAYS}&api_key={ada}")).await.error(400);
    }

    async fn keys_come_in_pages_by_model_and_by_name(app: App) {
        let (ada, _) = seed(&app).await;
        let hash = KeyHash::of(&ada).to_hex();
        let page = ask(&app, "/user/daily/activity/aggregated/keys?limit=1").await;
        assert_eq!((&page["total_api_keys"], &page["api_keys"][0]["api_key"]), (&json!(3), &json!(hash)));
        let next = ask(&app, "/user/daily/activity/aggregated/keys?limit=2&offset=1").await;
        assert_eq!((next["api_keys"].as_array().unwrap().len(), nano(&next["api_keys"][0]["metrics"])), (2, 77));
        let top = ask(&app, "/team/daily/activity/aggregated/model_top_keys?model=haiku").await;
        assert_eq!((&top["model"], nano(&top["api_keys"][0]["metrics"])), (&json!("haiku"), 70));
        // Each but the free one read ten tokens, four of them from a cache.
        let leaking = ask(&app, "/user/daily/activity/aggregated/cache_leakage_keys?limit=2").await;
        let leaking = leaking["api_keys"].as_array().unwrap();
        let metrics = &leaking[0]["metrics"];
        assert_eq!((leaking.len(), metrics["prompt_tokens"].as_i64(), metrics["cache_read_input_tokens"].as_i64()), (2, Some(20), Some(8)));
        let found = ask(&app, "/user/daily/activity/aggregated/search?search=ADAS").await;
        assert_eq!((found["api_keys"].as_array().unwrap().len(), &found["api_keys"][0]["api_key"]), (1, &json!(hash)));
    }

    async fn callers_see_what_is_theirs(app: App) {
        let (ada, bob) = seed(&app).await;
        let total = async |key: &str, path: &str| {
            app.get_as(key, &format!("{path}{}{DAYS}", if path.contains('?') { "&" } else { "?" })).await
        };
        assert_eq!(total(&ada, "/user/daily/activity").await.ok()["metadata"]["total_spend_nano"], 1_000);
        assert_eq!(total(&bob, "/user/daily/activity?user_id=bob").await.ok()["metadata"]["total_api_requests"], 1);
        total(&bob, "/user/daily/activity?user_id=ada").await.error(403);
        // Another's key beside the own user is nothing, not another's usage.
        let other = total(&bob, &format!("/user/daily/activity?api_key={ada}")).await.ok();
        assert_eq!(other["metadata"]["total_api_requests"], 0);
        // Bob leads the team, ada is in it; neither is in the other.
        for path in ["/team/daily/activity", "/team/daily/activity/aggregated?team_ids=red"] {
            assert_eq!(total(&bob, path).await.ok()["metadata"]["total_api_requests"], 2, "{path}");
            assert_eq!(total(&ada, path).await.ok()["metadata"]["total_api_requests"], 1, "{path}");
        }
        total(&bob, "/team/daily/activity?team_ids=blue").await.error(403);
        total(&bob, "/team/daily/activity?team_ids=red,blue").await.error(403);
        total(&bob, "/organization/daily/activity").await.error(401);
        total(&bob, "/tag/daily/activity").await.error(401);
        let allowed = json!({"team_id": "red", "team_member_permissions": ["/team/daily/activity"]});
        app.post("/team/permissions_update", allowed).await.ok();
        assert_eq!(total(&ada, "/team/daily/activity").await.ok()["metadata"]["total_api_requests"], 2);
        let nobody = app.key(json!({})).await;
        assert_eq!(total(&nobody, "/team/daily/activity").await.ok()["metadata"]["total_api_requests"], 0);
        assert_eq!(total(&nobody, "/user/daily/activity").await.ok()["metadata"]["total_api_requests"], 0);
    }

    async fn an_answer_is_small_and_its_sums_whole_however_much_there_is(app: App) {
        let mut events = Vec::new();
        for day in 0..40 {
            for model in 0..60 {
                let id = day * 60 + model;
                let ago = Duration::from_secs(86_400 * day) + HOUR;
                let mut event = call(u128::from(id), None, ago, i64::try_from(id % 97 + model * 1_000).unwrap());
                event.intent.key = Some(KeyHash::of(&format!("sk-{}", id % 70)));
                event.intent.user_id = Some(format!("user-{}", id % 41).into());
                event.intent.model = format!("model-{model}").into();
                event.intent.model_group = format!("{}-{}", "long".repeat(60), id % 50).into();
                events.push(event);
            }
        }
        app.store.ledger().ship(&events, NOW).await.unwrap();
        let path = "/user/daily/activity/aggregated?start_date=2025-12-23&end_date=2026-01-31";
        let answer = app.get(path).await;
        assert!(answer.text.len() <= 1_000_000, "{}", answer.text.len());
        let activity = answer.ok();
        let metadata = &activity["metadata"];
        let cost = events.iter().map(|event| event.outcome.cost.nano()).sum::<i64>();
        assert_eq!((&metadata["total_spend_nano"], &metadata["total_api_requests"]), (&json!(cost), &json!(2_400)));
        assert_eq!((&metadata["is_cut"], activity["results"].as_array().unwrap().len()), (&json!(true), 40));
        let mut total = [0; 5];
        for day in activity["results"].as_array().unwrap() {
            let expected = sums(&day["metrics"]);
            total = add(total, expected);
            for part in ["models", "model_groups", "providers", "endpoints", "api_keys", "entities"] {
                let entries = day["breakdown"][part].as_object().unwrap();
                let found = entries.values().map(|entry| sums(&entry["metrics"])).fold([0; 5], add);
                assert_eq!(found, expected, "{part} of {}", day["date"]);
            }
            // The dearest of the range is told apart on each day.
            assert!(day["breakdown"]["models"]["model-59"].is_object() && day["breakdown"]["models"]["other"].is_object());
        }
        assert_eq!(total[0], cost);
        let shown = &metadata["breakdowns"]["models"];
        assert_eq!(shown["names"], 60);
        assert!(shown["shown"].as_u64().unwrap() < 60);
    }

    async fn what_makes_no_sense_is_refused(app: App) {
        for query in [
            "", "start_date=2026-01-31", "start_date=2026-01-31&end_date=2026-01-30", "start_date=2006-01-01&end_date=2026-01-01",
            "start_date=yesterday&end_date=2026-01-01", "start_date=9999-12-31&end_date=9999-12-31",
            "start_date=2026-01-01&end_date=2026-01-02&timezone=841", "start_date=2026-01-01&end_date=2026-01-02&page_size=1000000000",
            "start_date=2026-01-01&end_date=2026-01-02&page=0", "start_date=2026-01-01&end_date=2026-01-02&page_size=0",
            "start_date=2026-01-01&end_date=2026-01-02&api_key_limit=0",
        ] {
            for path in ["/user/daily/activity", "/team/daily/activity", "/tag/daily/activity"] {
                app.get(&format!("{path}?{query}")).await.error(400);
            }
        }
        for query in ["user_id=a%00b", "timezone=east", "page=99999999999999999999"] {
            assert_eq!(app.get(&format!("/user/daily/activity?{DAYS}&{query}")).await.status, 422, "{query}");
        }
        let many = (0..101).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        for ids in [many.as_str(), "a%1fb"] {
            app.get(&format!("/team/daily/activity?{DAYS}&team_ids={ids}")).await.error(400);
        }
        app.get(&format!("/user/daily/activity/aggregated/keys?{DAYS}&offset=10001")).await.error(400);
        app.get(&format!("/user/daily/activity/aggregated/keys?{DAYS}&limit=101")).await.error(400);
        app.get(&format!("/user/daily/activity/aggregated/model_top_keys?{DAYS}")).await.error(400);
        let strange = ask(&app, "/team/daily/activity?team_ids=%27%3B--,%25&exclude_team_ids=!").await;
        assert_eq!(strange["results"], json!([]));
    }
}
