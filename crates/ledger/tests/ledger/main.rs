#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod database;
mod full;
mod interleavings;
mod samples;
mod shipping;
