use domain::Usage;

use crate::error::ProviderError;

/// Longest id or stop word that is kept, in bytes.
const WORD_BYTES_MAX: usize = 256;

/// What the gateway learns of a stream while it passes.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) usage: Option<Usage>,
    pub(super) chars: u64,
    pub(super) id: Option<String>,
    pub(super) stop: Option<String>,
    pub(super) content: bool,
    pub(super) any_event: bool,
    pub(super) ended: bool,
    pub(super) cut: bool,
    pub(super) error: Option<ProviderError>,
}

impl Watch {
    pub(super) fn add_chars(&mut self, chars: u64) {
        self.chars = self.chars.saturating_add(chars);
        self.content |= chars > 0;
    }

    pub(super) fn see_id(&mut self, raw: &[u8]) {
        if self.id.is_none() {
            self.id = word(raw);
        }
    }

    pub(super) fn see_stop(&mut self, raw: &[u8]) {
        self.stop = word(raw).or_else(|| self.stop.take());
    }
}

/// The string that `raw` is, if it is one of bearable length.
fn word(raw: &[u8]) -> Option<String> {
    if raw.len() > WORD_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(raw).ok()
}
