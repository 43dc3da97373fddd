//! The smallest words of the house: money, time, chance, secrets, ids and hashes of keys.
//!
//! Knows nothing of I/O, databases, HTTP or LLMs, and holds no clock or random source of its own:
//! both come in through [`Clock`] and [`Rng`].

mod clock;
mod hash;
mod id;
mod money;
pub mod network;
mod rng;
mod secret;

pub use clock::{Clock, ManualClock, Timestamp};
pub use hash::{KeyHash, ParseKeyHashError};
pub use id::new_id;
pub use money::{Money, ParseMoneyError};
pub use rng::{Rng, SeededRng};
pub use secret::Secret;
