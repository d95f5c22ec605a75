//! Numbers as they are written, compared and divided exactly: 64-bit floats are not, beyond 2^53.

use std::cmp::Ordering;

use serde_json::Number;

/// `0.d1d2d3... * 10^point`, where `d1` is not zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    /// Neither the first nor the last is zero. Zero has none.
    digits: String,
    point: i64,
}

/// More digits than this are not counted: they fit into 128 bits.
const DIGITS_MAX: usize = 38;

impl From<&Number> for Decimal {
    fn from(number: &Number) -> Self {
        let text = number.as_str();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let out_of_range = if exponent.starts_with('-') { i64::from(i32::MIN) } else { i64::from(i32::MAX) };
        let exponent = exponent.parse::<i32>().map_or(out_of_range, i64::from);
        let unsigned = mantissa.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let point = exponent + i64::try_from(whole.len()).unwrap_or(i64::MAX / 2)
            - i64::try_from(all.len() - significant.len()).unwrap_or(i64::MAX / 2);
        let digits = significant.trim_end_matches('0').to_owned();
        let point = if digits.is_empty() { 0 } else { point };
        Self { is_negative: mantissa.starts_with('-') && !digits.is_empty(), digits, point }
    }
}

impl Decimal {
    /// How the number compares with a whole one.
    pub(super) fn compare(&self, other: i128) -> Ordering {
        let magnitude = || match self.whole_digits() {
            None => Ordering::Greater,
            Some(whole) => whole.cmp(&other.unsigned_abs()).then(if self.has_fraction() {
                Ordering::Greater
            } else {
                Ordering::Equal
            }),
        };
        match (self.is_negative, other < 0) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
        }
    }

    /// The least whole number that is a multiple of this one; `None` where it is too long to be told.
    pub(super) fn least_whole_multiple(&self) -> Option<u128> {
        if !self.has_fraction() {
            return self.whole_digits();
        }
        let digits = self.digits.parse::<u128>().ok().filter(|_| self.digits.len() <= DIGITS_MAX)?;
        let decimals = i64::try_from(self.digits.len()).ok()? - self.point;
        let denominator = 10_u128.checked_pow(u32::try_from(decimals).ok()?)?;
        Some(digits / greatest_common_divisor(digits, denominator))
    }

    pub(super) fn has_fraction(&self) -> bool {
        i64::try_from(self.digits.len()).is_ok_and(|length| length > self.point)
    }

    /// The magnitude without its fraction; `None` where it has more than [`DIGITS_MAX`] digits.
    fn whole_digits(&self) -> Option<u128> {
        let Ok(length) = usize::try_from(self.point) else { return Some(0) };
        if self.digits.is_empty() || length == 0 {
            return Some(0);
        }
        if length > DIGITS_MAX {
            return None;
        }
        let whole = self.digits.get(..length).unwrap_or(&self.digits);
        format!("{whole:0<length$}").parse().ok()
    }
}

fn greatest_common_divisor(one: u128, other: u128) -> u128 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from(&serde_json::from_str::<Number>(text).unwrap())
    }

    #[test]
    fn comparison_is_exact() {
        for (text, other, expected) in [
            ("0", 0, Ordering::Equal),
            ("-0.0", 0, Ordering::Equal),
            ("0e99999999999", 1, Ordering::Less),
            ("127", 127, Ordering::Equal),
            ("1.27e2", 127, Ordering::Equal),
            ("127.5", 127, Ordering::Greater),
            ("-127.5", -127, Ordering::Less),
            ("-128", -127, Ordering::Less),
            ("-1", 1, Ordering::Less),
            ("0.001", 0, Ordering::Greater),
            ("0.001", -1, Ordering::Greater),
            ("-0.001", 0, Ordering::Less),
            ("9007199254740993", 9_007_199_254_740_992, Ordering::Greater),
            ("18446744073709551615", i128::from(u64::MAX), Ordering::Equal),
            ("1.8446744073709551616e19", i128::from(u64::MAX), Ordering::Greater),
            ("1e400", i128::from(u64::MAX), Ordering::Greater),
            ("-1e400", i128::from(i64::MIN), Ordering::Less),
            ("1e-400", 0, Ordering::Greater),
            ("1e99999999999", i128::MAX, Ordering::Greater),
            ("1e-99999999999", 1, Ordering::Less),
        ] {
            assert_eq!(decimal(text).compare(other), expected, "{text} and {other}");
        }
    }

    #[test]
    fn multiples_are_whole() {
        for (text, expected) in [
            ("1", Some(1)),
            ("2.0", Some(2)),
            ("0.5", Some(1)),
            ("1.5", Some(3)),
            ("0.3", Some(3)),
            ("0.01", Some(1)),
            ("2.5e1", Some(25)),
            ("1e-400", None),
        ] {
            assert_eq!(decimal(text).least_whole_multiple(), expected, "{text}");
        }
    }
}
