//! How many names each breakdown of a day may show, so that an answer stays small whatever there is.

/// What is asked for in `wants` out of `all`, evenly: who wants little gets it, and the others share what is left.
pub fn evenly(all: usize, wants: &[usize]) -> Vec<usize> {
    let mut given = vec![0; wants.len()];
    let mut order = (0..wants.len()).collect::<Vec<_>>();
    order.sort_by_key(|index| wants[*index]);
    let mut left = all;
    for (done, index) in order.into_iter().enumerate() {
        given[index] = wants[index].min(left / (wants.len() - done));
        left -= given[index];
    }
    given
}

/// Names that are shown when there are `names` of them and room for `room` entries: all, or one less than there is
/// room for, since the rest takes an entry too.
pub const fn shown(names: usize, room: usize) -> usize {
    if names <= room { names } else { room.saturating_sub(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared() {
        assert_eq!(evenly(100, &[3, 4, 5]), [3, 4, 5]);
        assert_eq!(evenly(12, &[100, 2, 100]), [5, 2, 5]);
        assert_eq!(evenly(2, &[100, 100, 100]), [0, 1, 1]);
        assert_eq!(evenly(0, &[1, 2]), [0, 0]);
        assert_eq!(evenly(9, &[]), Vec::<usize>::new());
        for all in 0..60 {
            let given = evenly(all, &[7, 0, 31, 2, 9]);
            assert!(given.iter().sum::<usize>() <= all, "{all} {given:?}");
        }
    }

    #[test]
    fn the_rest_takes_an_entry() {
        assert_eq!([shown(5, 5), shown(6, 5), shown(6, 1), shown(6, 0), shown(0, 0)], [5, 4, 0, 0, 0]);
    }
}
