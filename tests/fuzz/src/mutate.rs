//! Ways of damaging an input.

use crate::random::Random;

/// Bytes that end, quote, nest or escape something somewhere.
const EDGES: &[u8] = b"\0\n\r\t \"'\\/%;:@#?&=+-.,[]{}()<>$*|~`0\x7f\x80\xbf\xc0\xff";

/// The most damages of one input.
const MAX_DAMAGES: usize = 8;

/// An input made of one or two others, damaged.
pub(crate) fn damaged(
    inputs: &[&[u8]],
    words: &[&str],
    limit: usize,
    random: &mut Random,
) -> Vec<u8> {
    let mut out = random
        .one(inputs)
        .map_or_else(Vec::new, |input| input.to_vec());
    for _ in 0..=random.below(MAX_DAMAGES) {
        damage(&mut out, inputs, words, random);
    }
    out.truncate(limit);
    out
}

fn damage(out: &mut Vec<u8>, inputs: &[&[u8]], words: &[&str], random: &mut Random) {
    let at = random.below(out.len() + 1);
    match random.below(9) {
        0 => {
            let bit = random.below(8);
            if let Some(byte) = out.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        1 => {
            let byte = u8::try_from(random.below(256)).unwrap_or_default();
            out.insert(at, byte);
        }
        2 => {
            let edge = random.one(EDGES).copied().unwrap_or_default();
            out.insert(at, edge);
        }
        3 => {
            let to = (at + random.below(16)).min(out.len());
            out.drain(at..to);
        }
        4 | 5 => {
            let word = random.one(words).copied().unwrap_or_default();
            out.splice(at..at, word.bytes());
        }
        6 => {
            let to = (at + random.below(32)).min(out.len());
            let part = out[at..to].to_vec();
            let times = 1 + random.below(4);
            out.splice(at..at, part.repeat(times));
        }
        7 => {
            let other = random.one(inputs).copied().unwrap_or_default();
            let from = random.below(other.len() + 1);
            out.truncate(at);
            out.extend_from_slice(&other[from..]);
        }
        _ => {
            // Percent-encode a byte: what is refused must be refused in any spelling.
            if let Some(byte) = out.get(at).copied() {
                let hex = format!("%{byte:02x}");
                out.splice(at..=at, hex.bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_repeatable_varied_and_bounded() {
        let make = |seed| {
            let mut random = Random::new(seed);
            (0..500)
                .map(|_| damaged(&[b"https://a/b", b""], &["..", "%2e"], 64, &mut random))
                .collect::<Vec<_>>()
        };
        let first = make(1);
        assert_eq!(first, make(1));
        assert_ne!(first, make(2));
        let mut distinct = first.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 400, "{}", distinct.len());
        assert!(first.iter().all(|input| input.len() <= 64));
    }
}
