//! Names: what they may look like, what they resolve to, and what was probably meant.

use crate::report::{At, Report};

/// Longest name, in characters: names become queue groups, object keys and metric dimensions.
const LONGEST: usize = 64;

/// Reports a name that is not lower-case words joined by `-` or `_`; secrets, which a
/// store names, may use `.` and `/` too. Queue names have no full stops.
pub(crate) fn check(report: &Report, name: At<&str>, kind: &str, secret: bool) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let joint = |c: char| matches!(c, '-' | '_') || (secret && matches!(c, '.' | '/'));
    let good = name.value.split(joint).all(word) && name.value.len() <= LONGEST;
    if !good {
        report.error(
            name.at,
            "bad-name",
            format!("`{}` cannot be the name of {kind}", name.value),
            format!(
                "use lower-case letters and digits, joined by `-` or `_`{}, at most {LONGEST} \
                 characters",
                if secret { " or `.` or `/`" } else { "" }
            ),
        );
    }
    good
}

/// Reports a name that is not among the known ones. `define` says how to make it known.
pub(crate) fn resolve<'k>(
    report: &Report,
    name: At<&str>,
    kind: &str,
    known: impl IntoIterator<Item = &'k str>,
    define: &str,
) -> bool {
    let known: Vec<&str> = known.into_iter().collect();
    if known.contains(&name.value) {
        return true;
    }
    report.error(
        name.at,
        "unresolved",
        format!("{kind} `{}` does not exist", name.value),
        match nearest(name.value, known) {
            Some(near) => format!("did you mean `{near}`? otherwise {define}"),
            None => define.to_owned(),
        },
    );
    false
}

/// The known name that was probably meant.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let longest_distance = (name.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (distance(&fold(name), &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= longest_distance)
        .min()
        .map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> Vec<char> {
    name.chars()
        .take(LONGEST)
        .map(|c| if c == '_' { '-' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many insertions, deletions and replacements turn one text into the other (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b) {
            let best = (left + 1)
                .min(*cell + 1)
                .min(diagonal + usize::from(from != to));
            diagonal = *cell;
            *cell = best;
            left = best;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_what_was_probably_meant() {
        let known = ["includes", "entitlements", "description"];
        assert_eq!(nearest("includs", known), Some("includes"));
        assert_eq!(nearest("Entitlement", known), Some("entitlements"));
        assert_eq!(nearest("zone", known), None);
    }
}
