//! What every endpoint shares: how it reads, refuses and is bounded.

pub mod error;
pub mod input;
pub mod limits;
pub mod number;
