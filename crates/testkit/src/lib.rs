//! What tests start and build: a private Postgres. Never part of the product.

pub mod postgres;
