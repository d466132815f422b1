//! A decimal number and its text.

use super::{MAX_DIGITS, NOT_DECIMAL, TOO_LONG};
use num_bigint::{BigInt, Sign};
use std::fmt;
use std::str::FromStr;

/// `digits` times ten to the power of minus `scale`. Trailing zeros are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub(super) digits: BigInt,
    pub(super) scale: u32,
}

pub(super) fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10_u8).pow(exponent)
}

impl Decimal {
    /// Refuses what is longer than [`MAX_DIGITS`].
    pub(super) fn limited(digits: BigInt, scale: u32) -> Result<Self, &'static str> {
        // A decimal digit has more than 3.32 bits: cheaper than counting digits.
        let too_long = digits.bits() > (MAX_DIGITS as u64) * 333 / 100
            || usize::try_from(scale).is_ok_and(|scale| scale > MAX_DIGITS);
        if too_long {
            return Err(TOO_LONG);
        }
        Ok(Self { digits, scale })
    }

    /// The same number with at least `scale` places.
    pub(super) fn with_scale(&self, scale: u32) -> Self {
        match scale.checked_sub(self.scale) {
            None | Some(0) => self.clone(),
            Some(more) => Self {
                digits: &self.digits * power_of_ten(more),
                scale,
            },
        }
    }

    /// An integer.
    pub fn integer(digits: BigInt) -> Result<Self, &'static str> {
        Self::limited(digits, 0)
    }
}

impl FromStr for Decimal {
    type Err = &'static str;

    /// Reads an optional minus, digits, an optional fraction and an optional exponent.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(NOT_DECIMAL),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return Err(NOT_DECIMAL);
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        if significant.len() > MAX_DIGITS || fraction.len() > MAX_DIGITS {
            return Err(TOO_LONG);
        }
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        let digits = match significant.parse::<u64>() {
            // Nearly all amounts; several times faster.
            Ok(short) => BigInt::from_biguint(sign, short.into()),
            Err(_) => {
                let bytes: Vec<u8> = significant.bytes().map(|b| b - b'0').collect();
                BigInt::from_radix_be(sign, &bytes, 10).unwrap_or_default()
            }
        };
        // Fits: the fraction is at most MAX_DIGITS long.
        let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let scale = scale.saturating_sub(exponent);
        let limit = i64::try_from(MAX_DIGITS).unwrap_or(i64::MAX);
        if digits.sign() == Sign::NoSign {
            let places = u32::try_from(scale.clamp(0, limit)).unwrap_or_default();
            return Self::limited(digits, places);
        }
        if scale.abs() > limit {
            return Err(TOO_LONG);
        }
        match u32::try_from(scale) {
            Ok(scale) => Self::limited(digits, scale),
            Err(_) => {
                let zeros = u32::try_from(scale.unsigned_abs()).map_err(|_| TOO_LONG)?;
                Self::limited(digits * power_of_ten(zeros), 0)
            }
        }
    }
}

/// The exponent, or the largest there is where it does not fit.
fn exponent_of(text: &str) -> Result<i64, &'static str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NOT_DECIMAL);
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX);
    Ok(if text.starts_with('-') { -size } else { size })
}

impl fmt::Display for Decimal {
    /// Plain notation: no exponent, a digit on both sides of the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.magnitude().to_string();
        let scale = usize::try_from(self.scale).unwrap_or(MAX_DIGITS);
        if self.digits.sign() == Sign::Minus {
            f.write_str("-")?;
        }
        if scale == 0 {
            return f.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{whole}.{fraction}")
    }
}
