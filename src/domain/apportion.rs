//! Splitting a sum by weights without losing or inventing a unit.

/// Splits `total` by `weights`: each part is rounded down, and what is left goes, one unit each, to the largest
/// remainders, ties to the earlier weight.
///
/// No part exceeds its weight as long as `total` does not exceed the sum of the weights; [`None`] when it does, or
/// when a value is negative.
pub fn by_largest_remainder(total: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let sum = weights.iter().try_fold(0_i128, |sum, weight| sum.checked_add(i128::from(*weight)))?;
    if total < 0 || i128::from(total) > sum || weights.iter().any(|weight| *weight < 0) {
        return None;
    }
    if total == 0 {
        return Some(vec![0; weights.len()]);
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = total;
    for (index, weight) in weights.iter().enumerate() {
        let product = i128::from(*weight).checked_mul(i128::from(total))?;
        let part = i64::try_from(product.checked_div(sum)?).ok()?;
        left = left.checked_sub(part)?;
        parts.push(part);
        remainders.push((std::cmp::Reverse(product.checked_rem(sum)?), index));
    }
    remainders.sort_unstable();
    for (_, index) in remainders.into_iter().take(usize::try_from(left).ok()?) {
        let part = parts.get_mut(index)?;
        *part = part.checked_add(1)?;
    }
    Some(parts)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_go_to_the_earlier_weight() {
        assert_eq!(by_largest_remainder(1, &[1, 1]), Some(vec![1, 0]));
        assert_eq!(by_largest_remainder(100, &[100, 100, 100]), Some(vec![34, 33, 33]));
        assert_eq!(by_largest_remainder(3, &[1, 1]), None);
        assert_eq!(by_largest_remainder(0, &[]), Some(vec![]));
    }

    proptest! {
        #[test]
        fn e2_parts_add_up_and_stay_within_their_weights(weights in prop::collection::vec(0_i64..1_000_000, 1..20), share in 0_u8..=100) {
            let sum: i64 = weights.iter().sum();
            let total = sum * i64::from(share) / 100;
            let parts = by_largest_remainder(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| 0 <= *part && part <= weight));
        }
    }
}
