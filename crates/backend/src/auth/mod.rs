//! Who calls: the master key, a signed-in browser, or a virtual key; and what the role model lets them do.

mod caller;
mod credential;
pub mod csrf;
mod gate;
mod reach;
mod refusal;
pub mod rules;

pub use caller::{Caller, Identity};
pub use credential::{Credential, SESSION_COOKIE, credential};
pub use gate::gate;
pub use reach::Standing;
pub use refusal::AuthError;
