//! `POST /v1/messages/count_tokens`: our own estimate, as the compatible surface answers it.

use std::net::IpAddr;
use std::sync::Arc;

use domain::Dialect;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use serde_json::json;

use crate::body::Body;
use crate::pipeline::admit::check_access;
use crate::pipeline::{identify, read, receive};
use crate::refusal::Refusal;
use crate::respond;
use crate::worker::Worker;

const LABEL: &str = "/v1/messages/count_tokens";

pub async fn answer(
    worker: &Arc<Worker>,
    request: Request<Incoming>,
    client: Option<IpAddr>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let received = receive::receive(worker, head, client, Dialect::AnthropicMessages, LABEL, None);
    match count(worker, &received, body).await {
        Ok(tokens) => {
            let body = json!({"input_tokens": tokens, "litellm_count_source": "local_estimate"}).to_string();
            let mut response = Response::new(Body::from(body));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            respond::call_id(headers, &received.call_id);
            response
        }
        Err(refusal) => {
            respond::refusal(worker, Dialect::AnthropicMessages, &refusal, Some(&received.call_id))
        }
    }
}

async fn count(worker: &Worker, received: &receive::Received, body: Incoming) -> Result<u64, Refusal> {
    let caller = identify::identify(&worker.core, &received.headers, received.peer).await?;
    identify::check_route(&caller, received.uri.path(), LABEL)?;
    let ask = read::read(&worker.core, received, body).await?;
    let group = worker.core.routing.get().table.resolve(&ask.model, caller.team());
    check_access(&worker.core, &caller, [&ask.model; 2], group.as_deref())?;
    if group.is_none() {
        return Err(Refusal::InvalidModel { label: LABEL, model: ask.model });
    }
    Ok(ask.input_tokens())
}
