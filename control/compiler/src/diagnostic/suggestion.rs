//! What was probably meant.

/// The candidate spelt most like `word`, if one is alike enough to be what was meant: a third of the letters
/// may differ, in case or at all.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    let near = candidates.into_iter().filter(|candidate| candidate.len().abs_diff(word.len()) <= 2 * allowed);
    // Long lists of long names would make this quadratic work that nobody reads.
    let near = near.take(CANDIDATES_MAX).map(|candidate| (distance(word, candidate), candidate));
    near.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

const CANDIDATES_MAX: usize = 2_000;

/// The Levenshtein distance, in letters, whatever their case; a swap of neighbours counts one.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().flat_map(char::to_lowercase).take(LETTERS_MAX).collect();
    let other: Vec<char> = other.chars().flat_map(char::to_lowercase).take(LETTERS_MAX).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in one.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let replaced = above[column] + usize::from(left != right);
            let mut best = replaced.min(above[column + 1] + 1).min(line[column] + 1);
            let swapped = row > 0 && column > 0 && one[row - 1] == *right && other[column - 1] == *left;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

const LETTERS_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_suggested() {
        let fields = ["description", "requestBody", "responses", "operationId", "get", "put"];
        let check = |word, expected| assert_eq!(nearest(word, fields), expected, "{word}");
        check("descriptions", Some("description"));
        check("requestbody", Some("requestBody"));
        check("operationID", Some("operationId"));
        check("response", Some("responses"));
        check("gte", Some("get"));
        check("body", None);
        check("overlays", None);
    }
}
