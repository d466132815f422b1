//! Secrets: made here, shown once, kept as digests.

use dowel_core::port::Randomness;

/// How every API token begins, so that scanners of repositories find one that leaked.
const PREFIX: &str = "dwl_";

/// Hexadecimal digits of a token's id.
const ID_DIGITS: usize = 12;

/// 256 random bits in hexadecimal digits.
pub(super) fn new(randomness: &dyn Randomness) -> String {
    let halves = [randomness.bytes(), randomness.bytes()];
    hex(&halves.concat())
}

/// A new token: its id, and the whole of it.
pub(super) fn token(randomness: &dyn Randomness) -> (String, String) {
    let id = hex(&randomness.bytes())[..ID_DIGITS].to_owned();
    let token = format!("{PREFIX}{id}_{}", new(randomness));
    (id, token)
}

/// The id in a token; `None` if it is no token.
pub(super) fn token_id(token: &str) -> Option<&str> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    (id.len() == ID_DIGITS && secret.len() == 64 && is_hex(id) && is_hex(secret)).then_some(id)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a text cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Counting(AtomicU8);

    impl Randomness for Counting {
        fn bytes(&self) -> [u8; 16] {
            [self.0.fetch_add(1, Ordering::Relaxed); 16]
        }
    }

    #[test]
    fn tokens_carry_their_id_and_256_random_bits() {
        let randomness = Counting(AtomicU8::new(0));
        let (id, token) = token(&randomness);
        assert_eq!(id, "000000000000");
        assert_eq!(token_id(&token), Some("000000000000"));
        assert!(token.ends_with(&format!("_{}{}", "01".repeat(16), "02".repeat(16))));
        for other in ["", "dwl_", "dwl_0_0", &token[1..], &token[..70], "dwl_é_é"] {
            assert_eq!(token_id(other), None, "{other}");
        }
    }
}
