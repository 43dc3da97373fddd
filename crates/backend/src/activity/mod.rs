//! Usage by day of users, teams, organisations, customers and tags, as the compatible surface shows it.

mod allot;
mod breakdown;
mod daily;
pub mod days;
mod export;
mod keys;
mod names;
mod question;
pub mod reach;
mod routes;
mod view;

pub use names::Names;
pub use routes::routes;
