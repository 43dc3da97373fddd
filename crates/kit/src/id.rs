use uuid::Uuid;

use crate::{Rng, Timestamp};

/// A random (version 4) id, as clients see it in `x-litellm-call-id`.
pub fn new_call_id(rng: &mut dyn Rng) -> Uuid {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// A time-ordered (version 7) id, so that rows arrive near each other in the index.
pub fn new_event_id(now: Timestamp, rng: &mut dyn Rng) -> Uuid {
    let mut random = [0; 10];
    rng.fill(&mut random);
    let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn event_ids_sort_by_time() {
        let mut rng = SeededRng::new(1);
        let early = new_event_id(Timestamp::from_secs(1), &mut rng);
        let late = new_event_id(Timestamp::from_secs(2), &mut rng);
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[test]
    fn call_ids_are_random() {
        let mut rng = SeededRng::new(1);
        let (one, two) = (new_call_id(&mut rng), new_call_id(&mut rng));
        assert_ne!(one, two);
        assert_eq!(one.get_version_num(), 4);
    }
}
