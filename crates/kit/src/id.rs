use uuid::Uuid;

use crate::{Rng, Timestamp};

/// A time-ordered (version 7) id, so that rows arrive near each other in every index over ids: random ones
/// cost the database a page of its index each.
pub fn new_id(now: Timestamp, rng: &mut dyn Rng) -> Uuid {
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
    fn ids_sort_by_time() {
        let mut rng = SeededRng::new(1);
        let early = new_id(Timestamp::from_secs(1), &mut rng);
        let late = new_id(Timestamp::from_secs(2), &mut rng);
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[test]
    fn ids_of_one_moment_differ() {
        let mut rng = SeededRng::new(1);
        assert_ne!(new_id(Timestamp::from_secs(1), &mut rng), new_id(Timestamp::from_secs(1), &mut rng));
    }
}
