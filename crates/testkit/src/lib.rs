//! What tests need beside the code under test: a scripted provider, a private Postgres, a proxy that fails on
//! request, clients by the thousand, the machine's time.
//!
//! Knows nothing of Bulkhead's services and is never part of the shipped binary: it stands where the
//! outside world stands, speaks its protocols, and misbehaves on request.

pub mod clock;
pub mod control;
pub mod fault;
pub mod load;
pub mod postgres;
pub mod scripted;
