//! What OpenAI billed an organization, day by day: its Costs API,
//! <https://platform.openai.com/docs/api-reference/usage/costs>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode, Uri};
use kit::{Money, Secret};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use crate::{Client, Pieces, ReadError, SendError, read_limited};

/// Where the API is unless something stands for it.
pub const OPENAI_API_BASE: &str = "https://api.openai.com/v1";
/// Days of one bill: as many as the API puts on a page.
pub const BILL_DAYS_MAX: u16 = 180;
/// Pages that are followed.
const PAGES_MAX: usize = 20;
const PAGE_BYTES_MAX: usize = 4 << 20;
/// For each page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// Of what was answered in place of a bill, as much as is told.
const MESSAGE_CHARS_MAX: usize = 300;
const DAY_SECS: i64 = 86_400;

/// Reads bills with an administrator's key, which no request to a model uses.
#[derive(Clone)]
pub struct OpenAiBill {
    client: Client,
    base: String,
    authorization: HeaderValue,
}

/// Why there is no bill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    #[error("the address of the Costs API is no absolute http or https URL, or the key is no header's value")]
    Settings,
    #[error("{0}")]
    Send(#[from] SendError),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("it did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("it answered {status}: {message}")]
    Refused { status: StatusCode, message: String },
    #[error("its answer is no page of costs in US dollars: {0}")]
    Malformed(&'static str),
    #[error("its bill has more than {PAGES_MAX} pages")]
    Endless,
}

impl OpenAiBill {
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(client: Client, base: &str, key: &Secret) -> Result<Self, BillError> {
        let base = base.trim().trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|_| BillError::Settings)?;
        let is_usable = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
        let header = HeaderValue::try_from(format!("Bearer {}", key.reveal().trim()));
        let mut authorization = header.map_err(|_| BillError::Settings)?;
        authorization.set_sensitive(true);
        if is_usable { Ok(Self { client, base, authorization }) } else { Err(BillError::Settings) }
    }

    /// Costs of UTC days, by the seconds since 1970 at which they begin; a day without any may be absent. `projects`
    /// narrows them to these ids.
    ///
    /// # Errors
    /// When the API is not reached, refuses, or answers something else.
    pub async fn days(
        &self,
        from_secs: i64,
        days: u16,
        projects: &[String],
    ) -> Result<BTreeMap<i64, Money>, BillError> {
        let days = days.min(BILL_DAYS_MAX);
        let until_secs = from_secs + i64::from(days) * DAY_SECS;
        let mut query =
            format!("start_time={from_secs}&end_time={until_secs}&bucket_width=1d&limit={BILL_DAYS_MAX}");
        for project in projects {
            let _ = write!(query, "&project_ids={}", utf8_percent_encode(project, NON_ALPHANUMERIC));
        }
        let mut costs = BTreeMap::new();
        let mut page = None::<String>;
        for _ in 0..PAGES_MAX {
            let cursor = page.map(|page| format!("&page={}", utf8_percent_encode(&page, NON_ALPHANUMERIC)));
            let url = format!("{}/organization/costs?{query}{}", self.base, cursor.unwrap_or_default());
            page = add(&mut costs, &self.page(&url).await?)?;
            if page.is_none() {
                return Ok(costs);
            }
        }
        Err(BillError::Endless)
    }

    async fn page(&self, url: &str) -> Result<Bytes, BillError> {
        let mut request = Request::new(Pieces::from(Bytes::new()));
        *request.uri_mut() = url.parse().map_err(|_| BillError::Settings)?;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let (head, body) = timeout(PAGE_TIMEOUT, self.client.send(request))
            .await
            .map_err(|_| BillError::Timeout(PAGE_TIMEOUT))??
            .into_parts();
        let bytes = timeout(PAGE_TIMEOUT, read_limited(body, PAGE_BYTES_MAX, PAGE_TIMEOUT))
            .await
            .map_err(|_| BillError::Timeout(PAGE_TIMEOUT))??;
        if head.status.is_success() {
            return Ok(bytes);
        }
        Err(BillError::Refused { status: head.status, message: message(&bytes) })
    }
}

