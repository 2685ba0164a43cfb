//! Numbers that look random, and message texts that differ from seed to seed, so that nobody can lean on them.

/// One step of SplitMix64: a number that looks random and is the same for the same input.
pub(crate) fn scramble(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A GUID of version 4 for the same seed and number.
pub(crate) fn guid(seed: u64, number: u64) -> String {
    let high = scramble(scramble(seed) ^ number);
    let low = scramble(high);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// The same statement in one of several wordings.
pub(crate) fn vary(seed: u64, number: u64, plain: &str) -> String {
    match scramble(seed ^ scramble(number)) % 5 {
        0 => plain.to_owned(),
        1 => format!("{plain} Please see the documentation for details."),
        2 => format!("The request could not be completed: {plain}"),
        3 => format!("Anforderung abgelehnt [{number:x}]: {plain}"),
        _ => format!(
            "Error {:04x} while processing the request.",
            scramble(number) & 0xffff
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{guid, vary};

    #[test]
    fn texts_differ_and_repeat() {
        let of = |seed| (0..20).map(|n| vary(seed, n, "No.")).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(of(1).iter().any(|text| !text.contains("No.")));
        let ids: BTreeSet<_> = (0..1000).map(|n| guid(7, n)).collect();
        assert_eq!(ids.len(), 1000);
        assert!(
            ids.iter()
                .all(|id| id.len() == 36 && id.chars().nth(14) == Some('4'))
        );
    }
}
