#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod budget;
mod common;
mod database;
mod replica;
mod writers;
