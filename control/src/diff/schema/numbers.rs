//! Numbers of any size, compared by value.

use std::cmp::Ordering;

use serde_json::Number;

/// Orders two numbers: exactly where both are whole and below 2^127, else as 64-bit floats.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    let whole = |number: &Number| number.as_str().parse::<i128>().ok();
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return a.cmp(&b);
    }
    let float = |number: &Number| number.as_str().parse::<f64>().unwrap_or(f64::NAN);
    float(a).total_cmp(&float(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: Ordering) {
        let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        assert_eq!(compare(&number(a), &number(b)), expected, "{a} and {b}");
    }

    #[test]
    fn values_count_and_not_spellings() {
        check("1", "1.0", Ordering::Equal);
        check("1e2", "100", Ordering::Equal);
        check("0.5", "1", Ordering::Less);
        check("9007199254740993", "9007199254740992", Ordering::Greater);
        check("-1", "1", Ordering::Less);
    }
}