/// What an error of the API says.
fn message(bytes: &Bytes) -> String {
    let told = serde_json::from_slice::<Value>(bytes).ok();
    let told = told.as_ref().and_then(|body| body["error"]["message"].as_str());
    let text = told.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), str::to_owned);
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// Adds the costs of a page, and names the next.
fn add(costs: &mut BTreeMap<i64, Money>, page: &[u8]) -> Result<Option<String>, BillError> {
    let page: Value = serde_json::from_slice(page).map_err(|_| BillError::Malformed("no JSON"))?;
    let buckets = page["data"].as_array().ok_or(BillError::Malformed("no `data`"))?;
    for bucket in buckets {
        let start = bucket["start_time"].as_i64().ok_or(BillError::Malformed("no `start_time`"))?;
        let results = bucket["results"].as_array().ok_or(BillError::Malformed("no `results`"))?;
        for result in results {
            let day = costs.entry(start.div_euclid(DAY_SECS) * DAY_SECS).or_insert(Money::ZERO);
            *day = day.saturating_add(amount(&result["amount"])?);
        }
    }
    let has_more = page["has_more"].as_bool().unwrap_or(false);
    Ok(page["next_page"].as_str().filter(|_| has_more).map(str::to_owned))
}

/// A number or the text of one.
fn amount(amount: &Value) -> Result<Money, BillError> {
    if amount["currency"].as_str().is_some_and(|currency| !currency.eq_ignore_ascii_case("usd")) {
        return Err(BillError::Malformed("an amount in another currency"));
    }
    let value = &amount["value"];
    let dollars = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let dollars = dollars.ok_or(BillError::Malformed("no `amount.value`"))?;
    Money::from_dollars(dollars).map_err(|_| BillError::Malformed("an amount that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(page: &str) -> Result<(BTreeMap<i64, Money>, Option<String>), BillError> {
        let mut costs = BTreeMap::new();
        let next = add(&mut costs, page.as_bytes())?;
        Ok((costs, next))
    }

    #[test]
    fn a_page_adds_up_by_day_and_names_the_next() {
        let page = r#"{"object": "page", "has_more": true, "next_page": "p2", "data": [
            {"start_time": 86400, "end_time": 172800, "results": [
                {"amount": {"value": 0.06, "currency": "usd"}, "project_id": null},
                {"amount": {"value": "1.5", "currency": "USD"}}]},
            {"start_time": 172800, "results": []}]}"#;
        let (costs, next) = added(page).unwrap();
        assert_eq!((costs.get(&86400), next.as_deref()), (Some(&Money(1_560_000_000)), Some("p2")));
        let last = r#"{"data": [], "has_more": false, "next_page": "p2"}"#;
        assert_eq!(added(last).unwrap(), (BTreeMap::new(), None));
    }

    #[test]
    fn what_is_no_bill_is_refused() {
        let with = |amount: &str| {
            format!(r#"{{"data": [{{"start_time": 0, "results": [{{"amount": {amount}}}]}}]}}"#)
        };
        let bad =
            ["", "[]", "{}", "<html>", r#"{"data": [{"results": []}]}"#, r#"{"data": [{"start_time": 1}]}"#];
        let amounts =
            ["null", "{}", r#"{"value": "x"}"#, r#"{"value": "inf"}"#, r#"{"value": 1, "currency": "eur"}"#];
        for page in bad.map(str::to_owned).into_iter().chain(amounts.map(with)) {
            assert!(matches!(added(&page), Err(BillError::Malformed(_))), "{page}");
        }
        let far = r#"{"data": [{"start_time": -9223372036854775808, "results": []}]}"#;
        assert!(added(far).is_ok());
    }

    #[test]
    fn a_refusal_tells_what_the_api_said() {
        let body = Bytes::from(r#"{"error": {"message": "You have insufficient permissions"}}"#);
        assert_eq!(message(&body), "You have insufficient permissions");
        assert_eq!(message(&Bytes::from("x".repeat(9999))).len(), MESSAGE_CHARS_MAX);
    }
}
