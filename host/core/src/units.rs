//! Durations and sizes as people write them: `500ms 2s 5m 1h 2d`, `64KiB 10MiB`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Why a duration or size was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidUnit {
    /// Not one of the accepted forms.
    #[error("a duration is a whole number and a unit: 500ms, 2s, 5m, 1h or 2d")]
    Duration,
    /// Not one of the accepted forms.
    #[error("a size is a whole number and a unit: 512B, 64KiB, 10MiB or 1GiB")]
    Size,
}

/// Reads a duration such as `500ms`.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidUnit> {
    let (number, unit) = split(text).ok_or(InvalidUnit::Duration)?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(InvalidUnit::Duration),
    };
    let millis = number
        .checked_mul(millis_per_unit)
        .ok_or(InvalidUnit::Duration)?;
    Ok(Duration::from_millis(millis))
}

/// Writes a duration in the largest unit that keeps it whole.
pub fn format_duration(duration: Duration) -> String {
    let millis = crate::time::millis(duration);
    for (size, unit) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ] {
        if millis > 0 && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

/// Reads a size such as `64KiB`, in bytes.
pub fn parse_size(text: &str) -> Result<u64, InvalidUnit> {
    let (number, unit) = split(text).ok_or(InvalidUnit::Size)?;
    let bytes_per_unit = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(InvalidUnit::Size),
    };
    number.checked_mul(bytes_per_unit).ok_or(InvalidUnit::Size)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

/// A share of a whole, kept in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(u16);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(10_000);

    /// Nothing of it.
    pub const NONE: Self = Self(0);

    /// A twentieth.
    pub const FIVE_PERCENT: Self = Self(500);

    /// Reads `99.5%`; at most two digits after the point.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%')?;
        let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(rest) || rest.len() > 2 {
            return None;
        }
        let hundredths = whole.parse::<u16>().ok()?.checked_mul(100)?;
        let rest = format!("{rest:0<2}").parse::<u16>().ok()?;
        let share = hundredths.checked_add(rest)?;
        (share <= 10_000).then_some(Self(share))
    }

    /// The share in hundredths of a percent.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// Whether `part` of `whole` is more than this share.
    pub fn is_exceeded(self, part: usize, whole: usize) -> bool {
        (part as u128) * 10_000 > u128::from(self.0) * (whole as u128)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, rest) => write!(f, "{whole}.{rest:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_secs(172_800)));
        for bad in [
            "",
            "5",
            "s",
            "1.5s",
            "5 m",
            "-1s",
            "99999999999999999999d",
            "5M",
        ] {
            assert_eq!(parse_duration(bad), Err(InvalidUnit::Duration), "{bad}");
        }
        for text in ["500ms", "2s", "5m", "1h", "2d"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("10MiB"), Ok(10_485_760));
        assert_eq!(parse_size("10MB"), Err(InvalidUnit::Size));
    }

    #[test]
    fn shares() {
        let one = Share::parse("1%").unwrap();
        assert!(!one.is_exceeded(1, 100) && one.is_exceeded(2, 100) && one.is_exceeded(1, 99));
        assert_eq!(Share::parse("99.5%").unwrap().to_string(), "99.50%");
        for bad in ["1", "%", "100.01%", "-1%", "1.234%", "1.%"] {
            assert_eq!(Share::parse(bad), None, "{bad}");
        }
    }
}
