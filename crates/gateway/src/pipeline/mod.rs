//! The walk of a request: one file a stage, each consuming what the one before it made.

pub mod account;
pub mod admit;
pub mod attempt;
pub mod deadline;
pub mod failure;
pub mod identify;
pub mod owners;
pub mod read;
pub mod receive;
pub mod reserve;
pub mod settle;
pub mod stream;

use std::net::IpAddr;
use std::sync::Arc;

use domain::Dialect;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::body::Body;
use crate::refusal::{Refusal, Words};
use crate::respond;
use crate::worker::{InFlight, Worker};
use admit::Admitted;
use attempt::Answered;
use identify::Caller;
use read::Ask;
use receive::Received;

/// Answers one inference request.
pub async fn run(
    worker: &Arc<Worker>,
    request: Request<Incoming>,
    peer: Option<IpAddr>,
    in_flight: InFlight,
    (dialect, label, path_model): (Dialect, &'static str, Option<String>),
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let received = receive::receive(worker, head, peer, dialect, label, path_model);
    let caller = match identify::identify(&worker.core, &received.headers, received.peer).await {
        Ok(caller) => caller,
        Err(refusal) => return respond::refusal(worker, dialect, &refusal, Some(&received.call_id)),
    };
    if let Err(refusal) = identify::check_route(&caller, received.uri.path(), label) {
        return refuse(worker, &received, &caller, None, "", &refusal);
    }
    let ask = match read::read(&worker.core, &received, body).await {
        Ok(ask) => ask,
        Err(refusal) => return refuse(worker, &received, &caller, None, "", &refusal),
    };
    let mut admitted = match admit_ask(worker, &received, &caller, &ask) {
        Ok(admitted) => admitted,
        Err(refusal) => return refuse(worker, &received, &caller, Some(&ask), &ask.model, &refusal),
    };
    let reservation = admitted.reservation.take();
    let request =
        attempt::Request { worker, received: &received, caller: &caller, ask: &ask, admitted: &admitted };
    match request.run(reservation).await {
        Ok(answered) => answer(worker, received, &caller, ask, &admitted, answered, in_flight),
        Err(refusal @ Refusal::Provider(_)) => {
            respond::refusal(worker, dialect, &refusal, Some(&received.call_id))
        }
        Err(refusal) => refuse(worker, &received, &caller, Some(&ask), &admitted.model, &refusal),
    }
}

fn admit_ask(worker: &Worker, received: &Received, caller: &Caller, ask: &Ask) -> Result<Admitted, Refusal> {
    let max_output = ask.envelope.max_tokens().map(|tokens| tokens.saturating_mul(ask.envelope.choices()));
    admit::admit(&worker.core, caller, received.label, ask, ask.input_tokens(), max_output)
}

/// A refusal of a known caller: the answer, and a row in the ledger.
fn refuse(
    worker: &Worker,
    received: &Received,
    caller: &Caller,
    ask: Option<&Ask>,
    model: &str,
    refusal: &Refusal,
) -> Response<Body> {
    account::refused(worker, received, caller, ask, model, &Words::from(refusal));
    respond::refusal(worker, received.dialect, refusal, Some(&received.call_id))
}

fn answer(
    worker: &Arc<Worker>,
    received: Received,
    caller: &Caller,
    ask: Ask,
    admitted: &Admitted,
    answered: Answered,
    in_flight: InFlight,
) -> Response<Body> {
    let facts = respond::Facts { worker, received: &received, caller, admitted };
    match answered.body {
        attempt::AnswerBody::Whole(_) => respond::whole(&facts, answered),
        attempt::AnswerBody::Stream(..) => respond::stream(&facts, answered, ask, in_flight),
    }
}
