//! What the server says when it refuses: problem details (RFC 9457).

use std::fmt;

use serde::Deserialize;

use crate::output::printable;

/// A refusal. Members that are not known are passed over: a newer server may say more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// For people, the same for every problem of the code.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: Option<String>,
    /// For programs; never changes.
    pub code: String,
    /// Finds the request in the server's logs and audit log.
    pub request_id: Option<String>,
    /// Each thing that is wrong.
    pub errors: Vec<Fault>,
}

/// One thing that is wrong with what was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Where: a JSON pointer into the body, or the name of a parameter or file.
    pub pointer: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    /// What is wrong, the code, the request, then a line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail.as_deref().unwrap_or(&self.title);
        write!(f, "{}", printable(detail))?;
        write!(f, " ({}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", printable(&self.code))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request {}", printable(id))?;
        }
        f.write_str(")")?;
        // What the detail says already needs no line of its own.
        for Fault { pointer, message } in self.errors.iter().filter(|fault| !detail.contains(&fault.message)) {
            let place = if pointer.is_empty() { "the whole of it" } else { pointer };
            write!(f, "\n  {}: {}", printable(place), printable(message))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_helps_is_said() {
        let json = r#"{
            "type": "about:blank", "title": "What was given cannot be meant", "status": 422, "code": "invalid",
            "detail": "two things are wrong", "request_id": "r-7", "retryable": false,
            "errors": [
                {"pointer": "/name", "message": "not a name"},
                {"pointer": "", "message": "too \u001b[2Jlong"}
            ]
        }"#;
        let problem: Problem = serde_json::from_str(json).unwrap();
        assert_eq!(
            problem.to_string(),
            "two things are wrong (422 invalid, request r-7)\n  /name: not a name\n  the whole of it: too \\u{1b}[2Jlong"
        );
    }

    #[test]
    fn a_problem_may_say_little() {
        let problem: Problem = serde_json::from_str(r#"{"title": "Gone", "status": 410}"#).unwrap();
        assert_eq!(problem.to_string(), "Gone (410)");
    }
}
