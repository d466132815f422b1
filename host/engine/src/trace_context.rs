//! W3C Trace Context, level 1: the run's own trace where the request brought none.

use dowel_core::RunId;

/// A `traceparent` (section 3.2) whose trace id is the run's id and whose parent id
/// is its random half; sampled.
pub(crate) fn begin(run: RunId) -> String {
    let id = run.as_u128();
    let parent = u64::try_from(id & u128::from(u64::MAX)).unwrap_or(1).max(1);
    format!("00-{id:032x}-{parent:016x}-01")
}

/// Whether a text is a `traceparent` of version 00 that may be passed on.
pub(crate) fn is_valid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length| {
        part.len() == length
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let not_zero = |part: &str| part.bytes().any(|b| b != b'0');
    match parts[..] {
        ["00", trace, parent, flags] => {
            hex(trace, 32)
                && not_zero(trace)
                && hex(parent, 16)
                && not_zero(parent)
                && hex(flags, 2)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;

    #[test]
    fn what_is_begun_is_valid_and_junk_is_not() {
        assert!(is_valid(&begin(RunId::new(
            Timestamp::from_millis(1),
            [7; 10]
        ))));
        for bad in [
            "",
            "00-0-0-01",
            "00-00000000000000000000000000000000-0000000000000001-01",
            "x\r\ny",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
