//! Numbers as clients send them: JSON numbers, or text that holds one.

use std::fmt;

use kit::Money;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::ApiError;

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole(pub i64);

struct AnyNumber;

impl Visitor<'_> for AnyNumber {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("f64")
    }

    #[allow(clippy::cast_precision_loss, reason = "amounts of money and limits are far below 2^53")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    #[allow(clippy::cast_precision_loss, reason = "amounts of money and limits are far below 2^53")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNumber).map(Self)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(AnyNumber)?;
        #[allow(clippy::cast_possible_truncation, reason = "whole and in range")]
        if number.fract() == 0.0 && number.abs() < 9e15 {
            return Ok(Self(number as i64));
        }
        Err(D::Error::invalid_type(Unexpected::Float(number), &"i64"))
    }
}

/// An amount of money that is not negative.
///
/// # Errors
/// 400 that names the field.
pub fn dollars(field: &str, amount: Number) -> Result<Money, ApiError> {
    let money = Money::from_dollars(amount.0).ok().filter(|money| *money >= Money::ZERO);
    money
        .ok_or_else(|| ApiError::bad(field, format!("{field} must be a finite number of dollars, 0 or more")))
}
