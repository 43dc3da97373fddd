use http::Method;
use kit::network::Network;
use serde_json::{Value, json};

use crate::support::{Answer, App, Kind, MASTER, backends};

impl App {
    /// As somebody behind a proxy of ours.
    async fn from(&self, client: &str, method: Method, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {MASTER}");
        let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", client)];
        self.send(method, path, &headers, &body.to_string()).await
    }

    async fn change_ips(&self, client: &str, path: &str, ip: &str) -> Answer {
        self.from(client, Method::POST, path, json!({ "ip": ip })).await
    }
}

const OWN: &str = "203.0.113.7";

backends! {
    async fn a_list_lets_in_who_is_in_it(app: App) {
        assert_eq!(app.get("/get/allowed_ips").await.ok(), json!({"data": []}));
        let added = app.change_ips(OWN, "/add/allowed_ip", " 203.0.113.0/24 ").await.ok();
        assert_eq!(added, json!({"message": "IP 203.0.113.0/24 address added successfully", "status": "success"}));
        app.change_ips(OWN, "/add/allowed_ip", "2001:DB8::1").await.ok();
        let list = app.from(OWN, Method::GET, "/get/allowed_ips", json!({})).await.ok();
        assert_eq!(list, json!({"data": ["2001:db8::1", "203.0.113.0/24"]}));
        app.from("2001:db8::1", Method::GET, "/key/list", json!({})).await.ok();
        let (kind, param, message) = app.from("198.51.100.1", Method::GET, "/key/list", json!({})).await.error(403);
        assert_eq!((kind.as_str(), param), ("auth_error", json!("None")));
        assert_eq!(message, "Access forbidden: IP address 198.51.100.1 not allowed.");
        // Whoever has no key is told no more, and probes are for everybody.
        app.send(Method::GET, "/key/list", &[("x-forwarded-for", "198.51.100.1")], "").await.error(403);
        app.from("198.51.100.1", Method::GET, "/health/liveliness", json!({})).await.ok();

        app.change_ips(OWN, "/delete/allowed_ip", "2001:db8::1").await.ok();
        app.from("2001:db8::1", Method::GET, "/key/list", json!({})).await.error(403);
        // The last one that goes lets everybody in again.
        let gone = app.change_ips(OWN, "/delete/allowed_ip", "203.0.113.0/24").await.ok();
        assert_eq!(gone["message"], "IP 203.0.113.0/24 deleted successfully");
        app.from("198.51.100.1", Method::GET, "/key/list", json!({})).await.ok();
        let log = app.get("/audit?object_id=203.0.113.0/24").await.ok();
        assert_eq!(log["total"], 2, "{log}");
    }

    async fn its_writer_is_not_locked_out(app: App) {
        for (path, ip) in [("/add/allowed_ip", "198.51.100.1"), ("/add/allowed_ip", "198.51.100.0/24")] {
            let (_, param, message) = app.change_ips(OWN, path, ip).await.error(400);
            assert_eq!(param, "ip");
            assert!(message.contains(OWN), "{message}");
        }
        app.change_ips(OWN, "/add/allowed_ip", OWN).await.ok();
        app.change_ips(OWN, "/add/allowed_ip", "198.51.100.1").await.ok();
        app.change_ips(OWN, "/delete/allowed_ip", OWN).await.error(400);
        app.change_ips("198.51.100.1", "/delete/allowed_ip", OWN).await.ok();
        let list = app.from("198.51.100.1", Method::GET, "/get/allowed_ips", json!({})).await.ok();
        assert_eq!(list, json!({"data": ["198.51.100.1"]}));
    }

    async fn what_is_no_address_is_refused(app: App) {
        for ip in ["", "host", "10.0.0.0/33", "1.2.3", "10.0.0.0/", "10.0.0.5/8"] {
            for path in ["/add/allowed_ip", "/delete/allowed_ip"] {
                assert_eq!(app.change_ips(OWN, path, ip).await.error(400).1, "ip", "{path} {ip}");
            }
        }
        assert_eq!(app.post("/add/allowed_ip", json!({"ip": 7})).await.status.as_u16(), 422);
        app.change_ips(OWN, "/add/allowed_ip", OWN).await.ok();
        app.change_ips(OWN, "/add/allowed_ip", OWN).await.error(400);
        assert_eq!(app.change_ips(OWN, "/delete/allowed_ip", "192.0.2.1").await.error(404).1, "ip");
    }
}

#[tokio::test]
async fn the_list_of_the_configuration_counts_too() {
    let network = |text: &str| text.parse::<Network>().unwrap();
    let app = App::with(Kind::Sqlite, |state| {
        state.catalog.settings.allowed_ips = vec![network("203.0.113.0/24")];
        state.catalog.settings.trusted_proxy_ranges = vec![network("192.0.2.0/24")];
    })
    .await;
    app.from(OWN, Method::GET, "/key/list", json!({})).await.ok();
    app.from(&format!("{OWN}, 192.0.2.1"), Method::GET, "/key/list", json!({})).await.ok();
    app.from(&format!("{OWN}, 198.51.100.1"), Method::GET, "/key/list", json!({})).await.error(403);
    let (_, _, message) = app.change_ips(OWN, "/delete/allowed_ip", "203.0.113.0/24").await.error(400);
    assert!(message.contains("config.yaml"), "{message}");
    app.change_ips(OWN, "/add/allowed_ip", "203.0.113.0/24").await.error(400);
    app.change_ips(OWN, "/add/allowed_ip", "198.51.100.1").await.ok();
    app.from("198.51.100.1", Method::GET, "/key/list", json!({})).await.ok();
    let list = app.from(OWN, Method::GET, "/get/allowed_ips", json!({})).await.ok();
    assert_eq!(list, json!({"data": ["203.0.113.0/24", "198.51.100.1"]}));
}
