//! Finds what was probably meant by a misspelt name.

/// The known name that differs least, if it differs in at most a third of its characters.
pub(super) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let measured = known.into_iter().map(|known| (distance(name, known), known));
    let close = measured.filter(|(distance, known)| *distance <= (known.chars().count() / 3).max(1));
    close.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// How many characters must be added, dropped or replaced (Levenshtein), row by row of the usual table.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left) in left.chars().enumerate() {
        let mut previous = index.saturating_add(1);
        let mut next = vec![previous];
        for (pair, right) in row.windows(2).zip(&right) {
            if let [diagonal, above] = pair {
                let replaced = diagonal.saturating_add(usize::from(left != *right));
                previous = replaced.min(above.saturating_add(1)).min(previous.saturating_add(1));
                next.push(previous);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slips_are_found() {
        let known = ["listen", "public_url", "drain_seconds"];
        for (name, meant) in [
            ("listen", Some("listen")),
            ("lisen", Some("listen")),
            ("public-url", Some("public_url")),
            ("drain_second", Some("drain_seconds")),
            ("tls", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name:?}");
        }
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (left, right, expected) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ü", "u", 1)] {
            assert_eq!((distance(left, right), distance(right, left)), (expected, expected), "{left} {right}");
        }
    }
}
