//! What share of OpenAI's bill went through: against a double of its Costs API.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, routing};
use kit::{ManualClock, Secret, SeededRng, Timestamp};
use serde_json::{Value, json};
use upstream::{Client, ClientSettings, OpenAiBill};

use crate::support::{App, Kind, NOW, call};

const DAY: Duration = Duration::from_secs(86_400);
/// 2026-01-29, 30 and 31.
const DAYS: &str = "start_date=2026-01-29&end_date=2026-01-31";

/// What the double was asked, and how it answers after the first page.
#[derive(Default)]
struct Api {
    asked: Mutex<Vec<String>>,
}

/// Two pages: 2 dollars on the 30th, and half a dollar on the 31st.
async fn costs(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let query = query.unwrap_or_default();
    let is_second = query.contains("page=p%2F2");
    api.asked.lock().unwrap().push(query);
    if headers["authorization"] != "Bearer sk-admin-right" {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": {"message": "wrong key"}})));
    }
    let bucket = |day: i64, amounts: &[&str]| {
        let start = NOW.micros() / 1_000_000 / 86_400 * 86_400 + day * 86_400;
        let of =
            |amount: &&str| json!({"amount": {"value": amount.parse::<f64>().unwrap(), "currency": "usd"}});
        json!({"start_time": start, "end_time": start + 86_400, "results": amounts.iter().map(of).collect::<Vec<_>>()})
    };
    (
        StatusCode::OK,
        Json(match is_second {
            false => {
                json!({"data": [bucket(-2, &[]), bucket(-1, &["1.5", "0.5"])], "has_more": true, "next_page": "p/2"})
            }
            true => json!({"data": [bucket(0, &["0.5"])], "has_more": false, "next_page": null}),
        }),
    )
}

/// The control plane with a key for the double.
async fn app(key: &str) -> (App, Arc<Api>) {
    let api = Arc::new(Api::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1/", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/organization/costs", routing::get(costs)).with_state(api.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let tls = upstream::tls::client_config(None).unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(0)));
    let client = Client::new(&ClientSettings::default(), &tls, clock, &mut SeededRng::new(1));
    let bill = OpenAiBill::new(client, &base, &Secret::new(key)).unwrap();
    (App::with(Kind::Sqlite, |state| state.bill = Some(bill)).await, api)
}

#[tokio::test]
async fn spend_is_compared_with_the_bill_by_day() {
    let (app, api) = app("sk-admin-right").await;
    let mut elsewhere = call(3, None, DAY, 7_000_000_000);
    elsewhere.intent.provider = "anthropic".into();
    let events = [call(1, None, DAY, 1_000_000_000), call(2, None, Duration::ZERO, 1_000_000_000), elsewhere];
    app.store.ledger().ship(&events, NOW).await.unwrap();
    let answer = app.get(&format!("/spend/capture_rate?{DAYS}&project_ids=a&project_ids=b%26c")).await.ok();
    assert_eq!(
        answer,
        json!({
            "provider": "openai", "start_date": "2026-01-29", "end_date": "2026-01-31",
            "captured_spend": 2.0, "provider_spend": 2.5, "capture_rate": 0.8, "threshold": 0.9, "below_threshold": true,
            "days": [
                {"date": "2026-01-29", "captured_spend": 0.0, "provider_spend": 0.0, "capture_rate": null},
                {"date": "2026-01-30", "captured_spend": 1.0, "provider_spend": 2.0, "capture_rate": 0.5},
                {"date": "2026-01-31", "captured_spend": 1.0, "provider_spend": 0.5, "capture_rate": 2.0},
            ],
        })
    );
    let asked = api.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[0].contains("bucket_width=1d") && asked[0].contains("&project_ids=a&project_ids=b%26c"),
        "{asked:?}"
    );
    let lower = app.get(&format!("/spend/capture_rate?{DAYS}&threshold=0.5")).await.ok();
    assert_eq!((&lower["below_threshold"], &lower["threshold"]), (&json!(false), &json!(0.5)));
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused() {
    let (app, _) = app("sk-admin-wrong").await;
    let (_, _, message) = app.get(&format!("/spend/capture_rate?{DAYS}")).await.error(502);
    assert!(message.contains("401") && message.contains("wrong key"), "{message}");
    for query in [
        "start_date=2025-01-01&end_date=2026-01-01".to_owned(),
        "start_date=2026-01-01".into(),
        format!("{DAYS}&provider=anthropic"),
        format!("{DAYS}&threshold=0"),
        format!("{DAYS}&threshold=NaN"),
        format!("{DAYS}{}", "&project_ids=x".repeat(101)),
    ] {
        app.get(&format!("/spend/capture_rate?{query}")).await.error(400);
    }
    let without = App::sqlite().await;
    let (_, _, message) = without.get(&format!("/spend/capture_rate?{DAYS}")).await.error(503);
    assert!(message.contains("OPENAI_ADMIN_KEY"), "{message}");
    let key = without.key(json!({})).await;
    without.get_as(&key, &format!("/spend/capture_rate?{DAYS}")).await.error(401);
}
