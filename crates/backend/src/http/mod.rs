//! What every endpoint shares: how it reads, refuses and is bounded.

pub mod address;
pub mod error;
pub mod export;
pub mod input;
pub mod limits;
pub mod number;
pub mod once;
pub mod page;
pub mod reports;
pub mod table;
