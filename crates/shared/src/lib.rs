//! State that every worker of a gateway sees: how deployments fare and how many requests each has in flight.
//!
//! Knows nothing of HTTP, keys or prices. It lives in memory; the same calls will later also be answered
//! with the help of Redis, in the background, so that replicas see each other's cool-downs: that is why
//! nothing here waits and why rests are given as lengths of time.

mod deployments;

pub use deployments::{DeploymentStatus, Deployments, InFlight};
