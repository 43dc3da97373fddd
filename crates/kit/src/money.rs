use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const NANO_PER_DOLLAR: i64 = 1_000_000_000;

/// US dollars in integer nano-dollars: exact, and good for ±9.2 billion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of dollars that fits ±9.2 billion")]
pub struct ParseMoneyError(String);

impl Money {
    pub const ZERO: Self = Self(0);

    pub const fn nano(self) -> i64 {
        self.0
    }

    /// For display and for JSON fields that the compatible surface defines as a float. Never stored.
    #[allow(clippy::cast_precision_loss)]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The nearest nano-dollar to a float from outside (a budget in a request body).
    ///
    /// # Errors
    /// When `dollars` is not finite or does not fit.
    pub fn from_dollars(dollars: f64) -> Result<Self, ParseMoneyError> {
        let nano = dollars * 1e9;
        if !nano.is_finite() || nano.abs() >= 9.2e18 {
            return Err(ParseMoneyError(dollars.to_string()));
        }
        #[allow(clippy::cast_possible_truncation)]
        Ok(Self(nano.round() as i64))
    }

    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        let (dollars, rest) = (nano / NANO_PER_DOLLAR.unsigned_abs(), nano % NANO_PER_DOLLAR.unsigned_abs());
        if rest == 0 {
            return write!(f, "{sign}{dollars}.0");
        }
        let (mut fraction, mut digits) = (rest, 9);
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{dollars}.{fraction:0digits$}")
    }
}

impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        text.parse().map_err(|_| ParseMoneyError(text.into())).and_then(Self::from_dollars)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_print_exactly() {
        assert_eq!(Money(1_500_000_000).to_string(), "1.5");
        assert_eq!(Money(1).to_string(), "0.000000001");
        assert_eq!(Money(-2_000_000_001).to_string(), "-2.000000001");
        assert_eq!(Money::ZERO.to_string(), "0.0");
    }

    #[test]
    fn dollars_parse_to_the_nearest_nano() {
        assert_eq!("0.1".parse(), Ok(Money(100_000_000)));
        assert_eq!(Money::from_dollars(1e-9), Ok(Money(1)));
        for bad in ["", "a dollar", "NaN", "inf", "1e300"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }
}
