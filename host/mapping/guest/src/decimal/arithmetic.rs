//! Arithmetic on decimals; every result is exact or rounded as asked.

use super::value::power_of_ten;
use super::{BY_ZERO, Decimal, INDIVISIBLE, MAX_PARTS, MODE, PARTS};
use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;
use std::str::FromStr;

/// What happens to the digits that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, halves to the even neighbour.
    HalfEven,
    /// To the nearest, halves away from zero.
    HalfUp,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
}

impl FromStr for Rounding {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        Ok(match text {
            "half_even" => Self::HalfEven,
            "half_up" => Self::HalfUp,
            "up" => Self::Up,
            "down" => Self::Down,
            _ => return Err(MODE),
        })
    }
}

/// `numerator / denominator` as an integer.
fn divide(numerator: &BigInt, denominator: &BigInt, mode: Rounding) -> BigInt {
    let quotient = numerator / denominator;
    let rest = numerator % denominator;
    if rest.sign() == Sign::NoSign {
        return quotient;
    }
    let twice = rest.magnitude() * 2_u8;
    let away = match (mode, twice.cmp(denominator.magnitude())) {
        (Rounding::Up, _) => true,
        (Rounding::Down, _) => false,
        (_, Ordering::Greater) => true,
        (_, Ordering::Less) => false,
        (Rounding::HalfUp, Ordering::Equal) => true,
        (Rounding::HalfEven, Ordering::Equal) => quotient.bit(0),
    };
    let negative = (numerator.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
    match (away, negative) {
        (false, _) => quotient,
        (true, false) => quotient + 1,
        (true, true) => quotient - 1,
    }
}

impl Decimal {
    fn aligned(&self, other: &Self) -> (Self, Self) {
        let scale = self.scale.max(other.scale);
        (self.with_scale(scale), other.with_scale(scale))
    }

    /// The sum, with the longer fraction of the two.
    pub fn add(&self, other: &Self) -> Result<Self, &'static str> {
        let (a, b) = self.aligned(other);
        Self::limited(a.digits + b.digits, a.scale)
    }

    /// The difference, with the longer fraction of the two.
    pub fn subtract(&self, other: &Self) -> Result<Self, &'static str> {
        let (a, b) = self.aligned(other);
        Self::limited(a.digits - b.digits, a.scale)
    }

    /// The product, with as many places as both operands together.
    pub fn multiply(&self, other: &Self) -> Result<Self, &'static str> {
        Self::limited(&self.digits * &other.digits, self.scale + other.scale)
    }

    /// The quotient with exactly `places` places.
    pub fn divide(&self, by: &Self, places: u32, mode: Rounding) -> Result<Self, &'static str> {
        if by.digits.sign() == Sign::NoSign {
            return Err(BY_ZERO);
        }
        let numerator = &self.digits * power_of_ten(by.scale + places);
        let denominator = &by.digits * power_of_ten(self.scale);
        Self::limited(divide(&numerator, &denominator, mode), places)
    }

    /// The number with exactly `places` places.
    pub fn round(&self, places: u32, mode: Rounding) -> Result<Self, &'static str> {
        match self.scale.checked_sub(places) {
            None | Some(0) => {
                let same = self.with_scale(places);
                Self::limited(same.digits, same.scale)
            }
            Some(less) => {
                let digits = divide(&self.digits, &power_of_ten(less), mode);
                Self::limited(digits, places)
            }
        }
    }

    /// The number with the other sign.
    pub fn negate(&self) -> Self {
        Self {
            digits: -&self.digits,
            scale: self.scale,
        }
    }

    /// The number without its sign.
    pub fn absolute(&self) -> Self {
        Self {
            digits: self.digits.magnitude().clone().into(),
            scale: self.scale,
        }
    }

    /// Compares the numbers: `1.10` equals `1.1`.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (a, b) = self.aligned(other);
        a.digits.cmp(&b.digits)
    }

    /// `parts` amounts with `places` places that add up to exactly this number. They
    /// differ by one unit of the last place at most; the larger ones come first.
    pub fn split(&self, parts: usize, places: u32) -> Result<Vec<Self>, &'static str> {
        if !(1..=MAX_PARTS).contains(&parts) {
            return Err(PARTS);
        }
        let total = self.round(places, Rounding::Down)?;
        if total.compare(self) != Ordering::Equal {
            return Err(INDIVISIBLE);
        }
        let count = BigInt::from(parts);
        let each = &total.digits / &count;
        let mut rest = &total.digits % &count;
        let unit = BigInt::from(if rest.sign() == Sign::Minus { -1 } else { 1 });
        let mut out = Vec::with_capacity(parts);
        for _ in 0..parts {
            let mut digits = each.clone();
            if rest.sign() != Sign::NoSign {
                digits += &unit;
                rest -= &unit;
            }
            out.push(Self {
                digits,
                scale: places,
            });
        }
        Ok(out)
    }
}
