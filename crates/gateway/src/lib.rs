//! The data plane: the walk of an LLM request from the socket to a provider and back.
//!
//! Knows nothing of SQL, of the management API or of how configuration is written. No stage of a request
//! waits for a database or for Redis.

mod body;
mod clients;
mod count_tokens;
mod credentials;
mod deployments;
mod door;
mod front_door;
mod habits;
mod health;
mod models;
mod names;
mod pipeline;
mod prices;
mod pulse;
mod receive_body;
mod refusal;
mod respond;
mod route;
mod routing_now;
mod server;
mod settings;
mod socket;
mod unread;
mod worker;

pub use clients::Clients;
pub use credentials::key_header;
pub use deployments::Environment;
pub use door::{Doors, Drain};
pub use front_door::FrontDoor;
pub use prices::{Priced, Prices};
pub use pulse::{Pulses, Stuck};
pub use receive_body::BodyMemory;
pub use routing_now::{Routing, RoutingNow};
pub use server::Server;
pub use settings::Settings;
pub use worker::{Core, Worker};
