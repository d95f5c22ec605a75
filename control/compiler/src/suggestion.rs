//! What a misspelt word was probably meant to be.

const WORD_BYTES_MAX: usize = 100;

/// The candidate nearest to `word`, if it is near enough to be meant: at most a third of its letters are wrong.
pub(crate) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    // The comparison takes time with the product of the lengths.
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let wrong_max = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .filter(|candidate| *candidate != word && candidate.len() <= WORD_BYTES_MAX)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= wrong_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one word of the other, case aside.
fn distance(one: &str, other: &str) -> usize {
    let letters = |word: &str| word.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (one, other) = (letters(one), letters(other));
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, against) in other.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(letter != against);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *against {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, ["minLength", "maxLength", "type", "title"].into_iter()), expected, "{word}");
    }

    #[test]
    fn finds_what_was_meant() {
        check("minLenght", Some("minLength"));
        check("minlength", Some("minLength"));
        check("typ", Some("type"));
        check("tpye", Some("type"));
        check("description", None);
        check("x", None);
    }
}
