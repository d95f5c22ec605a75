//! A query and its values.

use std::borrow::Cow;

use super::Value;

/// A query and its values, in the order of `$1`, `$2` and so on.
#[derive(Debug, Clone)]
pub struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// A query. Its placeholders are `$1`, `$2` and so on.
pub fn sql(text: &'static str) -> Statement {
    Statement { text: Cow::Borrowed(text), values: Vec::new() }
}

impl Statement {
    /// The next value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// More text.
    #[must_use]
    pub fn then(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// More text, with a value where it ends: `then_bind(" and team_id = ", team)`.
    #[must_use]
    pub fn then_bind(self, text: &'static str, value: impl Into<Value>) -> Self {
        let mut statement = self.then(text).bind(value);
        let placeholder = format!("${}", statement.values.len());
        statement.text.to_mut().push_str(&placeholder);
        statement
    }

    /// The same, if there is a value.
    #[must_use]
    pub fn then_bind_some(self, text: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.then_bind(text, value),
            None => self,
        }
    }

    /// Its text so far, which holds no value.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How much it holds, about.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.values.iter().map(Value::bytes).sum::<usize>()
    }

    pub(super) fn into_parts(self) -> (Cow<'static, str>, Vec<Value>) {
        (self.text, self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_shown_without_its_values() {
        let shown = format!("{:?}", sql("select $1, $2").bind("hunter2").bind(b"hunter2".to_vec()));
        assert!(shown.contains("select $1, $2") && shown.contains("[Text, Bytes]"), "{shown}");
    }

    #[test]
    fn values_and_placeholders_stay_in_step() {
        let statement = sql("select * from t where a = $1").bind(1_i64).then_bind(" and b = ", "x");
        let (text, values) = statement.then_bind_some(" and c = ", None::<i64>).then(" limit 1").into_parts();
        assert_eq!(text, "select * from t where a = $1 and b = $2 limit 1");
        assert_eq!(values, [Value::Int(Some(1)), Value::Text(Some("x".into()))]);
    }
}
