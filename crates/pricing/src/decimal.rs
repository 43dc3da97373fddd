/// Reads a decimal (`0.0375`, `1e-7`, `2.5E-6`) and multiplies it by 10^`shift`, exactly, rounding what
/// is below one half up. `None` when it is no decimal, negative, or does not fit.
///
/// No float is involved, so `0.1` is a tenth.
pub fn scaled(text: &str, shift: i32) -> Option<i64> {
    /// More digits than this after stripping zeros are noise of someone's float.
    const DIGITS_MAX: usize = 30;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|e| e.abs() < 1000)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = [whole, fraction].concat();
    if digits.len() > 1000 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // value = digits × 10^(exponent - fraction.len() + shift)
    let power = exponent - i32::try_from(fraction.len()).ok()? + shift;
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let kept = &significant[..significant.len().min(DIGITS_MAX)];
    let power = power + i32::try_from(significant.len() - kept.len()).ok()?;
    apply(kept.parse().ok()?, power)
}

fn apply(digits: u128, power: i32) -> Option<i64> {
    let size = power.unsigned_abs();
    if power >= 0 {
        let value = 10u128.checked_pow(size).and_then(|factor| digits.checked_mul(factor))?;
        return i64::try_from(value).ok();
    }
    // Beyond 10^38 the divisor is larger than twice any number of digits that we keep.
    let Some(divisor) = 10u128.checked_pow(size) else { return Some(0) };
    i64::try_from(digits / divisor + u128::from(digits % divisor >= divisor.div_ceil(2))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(scaled("0.0375", 9), Some(37_500_000));
        assert_eq!(scaled("2.5e-06", 15), Some(2_500_000_000));
        assert_eq!(scaled("1.0000000000000001E-7", 15), Some(100_000_000));
        assert_eq!(scaled("3", 9), Some(3_000_000_000));
        assert_eq!(scaled("0", 15), Some(0));
        assert_eq!(scaled(".5", 1), Some(5));
        assert_eq!(scaled("5.", 1), Some(50));
    }

    #[test]
    fn half_rounds_up() {
        assert_eq!(scaled("0.5", 0), Some(1));
        assert_eq!(scaled("0.49", 0), Some(0));
        assert_eq!(scaled("1e-999", 15), Some(0));
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for bad in ["", ".", "-1", "+1", "1e", "e5", "1_000", "NaN", "inf", "1e400", "0x1", "1.2.3", "é"] {
            assert_eq!(scaled(bad, 9), None, "{bad}");
        }
    }
}
