//! The control plane at its boundary: over a socket, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod access_groups;
mod activity;
mod allowed_ips;
mod analytics;
mod audit;
mod auth;
mod budgets;
mod calls;
mod capture_rate;
mod compatibility;
mod credentials;
mod customers;
mod exports;
mod health;
mod invitations;
mod keys;
mod limits;
mod models;
mod once;
mod openapi;
mod organizations;
mod other_routes;
mod parameters;
mod places;
mod projects;
mod prune;
mod reports;
mod roles;
mod session;
mod settings;
mod spend;
mod spend_reports;
mod stored_settings;
mod team_rest;
mod teams;
mod users;
