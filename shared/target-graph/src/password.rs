//! First passwords. Nobody ever sees one: it goes to Graph and is forgotten, and the person sets
//! up sign-in by other means (a Temporary Access Pass, say).

use ports::Fault;

/// A byte chooses among 64 without a bias.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// 32 characters of 6 bits are 192 bits.
const LENGTH: usize = 32;

/// One character of each class that password rules ask for; they add no strength and take none.
const CLASSES: &str = "aA1-";

/// A password of 36 random characters from the system's generator.
pub(crate) fn random() -> Result<String, Fault> {
    let bytes = random_bytes::<LENGTH>()?;
    let letters = bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 63)))
        .map(|letter| char::from(*letter));
    Ok(letters.chain(CLASSES.chars()).collect())
}

/// A random GUID (RFC 9562 section 5.4).
pub(crate) fn guid() -> Result<String, Fault> {
    let bits = u128::from_be_bytes(random_bytes::<16>()?);
    // Version 4 in the 13th hex digit, variant 10 in the top bits of the 17th.
    let bits = bits & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let part = |shift: u32, digits: u32| {
        let mask = (1_u128 << (digits * 4)) - 1;
        (bits >> shift) & mask
    };
    Ok(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 8),
        part(80, 4),
        part(64, 4),
        part(48, 4),
        part(0, 12)
    ))
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| Fault::retry("the system has no random numbers for now"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_are_long_have_every_class_and_never_repeat() {
        let all: BTreeSet<String> = (0..500).map(|_| random().unwrap()).collect();
        assert_eq!(all.len(), 500);
        for one in &all {
            assert!(one.len() >= 24 && one.is_ascii());
            for class in [
                char::is_ascii_lowercase as fn(&char) -> bool,
                char::is_ascii_uppercase,
                char::is_ascii_digit,
                char::is_ascii_punctuation,
            ] {
                assert!(one.chars().any(|c| class(&c)));
            }
        }
        let used: BTreeSet<char> = all.iter().flat_map(|one| one.chars()).collect();
        assert_eq!(used.len(), ALPHABET.len());
    }

    #[test]
    fn guids_have_their_form() {
        let all: BTreeSet<String> = (0..100).map(|_| guid().unwrap()).collect();
        assert_eq!(all.len(), 100);
        for one in &all {
            let lengths: Vec<usize> = one.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            let digits: Vec<char> = one.chars().collect();
            assert_eq!(digits[14], '4');
            assert!("89ab".contains(digits[19]), "{one}");
            assert!(one.chars().all(|c| c == '-' || c.is_ascii_hexdigit()));
        }
    }
}
